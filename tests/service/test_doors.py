"""One logic behind three doors: over HTTP, from a shell and in background work the same story goes the same way."""

import ast
import functools
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Protocol
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, ValidationError
from sqlalchemy.orm import Session

import service
from service.automations import service as automations
from service.automations.schemas import AutomationCreate, AutomationRead
from service.core import database, preconditions
from service.core.actor import Actor
from service.core.errors import ServiceError
from service.core.pagination import Page
from service.items import service as items
from service.items.schemas import ItemCreate, ItemPatch, ItemRead, ItemUpdated
from service.lambda_handlers import worker
from service.main import create_app
from service.runs import dispatch
from service.runs import service as runs
from service.runs.runners.answers import outcome_of
from service.runs.sandbox import RunOutcome, RunRequest
from service.runs.schemas import RunDetails, RunRead
from tests.service.conftest import Sessions, bearer
from tests.support.shell import shell

ROOT = Path(service.__file__).parent
UNKNOWN = "01890000-0000-7000-8000-000000000000"


class Door(Protocol):
    """What can be done through each door. An answer is what HTTP would send; a refusal is `{"refused": [reason]}`."""

    def create_item(self, name: str) -> Any: ...
    def update_item(self, item_id: str, description: str, version: int | None = None) -> Any: ...
    def read_item(self, item_id: str) -> Any: ...
    def delete_item(self, item_id: str) -> Any: ...
    def create_automation(self, item_id: str, name: str, code: str) -> Any: ...
    def disable(self, automation_id: str, version: int | None = None) -> Any: ...
    def run_now(self, automation_id: str) -> Any: ...
    def read_run(self, run_id: str) -> Any: ...
    def failed_runs(self, item_id: str) -> Any: ...
    def cancel(self, run_id: str) -> Any: ...
    def rerun(self, run_id: str) -> Any: ...


class Http:
    """The HTTP API, called with an access token."""

    def __init__(self, actor: Actor) -> None:
        self._client = TestClient(create_app(), raise_server_exceptions=False, headers=bearer(actor))

    def create_item(self, name: str) -> Any:
        return self._answer("POST", "/v1/items", {"name": name})

    def update_item(self, item_id: str, description: str, version: int | None = None) -> Any:
        return self._answer("PATCH", f"/v1/items/{item_id}", {"description": description}, version)

    def read_item(self, item_id: str) -> Any:
        return self._answer("GET", f"/v1/items/{item_id}")

    def delete_item(self, item_id: str) -> Any:
        return self._answer("DELETE", f"/v1/items/{item_id}")

    def create_automation(self, item_id: str, name: str, code: str) -> Any:
        return self._answer("POST", "/v1/automations", {"item_id": item_id, "name": name, "code": code})

    def disable(self, automation_id: str, version: int | None = None) -> Any:
        return self._answer("PATCH", f"/v1/automations/{automation_id}", {"enabled": False}, version)

    def run_now(self, automation_id: str) -> Any:
        return self._answer("POST", f"/v1/automations/{automation_id}/runs")

    def read_run(self, run_id: str) -> Any:
        return self._answer("GET", f"/v1/runs/{run_id}")

    def failed_runs(self, item_id: str) -> Any:
        return self._answer("GET", f"/v1/runs?status=failed&item_id={item_id}")

    def cancel(self, run_id: str) -> Any:
        return self._answer("POST", f"/v1/runs/{run_id}/cancel")

    def rerun(self, run_id: str) -> Any:
        return self._answer("POST", f"/v1/runs/{run_id}/rerun")

    def _answer(self, method: str, path: str, body: Any = None, version: int | None = None) -> Any:
        headers = {} if version is None else {"If-Match": f'"{version}"'}
        response = self._client.request(method, path, json=body, headers=headers)
        if response.is_success:
            return response.json() if response.content else None
        problem = response.json()
        found = [f"{error['location'][1]}: {error['detail']}" for error in problem.get("errors") or ()]
        return {"refused": found or [problem["detail"]]}


