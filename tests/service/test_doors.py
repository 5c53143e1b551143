"""One logic behind three doors: HTTP, the shell and a plain call give the same."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from service import cli
from service.automations import service as automations
from service.automations.models import Automation
from service.automations.schemas import AutomationRead
from service.core.errors import ServiceError
from service.items import service as items
from service.items.models import Item
from service.items.schemas import ItemRead
from service.runs import dispatch
from service.runs import service as runs
from service.runs.schemas import RunRead
from tests.service.conftest import Sessions
from tests.support.postgres import Postgres

UNKNOWN = UUID("01890000-0000-7000-8000-000000000000")


def shell(*arguments: str) -> tuple[int, str, str]:
    """Exit code, output and complaints of `python -m service`."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = cli.main(arguments)
    return code, out.getvalue(), err.getvalue()


@dataclass
class Door:
    """What a door may need."""

    sessions: Sessions
    client: TestClient


class Http(Door):
    """The actions through the HTTP API."""

    def create_item(self, name: str) -> Any:
        return self._answer("POST", "/v1/items", {"name": name})

    def update_item(self, item_id: str, name: str) -> Any:
        return self._answer("PATCH", f"/v1/items/{item_id}", {"name": name})

    def create_automation(self, item_id: str, code: str) -> Any:
        return self._answer("POST", "/v1/automations", {"name": "Tell", "item_id": item_id, "code": code})

    def run_automation(self, automation_id: str) -> Any:
        return self._answer("POST", f"/v1/automations/{automation_id}/runs")

    def cancel_run(self, run_id: str) -> Any:
        return self._answer("POST", f"/v1/runs/{run_id}/cancel")

    def _answer(self, method: str, path: str, body: Any = None) -> Any:
        response = self.client.request(method, path, json=body)
        return response.json() if response.is_success else response.json()["detail"]


class Shell(Door):
    """The same actions through `python -m service`."""

    def create_item(self, name: str) -> Any:
        return self._answer("items", "create", "--name", name)

    def update_item(self, item_id: str, name: str) -> Any:
        return self._answer("items", "update", item_id, "--name", name)

    def create_automation(self, item_id: str, code: str) -> Any:
        return self._answer("automations", "create", "--name", "Tell", "--item", item_id, "--code", code)

    def run_automation(self, automation_id: str) -> Any:
        return self._answer("run-automation", automation_id)

    def cancel_run(self, run_id: str) -> Any:
        return self._answer("runs", "cancel", run_id)

    def _answer(self, *arguments: str) -> Any:
        code, out, err = shell(*arguments, "--json")
        return json.loads(out) if code == 0 else err.strip()


class Call(Door):
    """The same actions as a worker or a task calls them."""

    def create_item(self, name: str) -> Any:
        return self._answer(lambda session: ItemRead.model_validate(items.create(session, name=name)))

    def update_item(self, item_id: str, name: str) -> Any:
        def update(session: Any) -> Any:
            item, queued = items.update(session, item_id=UUID(item_id), changes={"name": name})
            dispatch.send_after_commit(session, queued)
            return ItemRead.model_validate(item), [str(run.id) for run in queued]

        answer = self._answer(update)
        if isinstance(answer, str):
            return answer
        item, queued = answer
        return {**item.model_dump(mode="json"), "runs": queued}

    def create_automation(self, item_id: str, code: str) -> Any:
        def create(session: Any) -> Any:
            made = automations.create(session, name="Tell", code=code, item_id=UUID(item_id))
            return AutomationRead.model_validate(made)

        return self._answer(create)

    def run_automation(self, automation_id: str) -> Any:
        def queue(session: Any) -> Any:
            run = runs.queue_now(session, automation_id=UUID(automation_id))
            dispatch.send_after_commit(session, [run])
            return RunRead.model_validate(run)

        return self._answer(queue)

    def cancel_run(self, run_id: str) -> Any:
        return self._answer(lambda session: RunRead.model_validate(runs.cancel(session, run_id=UUID(run_id))))

    def _answer(self, action: Callable[[Any], Any]) -> Any:
        try:
            with self.sessions.begin() as session:
                outcome = action(session)
        except ServiceError as error:
            return str(error)
        return outcome.model_dump(mode="json") if hasattr(outcome, "model_dump") else outcome


