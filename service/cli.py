"""`python -m service`: the service's own functions from a shell, over the same validation as HTTP."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from service.automations import service as automations
from service.automations.schemas import AutomationCreate, AutomationPatch, AutomationRead
from service.core import database
from service.core.errors import ServiceError
from service.core.pagination import Page, PageQuery
from service.items import service as items
from service.items.schemas import ItemCreate, ItemPatch, ItemRead, ItemUpdated
from service.runs import service as runs
from service.runs.dispatch import send_after_commit
from service.runs.schemas import RunRead

Command = Callable[[argparse.Namespace, Session], BaseModel | None]

FAILED = 1
WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 where it was done, 1 where the service refused it, 2 for wrong use or no database."""
    options = _parser().parse_args(arguments)
    try:
        if options.run is not None:
            return options.run(options)
        with database.transaction() as session:
            outcome = cast("Command", options.command)(options, session)
    except ServiceError as error:
        return _complain(str(error), FAILED)
    except ValidationError as error:
        return _complain("; ".join(_explained(entry) for entry in error.errors()), WRONG_USE)
    except (SQLAlchemyError, OSError, RuntimeError) as error:
        return _complain(str(error).splitlines()[0], WRONG_USE)
    if outcome is not None:
        sys.stdout.write(_as_json(outcome) if options.json else _as_table(outcome))
    return 0


def create_item(options: argparse.Namespace, session: Session) -> BaseModel:
    body = ItemCreate(name=options.name, description=options.description)
    return ItemRead.model_validate(items.create(session, name=body.name, description=body.description))


def list_items(options: argparse.Namespace, session: Session) -> BaseModel:
    query = PageQuery(limit=options.limit, cursor=options.cursor)
    return Page[ItemRead].model_validate(items.page(session, limit=query.limit, cursor=query.cursor))


def show_item(options: argparse.Namespace, session: Session) -> BaseModel:
    return ItemRead.model_validate(items.get(session, item_id=options.id))


def update_item(options: argparse.Namespace, session: Session) -> BaseModel:
    given = _given(options, "name", "description")
    if options.no_description:
        given["description"] = None
    changes = cast("items.ItemChanges", ItemPatch(**given).model_dump(exclude_unset=True))
    item, queued = items.update(session, item_id=options.id, changes=changes)
    send_after_commit(session, queued)
    return ItemUpdated(**ItemRead.model_validate(item).model_dump(), runs=[run.id for run in queued])


def delete_item(options: argparse.Namespace, session: Session) -> None:
    items.delete(session, item_id=options.id)


def create_automation(options: argparse.Namespace, session: Session) -> BaseModel:
    body = AutomationCreate(name=options.name, code=_code(options), item_id=options.item, enabled=not options.disabled)
    return AutomationRead.model_validate(automations.create(session, **body.model_dump()))


def list_automations(options: argparse.Namespace, session: Session) -> BaseModel:
    query = PageQuery(limit=options.limit, cursor=options.cursor)
    page = automations.page(session, item_id=options.item, limit=query.limit, cursor=query.cursor)
    return Page[AutomationRead].model_validate(page)


def show_automation(options: argparse.Namespace, session: Session) -> BaseModel:
    return AutomationRead.model_validate(automations.get(session, automation_id=options.id))


def update_automation(options: argparse.Namespace, session: Session) -> BaseModel:
    given = _given(options, "name", "enabled")
    if options.item is not None:
        given["item_id"] = options.item
    if options.code is not None or options.code_file is not None:
        given["code"] = _code(options)
    changes = cast("automations.AutomationChanges", AutomationPatch(**given).model_dump(exclude_unset=True))
    return AutomationRead.model_validate(automations.update(session, automation_id=options.id, changes=changes))


def delete_automation(options: argparse.Namespace, session: Session) -> None:
    automations.delete(session, automation_id=options.id)


def run_automation(options: argparse.Namespace, session: Session) -> BaseModel:
    run = runs.queue_now(session, automation_id=options.id)
    send_after_commit(session, [run])
    return RunRead.model_validate(run)


def list_runs(options: argparse.Namespace, session: Session) -> BaseModel:
    query = PageQuery(limit=options.limit, cursor=options.cursor)
    automation = automations.get(session, automation_id=options.automation)
    page = runs.page(session, automation_id=automation.id, limit=query.limit, cursor=query.cursor)
    return Page[RunRead].model_validate(page)


def show_run(options: argparse.Namespace, session: Session) -> BaseModel:
    return RunRead.model_validate(runs.get(session, run_id=options.id))


def cancel_run(options: argparse.Namespace, session: Session) -> BaseModel:
    return RunRead.model_validate(runs.cancel(session, run_id=options.id))


def print_openapi(_options: argparse.Namespace) -> int:
    from service.main import create_app

    sys.stdout.write(json.dumps(create_app().openapi(), indent=2) + "\n")
    return 0


