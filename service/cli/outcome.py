"""What a command comes to, and how a person reads it: tables for lists, names and values for one object."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel

from service.api_keys.schemas import ApiKeyRead
from service.automations.schemas import AutomationRead
from service.core.pagination import Page, PageQuery
from service.items.schemas import ItemRead
from service.runs.schemas import RunRead
from service.users.schemas import UserRead

Query = TypeVar("Query", bound=PageQuery)
Entry = TypeVar("Entry", bound=BaseModel)

_WIDEST_CELL = 60
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
# Control characters but the tab and the line feed, and those that turn the direction of writing.
_COMMANDS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a command comes to."""

    answer: BaseModel | Mapping[str, Any] | None = None
    """What the HTTP API would answer; all that `--json` prints."""

    text: str | None = None
    """What a person reads in place of the answer."""

    remark: str | None = None
    """What a person reads after it."""

    complaint: str | None = None
    """What is said on standard error, to whomever."""

    code: int = 0
    """The exit code."""


COLUMNS: Final[Mapping[type[BaseModel], Sequence[str]]] = {
    ItemRead: ("id", "name", "version", "updated_at"),
    AutomationRead: ("id", "name", "enabled", "item_id", "updated_at"),
    RunRead: ("id", "automation_id", "status", "trigger", "created_at", "duration_ms", "reason"),
    UserRead: ("id", "email", "role", "created_at"),
    ApiKeyRead: ("id", "name", "prefix", "created_at", "expires_at", "last_used_at", "revoked_at"),
}
"""What a list shows of each entry."""

BLOCKS: Final = ("code", "stdout", "stderr")
"""Texts of several lines, shown below the other fields of an object."""


def collected(fetch: Callable[[Query], Page[Entry]], query: Query, *, everything: bool) -> Page[Entry]:
    """The page that the query asks for, with all that follow it where `everything` is wanted."""
    page = fetch(query)
    entries = list(page.items)
    while everything and page.next_cursor is not None:
        page = fetch(query.model_copy(update={"cursor": page.next_cursor}))
        entries += page.items
    return page.model_copy(update={"items": entries})


def as_json(outcome: Outcome) -> str:
    """The answer as HTTP would give it; nothing where HTTP would answer with no content.

    In ASCII, so that it is JSON on a stream of any encoding.
    """
    match outcome.answer:
        case None:
            return ""
        case BaseModel() as answer:
            return _in_ascii(answer.model_dump_json(indent=2)) + "\n"
        case document:
            return json.dumps(document, indent=2) + "\n"


def compact_json(answer: BaseModel) -> str:
    """The same on one line."""
    return _in_ascii(answer.model_dump_json())


def as_text(outcome: Outcome) -> str:
    """The outcome for a person."""
    text = outcome.text
    if text is None and isinstance(outcome.answer, BaseModel):
        text = _table(cast("Page[Any]", answer)) if isinstance(answer := outcome.answer, Page) else _object(answer)
    return "".join(f"{part}\n" for part in (text, outcome.remark) if part is not None)


def one_line(value: Any) -> str:
    """The value as text of one line that commands no terminal."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return _printable(value).replace("\n", "\\n").replace("\t", "\\t")
    if isinstance(value, list | dict):
        return _printable(json.dumps(value, ensure_ascii=False))
    return str(value)


def _in_ascii(written: str) -> str:
    # Beyond ASCII there is nothing but the insides of strings.
    return _NOT_ASCII.sub(lambda found: json.dumps(found[0])[1:-1], written)


def _table(page: Page[Any]) -> str:
    if not page.items:
        return "none"
    # A tenth of a second that only tables need to take.
    from tabulate import tabulate  # pyright: ignore[reportUnknownVariableType]

    columns = next(columns for kind, columns in COLUMNS.items() if isinstance(page.items[0], kind))
    rows = [[_cell(getattr(entry, column)) for column in columns] for entry in page.items]
    headers = [column.removesuffix("_at").removesuffix("_id").replace("_", " ") for column in columns]
    lines = [tabulate(rows, headers, tablefmt="plain", disable_numparse=True)]
    if page.next_cursor is not None:
        lines.append(f"\nmore: --cursor {page.next_cursor}, or --all")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    text = "-" if value is None else one_line(value)
    return text if len(text) <= _WIDEST_CELL else f"{text[: _WIDEST_CELL - 1]}…"


def _object(answer: BaseModel) -> str:
    # As JSON has it, so that ids and times read the same here and there.
    fields = {name: value for name, value in answer.model_dump(mode="json").items() if value is not None}
    blocks = [f"\n{name}:\n{_block(text)}" for name in BLOCKS if (text := fields.pop(name, None))]
    width = max(len(name) for name in fields)
    return "\n".join([*(f"{name:<{width}}  {one_line(value)}" for name, value in fields.items()), *blocks])


def _block(text: str) -> str:
    return "\n".join(f"    {line}" for line in _printable(text).removesuffix("\n").split("\n"))


def _printable(text: str) -> str:
    # What a script printed must not command the terminal of whoever reads it.
    return _COMMANDS.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