def shape(value: Any) -> Any:
    """An answer without what differs each time: ids, times, and hashes stay by their type only."""
    if isinstance(value, dict):
        volatile = {key for key in value if key == "id" or key.endswith(("_id", "_at")) or key == "runs"}
        return {key: type(entry).__name__ if key in volatile else entry for key, entry in value.items()}
    return value


def story(door: Any) -> list[Any]:
    """The main job and its refusals, through one door."""
    item = door.create_item("  Espresso machine ")
    automation = door.create_automation(item["id"], "print('told')")
    updated = door.update_item(item["id"], "Grinder")
    queued = door.run_automation(automation["id"])
    cancelled = door.cancel_run(queued["id"])
    refused = [
        door.cancel_run(queued["id"]),
        door.cancel_run(str(UNKNOWN)),
        door.update_item(str(UNKNOWN), "x"),
        door.create_automation(str(UNKNOWN), "1"),
        door.run_automation(str(UNKNOWN)),
    ]
    assert len(updated["runs"]) == 1
    return [shape(answer) for answer in (item, automation, updated, queued, cancelled)] + refused


@pytest.mark.parametrize("door", [Shell, Call])
def test_every_door_gives_what_http_gives(
    sessions: Sessions, client: TestClient, sent: list[UUID], door: type[Shell | Call]
) -> None:
    through_http = story(Http(sessions, client))
    sent_by_http = len(sent)
    other = story(door(sessions, client))
    if door is Call:
        # White space is the doors' business, not the function's.
        other[0]["name"] = other[0]["name"].strip()
    assert other == through_http
    assert (sent_by_http, len(sent)) == (2, 4)


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("items", "show", str(UNKNOWN)), 1, f"There is no item {UNKNOWN}."),
        (("items", "create", "--name", " "), 2, "name: String should have at least 1 character"),
        (("items", "list", "--limit", "0"), 2, "limit: Input should be greater than or equal to 1"),
        (("items", "list", "--cursor", "x"), 1, "The cursor is not one that this list returned."),
    ],
)
def test_the_shell_complains_in_one_line(
    sessions: Sessions, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    assert shell(*arguments) == (code, "", complaint + "\n")


def test_the_shell_shows_lists_as_text(sessions: Sessions, item: Item, automation: Automation) -> None:
    code, out, _ = shell("automations", "list", "--item", str(item.id))
    assert code == 0
    assert f"id          {automation.id}\n" in out
    assert "code        print('told')\n" in out
    assert shell("runs", "list", str(automation.id)) == (0, "none\n", "")


def test_the_shell_changes_and_deletes(sessions: Sessions, item: Item, automation: Automation, tmp_path: Any) -> None:
    script = tmp_path / "script.py"
    script.write_text("print('new')\n")
    shown = json.loads(shell("items", "update", str(item.id), "--no-description", "--json")[1])
    assert (shown["name"], shown["description"]) == (item.name, None)
    arguments = ("automations", "update", str(automation.id), "--no-enabled", "--code-file", str(script), "--json")
    changed = json.loads(shell(*arguments)[1])
    assert (changed["code"], changed["enabled"], changed["name"]) == ("print('new')\n", False, "Tell")
    assert shell("automations", "delete", str(automation.id))[0] == 0
    assert shell("automations", "show", str(automation.id))[0] == 1


def test_the_shell_works_as_a_program_from_migration_to_item(postgres: Postgres) -> None:
    url = postgres.create_database(f"shell_{os.getpid()}")

    def program(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": url}
        command = [sys.executable, "-m", "service", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)

    assert program("migrate").stdout == "at 0001, applied: 0001\n"
    created = json.loads(program("items", "create", "--name", "Kettle", "--json").stdout)
    assert json.loads(program("items", "list", "--json").stdout) == {"items": [created], "next_cursor": None}


def test_without_a_database_the_shell_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, complaint = shell("items", "list")
    assert (code, complaint) == (2, "neither DATABASE_URL nor DATABASE_HOST is set: the service has no database\n")
    assert shell("openapi")[0] == 0