class Shell:
    """`python -m service`, on behalf of a user."""

    def __init__(self, _actor: Actor) -> None:
        pass

    def create_item(self, name: str) -> Any:
        return self._answer("items", "create", "--name", name)

    def update_item(self, item_id: str, description: str, version: int | None = None) -> Any:
        return self._answer("items", "update", item_id, "--description", description, version=version)

    def read_item(self, item_id: str) -> Any:
        return self._answer("items", "show", item_id)

    def delete_item(self, item_id: str) -> Any:
        return self._answer("items", "delete", item_id)

    def create_automation(self, item_id: str, name: str, code: str) -> Any:
        script = ("--code-file", "-")
        return self._answer("automations", "create", "--item", item_id, "--name", name, *script, stdin=code)

    def disable(self, automation_id: str, version: int | None = None) -> Any:
        return self._answer("automations", "disable", automation_id, version=version)

    def run_now(self, automation_id: str) -> Any:
        return self._answer("run-automation", automation_id)

    def read_run(self, run_id: str) -> Any:
        return self._answer("runs", "show", run_id)

    def failed_runs(self, item_id: str) -> Any:
        return self._answer("runs", "list", "--status", "failed", "--item", item_id)

    def cancel(self, run_id: str) -> Any:
        return self._answer("runs", "cancel", run_id)

    def rerun(self, run_id: str) -> Any:
        return self._answer("runs", "rerun", run_id)

    def _answer(self, *arguments: str, stdin: str = "", version: int | None = None) -> Any:
        condition = () if version is None else ("--if-version", str(version))
        told = shell("--as", "ada@example.com", "--json", *arguments, *condition, stdin=stdin)
        if told.code != 0:
            assert told.out == ""
            return {"refused": told.err.removesuffix("\n").split("; ")}
        return told.document if told.out else None


class Work:
    """Background work, such as a scheduled job: it holds an actor and calls the functions themselves."""

    def __init__(self, actor: Actor) -> None:
        self._actor = actor

    def create_item(self, name: str) -> Any:
        def create(session: Session) -> BaseModel:
            body = ItemCreate(name=name)
            return ItemRead.model_validate(items.create(session, actor=self._actor, **body.model_dump()))

        return self._answer(create)

    def update_item(self, item_id: str, description: str, version: int | None = None) -> Any:
        def update(session: Session) -> BaseModel:
            changes: Any = ItemPatch(description=description).model_dump(exclude_unset=True)
            expected = preconditions.ANY_VERSION if version is None else preconditions.version(version)
            item, queued = items.update(
                session, actor=self._actor, item_id=UUID(item_id), changes=changes, expected=expected
            )
            dispatch.send_after_commit(session, queued)
            return ItemUpdated(**ItemRead.model_validate(item).model_dump(), runs=[run.id for run in queued])

        return self._answer(update)

    def read_item(self, item_id: str) -> Any:
        def read(session: Session) -> BaseModel:
            return ItemRead.model_validate(items.get(session, actor=self._actor, item_id=UUID(item_id)))

        return self._answer(read)

    def delete_item(self, item_id: str) -> Any:
        return self._answer(lambda session: items.delete(session, actor=self._actor, item_id=UUID(item_id)))

    def create_automation(self, item_id: str, name: str, code: str) -> Any:
        def create(session: Session) -> BaseModel:
            body = AutomationCreate(item_id=UUID(item_id), name=name, code=code)
            made = automations.create(session, actor=self._actor, **body.model_dump())
            return AutomationRead.model_validate(made)

        return self._answer(create)

    def disable(self, automation_id: str, version: int | None = None) -> Any:
        def update(session: Session) -> BaseModel:
            expected = preconditions.ANY_VERSION if version is None else preconditions.version(version)
            changed = automations.update(
                session,
                actor=self._actor,
                automation_id=UUID(automation_id),
                changes={"enabled": False},
                expected=expected,
            )
            return AutomationRead.model_validate(changed)

        return self._answer(update)

    def run_now(self, automation_id: str) -> Any:
        def queue(session: Session) -> BaseModel:
            run = runs.queue_now(session, actor=self._actor, automation_id=UUID(automation_id))
            dispatch.send_after_commit(session, [run])
            return RunRead.model_validate(run)

        return self._answer(queue)

    def read_run(self, run_id: str) -> Any:
        def read(session: Session) -> BaseModel:
            return RunDetails.model_validate(runs.get(session, actor=self._actor, run_id=UUID(run_id)))

        return self._answer(read)

    def failed_runs(self, item_id: str) -> Any:
        def page(session: Session) -> BaseModel:
            found = runs.page(session, actor=self._actor, status=["failed"], item_id=UUID(item_id))
            return Page[RunRead].model_validate(found)

        return self._answer(page)

    def cancel(self, run_id: str) -> Any:
        def cancel(session: Session) -> BaseModel:
            return RunRead.model_validate(runs.cancel(session, actor=self._actor, run_id=UUID(run_id)))

        return self._answer(cancel)

    def rerun(self, run_id: str) -> Any:
        def queue(session: Session) -> BaseModel:
            run = runs.rerun(session, actor=self._actor, run_id=UUID(run_id))
            dispatch.send_after_commit(session, [run])
            return RunRead.model_validate(run)

        return self._answer(queue)

    def _answer(self, work: Callable[[Session], BaseModel | None]) -> Any:
        try:
            with database.transaction() as session:
                answer = work(session)
        except ServiceError as error:
            return {"refused": [str(error)]}
        except ValidationError as error:
            return {"refused": [f"{entry['loc'][0]}: {entry['msg']}" for entry in error.errors()]}
        return None if answer is None else answer.model_dump(mode="json")


