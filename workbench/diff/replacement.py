"""Which properties a resource cannot change in place: the table where it has the type, else the SDK's documentation."""

import ast
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from keyword import iskeyword
from pathlib import Path as File
from typing import Any

from workbench.diff.ignored import is_ignored
from workbench.diff.model import Forces, ItemName, Path, PropertyChange
from workbench.diff.replacement_components import COMPONENTS
from workbench.diff.replacement_rows import Asked, Keys, Row
from workbench.diff.replacement_table import TABLE
from workbench.diff.snapshot import Entry
from workbench.placeholders import snake


@dataclass(frozen=True)
class Verdict:
    """Whether changing a property replaces the resource, and where that is written."""

    forces: Forces
    source: str = ""


def verdict(
    type_: str, path: Path, change: PropertyChange | None = None, inputs: Mapping[str, Any] | None = None
) -> Verdict:
    """What changing the property at `path` (names on the wire, camelCase) does to a resource of a type.

    Some properties force a new resource only with certain values. With the `change` and the resource's `inputs` after
    it that is decided; without, the verdict is `MAY`.
    """
    keys = tuple(part for part in path if isinstance(part, str) and not isinstance(part, ItemName))
    top = keys[0]
    if type_.startswith(("aws:", "awsx:")) and top in _EVERYWHERE:
        return _EVERYWHERE[top]
    row = COMPONENTS[type_].row if type_ in COMPONENTS else TABLE.get(type_)
    if row is None or top in row.unread:
        return _documented(type_, top)
    asked = Asked(inputs=inputs) if change is None else Asked(change.before, change.after, inputs)
    return _of_the_row(row, keys, asked)


def verdict_on(
    entry: Entry, path: Path, change: PropertyChange | None = None, inputs: Mapping[str, Any] | None = None
) -> Verdict:
    """The same for one resource, whose program may say itself what it has to be made anew for."""
    if is_ignored(path, entry.replace_on_changes):
        return Verdict(Forces.YES, "its replace_on_changes says so")
    return verdict(entry.type, path, change, inputs)


def says_it_forces(text: str) -> bool:
    """Whether a sentence of documentation says that changing what it is about forces a new resource."""
    return _FORCES.search(text) is not None


_EVERYWHERE: Mapping[str, Verdict] = {
    "region": Verdict(Forces.YES, "nothing on AWS moves to another region"),
    "tags": Verdict(Forces.NO, "tags are changed in place"),
    "tagsAll": Verdict(Forces.NO, "tags are changed in place"),
}


def _of_the_row(row: Row, keys: Keys, asked: Asked) -> Verdict:
    above = [keys[:length] for length in range(1, len(keys) + 1)]
    if not row.forces.isdisjoint(above):
        return Verdict(Forces.YES, row.source)
    for path, condition in row.conditions.items():
        if path in above:
            forces = condition.forces(asked)
            told = Forces.MAY if forces is None else Forces.YES if forces else Forces.NO
            return Verdict(told, f"{condition.said}; {row.source}")
    below = sorted(".".join(path) for path in row.forces if path[: len(keys)] == keys)
    if below:
        return Verdict(Forces.MAY, f"where {' or '.join(below)} changes; {row.source}")
    return Verdict(Forces.NO, row.source)


def _documented(type_: str, top: str) -> Verdict:
    kind = type_.rpartition(":")[2]
    texts = _documentation(type_)
    text = next((text for name, text in texts.items() if _compared(name) == _compared(top)), None)
    if text is None:
        return Verdict(Forces.MAY, f"neither the table nor the SDK knows {top} of {kind}" if texts else _UNTOLD)
    if says_it_forces(text):
        return Verdict(Forces.YES, f"the SDK's documentation of {kind}")
    return Verdict(Forces.MAY, _UNTOLD)


_UNTOLD = "neither the table nor the SDK's documentation says"

_FORCES = re.compile(
    r"\bforc(?:es?|ing) (?:a |the )?(?:resource )?(?:new\b|re-?creation|replacement)"
    r"|\bcreates a new resource\b"
    r"|\btriggers? (?:a )?replacement\b"
    r"|\brequir(?:es?|ing) (?:a )?(?:resource )?(?:re-?creation|replacement)"
    r"|\bwill be (?:re-?created|replaced)\b",
    re.IGNORECASE,
)


@cache
def _documentation(type_: str) -> Mapping[str, str]:
    """What an SDK's Python documentation says of each argument of a type. The SDK is read, and never imported."""
    file, kind = _source_of(type_)
    if file is None:
        return {}
    docstring = next(
        (
            ast.get_docstring(method) or ""
            for holder in ast.parse(file.read_text(encoding="utf-8")).body
            if isinstance(holder, ast.ClassDef) and holder.name == f"{kind}Args"
            for method in holder.body
            if isinstance(method, ast.FunctionDef) and method.name == "__init__"
        ),
        "",
    )
    parts = re.split(r"^:param .+? (\w+):", docstring, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _source_of(type_: str) -> tuple[File | None, str]:
    """Where the class of a type token such as `aws:sqs/queue:Queue` is defined, and its name."""
    package, _, rest = type_.partition(":")
    place, _, kind = rest.partition(":")
    module, _, name = place.partition("/")
    found = PathFinder.find_spec(f"pulumi_{package}", sys.path)
    if found is None or not found.submodule_search_locations or not kind:
        return None, kind
    root = File(found.submodule_search_locations[0])
    folder = root if module == "index" else root / (f"{module}_" if iskeyword(module) else module)
    file = folder / f"{snake(name or kind)}.py"
    return (file if file.is_file() else None), kind


def _compared(name: str) -> str:
    """A property's name as it is compared: on the wire it is camelCase, in Python snake_case."""
    return name.replace("_", "").lower()