def migrate(options: argparse.Namespace) -> int:
    from service.migrations.upgrade import upgrade

    upgraded = upgrade(revision=options.revision)
    sys.stdout.write(f"at {upgraded.revision}, applied: {', '.join(upgraded.applied) or 'nothing'}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m service", description="Plinth's service from a shell.")
    groups = parser.add_subparsers(required=True, metavar="COMMAND")

    of_items = _group(groups, "items", "items, and the automations that their updates start")
    create = _add(of_items, "create", create_item, "create an item")
    create.add_argument("--name", required=True)
    create.add_argument("--description")
    _paged(_add(of_items, "list", list_items, "list items, newest first"))
    _with_id(_add(of_items, "show", show_item, "show an item"))
    update = _with_id(_add(of_items, "update", update_item, "change an item and start its automations"))
    update.add_argument("--name")
    description = update.add_mutually_exclusive_group()
    description.add_argument("--description")
    description.add_argument("--no-description", action="store_true", help="remove the description")
    _with_id(_add(of_items, "delete", delete_item, "delete an item with its automations and their runs"))

    of_automations = _group(groups, "automations", "the scripts that updates start")
    create = _add(of_automations, "create", create_automation, "attach an automation to an item")
    create.add_argument("--item", type=UUID, required=True)
    create.add_argument("--name", required=True)
    _with_code(create, required=True)
    create.add_argument("--disabled", action="store_true")
    of_item = _paged(_add(of_automations, "list", list_automations, "list automations, newest first"))
    of_item.add_argument("--item", type=UUID, help="only those of this item")
    _with_id(_add(of_automations, "show", show_automation, "show an automation"))
    update = _with_id(_add(of_automations, "update", update_automation, "change an automation"))
    update.add_argument("--name")
    update.add_argument("--item", type=UUID)
    _with_code(update, required=False)
    update.add_argument("--enabled", action=argparse.BooleanOptionalAction, default=None)
    _with_id(_add(of_automations, "delete", delete_automation, "delete an automation with its runs"))

    of_runs = _group(groups, "runs", "what automations did")
    of_automation = _paged(_add(of_runs, "list", list_runs, "list the runs of an automation, newest first"))
    of_automation.add_argument("automation", type=UUID)
    _with_id(_add(of_runs, "show", show_run, "show a run"))
    _with_id(_add(of_runs, "cancel", cancel_run, "cancel a run that is still queued"))

    _with_id(_add(groups, "run-automation", run_automation, "queue a run of an automation now"))
    groups.add_parser("openapi", help="print the OpenAPI document").set_defaults(run=print_openapi)
    upgrade = groups.add_parser("migrate", help="upgrade the database's schema")
    upgrade.add_argument("--revision", default="head")
    upgrade.set_defaults(run=migrate)
    return parser


def _group(groups: Any, name: str, purpose: str) -> Any:
    return groups.add_parser(name, help=purpose).add_subparsers(required=True, metavar="COMMAND")


def _add(group: Any, name: str, command: Command, purpose: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = group.add_parser(name, help=purpose)
    parser.add_argument("--json", action="store_true", help="print what the HTTP API would answer")
    parser.set_defaults(command=command, run=None)
    return parser


def _paged(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--limit", type=int, default=20)
    parser.add_argument("--cursor")
    return parser


def _with_id(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("id", type=UUID)
    return parser


def _with_code(parser: argparse.ArgumentParser, *, required: bool) -> None:
    code = parser.add_mutually_exclusive_group(required=required)
    code.add_argument("--code", help="the script itself")
    code.add_argument("--code-file", type=Path, help="a file with the script")


def _code(options: argparse.Namespace) -> str:
    return options.code if options.code is not None else options.code_file.read_text(encoding="utf-8")


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def _as_json(outcome: BaseModel) -> str:
    return outcome.model_dump_json(indent=2) + "\n"


def _as_table(outcome: BaseModel) -> str:
    document = outcome.model_dump(mode="json")
    rows = document["items"] if isinstance(outcome, Page) else [document]
    lines = ["\n".join(_fields(row)) for row in rows]
    if document.get("next_cursor"):
        lines.append(f"more: --cursor {document['next_cursor']}")
    return "\n\n".join(lines) + "\n" if lines else "none\n"


def _fields(row: Mapping[str, Any]) -> list[str]:
    width = max(len(name) for name in row)
    return [f"{name:<{width}}  {_shown(value)}" for name, value in row.items() if value is not None]


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.rstrip("\n").replace("\n", "\n    ")


def _explained(entry: Mapping[str, Any]) -> str:
    return f"{'.'.join(str(part) for part in entry['loc'])}: {entry['msg']}"


def _complain(message: str, code: int) -> int:
    sys.stderr.write(f"{message}\n")
    return code