SANDBOX = """
import json, sys
from types import SimpleNamespace
from sandbox_lambda.handler import handle
context = SimpleNamespace(get_remaining_time_in_millis=lambda: 20_000)
json.dump(handle(json.load(sys.stdin), context), sys.stdout)
"""


@dataclass
class ProcessSandbox:
    """A SandboxRunner that runs the sandbox's real handler in a process of its own, as the clones on Lambda do."""

    made: list[str] = field(default_factory=list[str])
    present: set[str] = field(default_factory=set[str])

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:
        assert expires_at > datetime.now(UTC)
        name = f"process-{run_id.hex}"
        self.made.append(name)
        self.present.add(name)
        return name

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        assert sandbox in self.present
        payload = json.dumps({"code": request.code, "event": request.event})
        command = [sys.executable, "-c", SANDBOX]
        answered = subprocess.run(command, input=payload.encode(), capture_output=True, timeout=60, cwd=ROOT.parent)
        assert answered.returncode == 0, answered.stderr
        return outcome_of(answered.stdout)

    def destroy(self, sandbox: str) -> bool:
        self.present.discard(sandbox)
        return True

    def expired(self, now: datetime) -> Iterator[str]:  # noqa: ARG002
        return iter(())


@dataclass
class Queue:
    """What the service sends to SQS, until the worker is given it."""

    messages: list[Mapping[str, str]] = field(default_factory=list[Mapping[str, str]])

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Mapping[str, str]]) -> Any:  # noqa: N803
        assert QueueUrl == "https://sqs.example/runs"
        self.messages += Entries
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}

    def deliver(self) -> None:
        """Let the worker's handler take every message, one an invocation, as its mapping does, until none is left."""
        while self.messages:
            entry = self.messages.pop(0)
            record = {
                "messageId": entry["Id"],
                "receiptHandle": entry["Id"],
                "body": entry["MessageBody"],
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            context: Any = SimpleNamespace(
                aws_request_id="invocation",
                function_name="worker",
                memory_limit_in_mb="512",
                invoked_function_arn="arn:aws:lambda:eu-central-1:111111111111:function:worker",
                get_remaining_time_in_millis=lambda: 60_000,
            )
            assert worker.handler({"Records": [record]}, context) == {"batchItemFailures": []}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Queue:
    queue = Queue()
    monkeypatch.setenv("QUEUE_URL", "https://sqs.example/runs")
    monkeypatch.setattr(dispatch, "sqs", lambda: queue)
    return queue


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> ProcessSandbox:
    sandbox = ProcessSandbox()
    monkeypatch.setattr(worker, "sandbox_runner", lambda: sandbox)
    return sandbox


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The functions of the services that were called, without those that they called themselves."""
    names: list[str] = []
    inside: list[str] = []

    def noted(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            if not inside:
                names.append(name)
            inside.append(name)
            try:
                return function(*arguments, **options)
            finally:
                inside.pop()

        return call

    for module in (items, automations, runs):
        for name, function in public_functions(module).items():
            monkeypatch.setattr(module, name, noted(function, f"{module.__name__.split('.')[1]}.{name}"))
    return names


def public_functions(module: ModuleType) -> dict[str, Any]:
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
        and not isinstance(value, type)
    }


TELLING = """
item = event['after']
print('told', item['description'])
result = {'by': event['trigger'], 'item': item['version']}
"""
FAILING = "import sys\nprint('nobody', file=sys.stderr)\nsys.exit(3)\n"


def story(door: Door, queue: Queue, foreign: Mapping[str, str]) -> list[Any]:
    """The main job from beginning to end, its refusals and its limits; every answer on the way."""
    told: list[Any] = []

    def tell(answer: Any) -> Any:
        told.append(answer)
        return answer

    item = tell(door.create_item("  Espresso machine "))
    telling = tell(door.create_automation(item["id"], "Tell", TELLING))
    failing = tell(door.create_automation(item["id"], "Fail", FAILING))
    updated = tell(door.update_item(item["id"], "Black", version=1))
    now = tell(door.run_now(telling["id"]))
    tell(door.rerun(now["id"]))
    queue.deliver()
    for run_id in (*updated["runs"], now["id"]):
        tell(door.read_run(run_id))
    tell(door.failed_runs(item["id"]))

    unwanted = tell(door.run_now(failing["id"]))
    tell(door.cancel(unwanted["id"]))
    tell(door.cancel(unwanted["id"]))
    queue.deliver()
    tell(door.read_run(unwanted["id"]))
    again = tell(door.rerun(updated["runs"][0]))
    queue.deliver()
    tell(door.read_run(again["id"]))

    tell(door.update_item(item["id"], "White", version=1))
    tell(door.disable(failing["id"], version=7))
    tell(door.disable(failing["id"], version=1))
    tell(door.create_item(" "))
    tell(door.create_automation(item["id"], "x" * 201, ""))
    for known in ({"item": UNKNOWN, "automation": UNKNOWN, "run": UNKNOWN}, foreign):
        tell(door.read_item(known["item"]))
        tell(door.update_item(known["item"], "White"))
        tell(door.create_automation(known["item"], "Tell", "1"))
        tell(door.delete_item(known["item"]))
        tell(door.disable(known["automation"]))
        tell(door.run_now(known["automation"]))
        tell(door.read_run(known["run"]))
        tell(door.failed_runs(known["item"]))
        tell(door.cancel(known["run"]))
        tell(door.rerun(known["run"]))

    for _ in range(8):
        assert "id" in door.create_automation(item["id"], "More", "1")
    tell(door.create_automation(item["id"], "Too many", "1"))
    for _ in range(50):
        assert "id" in door.run_now(telling["id"])
    tell(door.run_now(telling["id"]))
    tell(door.rerun(now["id"]))
    tell(door.update_item(item["id"], "Red"))
    tell(door.read_item(item["id"]))
    tell(door.delete_item(item["id"]))
    tell(door.read_run(now["id"]))
    return told


ITEM = {"id": "id 1", "name": "Espresso machine", "created_at": "time", "updated_at": "time"}
NEW = {**ITEM, "description": None, "version": 1}
BLACK = {**ITEM, "description": "Black", "version": 2}


def automation(number: int, name: str, code: str, **fields: Any) -> dict[str, Any]:
    made = {"id": f"id {number}", "item_id": "id 1", "name": name, "code": code, "enabled": True, "version": 1}
    return {**made, "created_at": "time", "updated_at": "time", **fields}


def queued(number: int, of: int, **fields: Any) -> dict[str, Any]:
    """A run of the automation with that id, as it is when it was queued but for those fields."""
    code = {2: TELLING, 3: FAILING}[of]
    return {
        "id": f"id {number}",
        "automation_id": f"id {of}",
        "item_id": "id 1",
        "item_version": 2,
        "trigger": "manual",
        "rerun_of": None,
        "status": "queued",
        "reason": None,
        "code_sha256": hashlib.sha256(code.encode()).hexdigest(),
        "exit_code": None,
        "signal": None,
        "stdout": None,
        "stderr": None,
        "truncated": None,
        "result": None,
        "duration_ms": None,
        "created_at": "time",
        "started_at": None,
        "finished_at": None,
        "destroyed_at": None,
        **fields,
    }


def given(number: int, of: int, before: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """The same, as it is read by itself: with what it was given."""
    run = queued(number, of, **fields)
    states = ({key: item[key] for key in ("id", "name", "description", "version")} for item in (before, BLACK))
    event = dict(zip(("before", "after"), states, strict=True), trigger=run["trigger"], run_id=run["id"])
    return {**run, "code": {2: TELLING, 3: FAILING}[of], "event": event}


def ended(number: int, of: int, before: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    """The same, once its script has ended and its sandbox is gone."""
    nothing_cut = {"stdout": False, "stderr": False, "result": False}
    times = {"started_at": "time", "finished_at": "time", "destroyed_at": "time", "duration_ms": "some"}
    told = {"exit_code": 0, "stdout": "told Black\n", "stderr": "", "status": "succeeded", "truncated": nothing_cut}
    return given(number, of, before, **{**told, **times, **fields})


def listed(run: Mapping[str, Any]) -> dict[str, Any]:
    """The run as a list shows it."""
    return {name: value for name, value in run.items() if name not in ("code", "event")}


def refused(*reasons: str) -> dict[str, list[str]]:
    return {"refused": list(reasons)}


def there_is_no(item: int, automation: int, run: int) -> list[Any]:
    items = [refused(f"There is no item id {item}.")] * 4
    automations = [refused(f"There is no automation id {automation}.")] * 2
    runs = [refused(f"There is no run id {run}.")] * 3
    return [*items, *automations, runs[0], {"items": [], "next_cursor": None}, *runs[1:]]


CODE_3 = "the script ended with exit code 3"
FAILED = {"trigger": "item_updated", "status": "failed", "exit_code": 3, "stderr": "nobody\n", "reason": CODE_3}
CANCELLED = {"status": "cancelled", "reason": "cancelled before it started", "finished_at": "time"}
FULL = "You would have more than 50 runs that are queued or running: try again later."

STORY = [
    NEW,
    automation(2, "Tell", TELLING),
    automation(3, "Fail", FAILING),
    {**BLACK, "runs": ["id 4", "id 5"]},
    queued(6, of=2),
    refused("The run has not ended yet: it is queued."),
    ended(4, 2, NEW, trigger="item_updated", result={"by": "item_updated", "item": 2}),
    ended(5, 3, NEW, stdout="", **FAILED),
    ended(6, 2, BLACK, result={"by": "manual", "item": 2}),
    {"items": [listed(ended(5, 3, NEW, stdout="", **FAILED))], "next_cursor": None},
    queued(7, of=3),
    queued(7, of=3, **CANCELLED),
    refused("The run has already ended: it is cancelled."),
    given(7, 3, BLACK, **CANCELLED),
    queued(8, of=2, trigger="rerun", rerun_of="id 4"),
    ended(8, 2, NEW, trigger="rerun", rerun_of="id 4", result={"by": "rerun", "item": 2}),
    refused("The item is at version 2, which is not the one expected."),
    refused("The automation is at version 1, which is not the one expected."),
    automation(3, "Fail", FAILING, enabled=False, version=2),
    refused("name: String should have at least 1 character"),
    refused("name: String should have at most 200 characters", "code: String should have at least 1 character"),
    *there_is_no(item=9, automation=9, run=9),
    *there_is_no(item=10, automation=11, run=12),
    refused("The item has 10 automations, the most it may have: delete one first."),
    refused(FULL),
    refused(FULL),
    refused(FULL),
    BLACK,
    None,
    refused("There is no run id 6."),
]
"""What every door tells."""

ON_WHAT_IS_NOT_THERE = [
    *("items.get", "items.update", "automations.create", "items.delete", "automations.update"),
    *("runs.queue_now", "runs.get", "runs.page", "runs.cancel", "runs.rerun"),
]
CALLS = [
    *("items.create", "automations.create", "automations.create", "items.update", "runs.queue_now", "runs.rerun"),
    *("runs.get", "runs.get", "runs.get", "runs.page"),
    *("runs.queue_now", "runs.cancel", "runs.cancel", "runs.get", "runs.rerun", "runs.get"),
    *("items.update", "automations.update", "automations.update"),
    *ON_WHAT_IS_NOT_THERE,
    *ON_WHAT_IS_NOT_THERE,
    *["automations.create"] * 9,
    *["runs.queue_now"] * 51,
    *("runs.rerun", "items.update", "items.get", "items.delete", "runs.get"),
]
"""The functions that every door calls for it. What Pydantic refuses reaches none of them."""


def named(told: list[Any]) -> list[Any]:
    """The answers with ids named in the order in which they first appear, and times and durations as such."""
    ids: dict[str, str] = {}
    text = re.sub(
        r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
        lambda found: ids.setdefault(found[0], f"id {len(ids) + 1}"),
        json.dumps(told),
    )
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "time", text)
    return json.loads(re.sub(r'"duration_ms": \d+', '"duration_ms": "some"', text))


@pytest.fixture
def foreign(sessions: Sessions, other: Actor) -> dict[str, str]:
    """What somebody else owns."""
    with sessions.begin() as session:
        item = items.create(session, actor=other, name="Hers")
        automation = automations.create(session, actor=other, name="Hers", code="1", item_id=item.id)
        run = runs.queue_now(session, actor=other, automation_id=automation.id)
        return {"item": str(item.id), "automation": str(automation.id), "run": str(run.id)}


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("door", [Http, Shell, Work])
def test_the_same_story_goes_the_same_way_through_every_door(
    actor: Actor,
    foreign: dict[str, str],
    queue: Queue,
    sandbox: ProcessSandbox,
    called: list[str],
    door: Callable[[Actor], Door],
) -> None:
    told = story(door(actor), queue, foreign)
    assert named(told) == STORY
    assert called == CALLS
    assert (len(sandbox.made), sandbox.present) == (4, set())
    for answer in told:
        if isinstance(answer, dict) and answer.get("destroyed_at"):
            times = [answer[name] for name in ("created_at", "started_at", "finished_at", "destroyed_at")]
            assert times == sorted(times)


DOORS = {
    "http": sorted(ROOT.glob("*/router.py")),
    "shell": sorted((ROOT / "cli").glob("*.py")),
    "worker": [ROOT / "lambda_handlers" / "worker.py"],
}


def imported(modules: list[Path]) -> set[str]:
    """All that the modules import, each as its dotted name."""
    found: set[str] = set()
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
    return found


@pytest.mark.parametrize("name", DOORS)
def test_no_door_queries(name: str) -> None:
    """A door may name a model as a type, and then has no means to query for it."""
    known = imported(DOORS[name])
    assert {module for module in known if ".repository" in module} == set()
    assert {module.rpartition(".")[0] for module in known if module.startswith("sqlalchemy")} <= {
        "sqlalchemy.exc",
        "sqlalchemy.orm",
    }
    assert {module for module in known if module.startswith("sqlalchemy.orm")} <= {"sqlalchemy.orm.Session"}
    queries = {"execute", "scalar", "scalars", "get_one", "query", "add", "add_all", "flush", "commit"}
    for module in DOORS[name]:
        calls = [node.func for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
        on_session = {
            function.attr
            for function in calls
            if isinstance(function, ast.Attribute)
            and isinstance(function.value, ast.Name)
            and function.value.id == "session"
        }
        assert on_session.isdisjoint(queries), module


def test_http_and_shell_import_the_same_services() -> None:
    services = {
        name: {module for module in imported(DOORS[name]) if re.fullmatch(r"service\.\w+\.service", module)}
        for name in DOORS
    }
    owned = {f"service.{domain}.service" for domain in ("api_keys", "automations", "items", "runs", "users")}
    assert services["shell"] == owned
    # Nobody signs in at a shell, and the shell says by itself what does not answer.
    assert services["http"] == owned | {"service.auth.service", "service.health.service"}
    assert "service.runs.execute.execute" in imported(DOORS["worker"])
