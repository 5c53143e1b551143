"""The Lambda entry points, with the events that AWS sends them."""

import base64
import importlib
import json
import subprocess
import sys
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from service.automations.models import Automation
from service.core.actor import Actor
from service.core.limits import limiter
from service.items.models import Item
from service.lambda_handlers import migrate, reaper, worker
from service.migrations import head_revision
from service.runs import dispatch
from service.runs import service as runs
from service.runs.models import Run
from service.runs.sandbox import SandboxNotStartedError
from tests.service.conftest import Sessions, bearer
from tests.service.test_execute import FakeSandbox, claimed, pass_the_pause, stored
from tests.support.postgres import Postgres


def gateway_event(method: str, path: str, body: str | None = None, **changes: Any) -> dict[str, Any]:
    """What an HTTP API sends a function, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": f"{method} {path}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", "host": "api.example", "x-forwarded-for": "203.0.113.9"},
        "requestContext": {
            "requestId": "gateway-id=",
            "stage": "$default",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "198.51.100.7"},
        },
        "body": body,
        "isBase64Encoded": False,
        **changes,
    }


class Context:
    aws_request_id = "invocation"

    def __init__(self, milliseconds: int = 60_000) -> None:
        self._milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        return self._milliseconds


@pytest.fixture
def api(sessions: Sessions, sent: list[UUID]) -> Any:
    limiter.reset()
    return importlib.import_module("service.lambda_handlers.api").handler


def by(actor: Actor, event: dict[str, Any], *, source: str = "198.51.100.7") -> dict[str, Any]:
    """The event as it is when that actor sends it from that address."""
    event["headers"]["authorization"] = bearer(actor)["Authorization"]
    event["requestContext"]["http"]["sourceIp"] = source
    return event


def test_the_api_answers_gateway_events(api: Any, actor: Actor) -> None:
    created = api(by(actor, gateway_event("POST", "/v1/items", '{"name": "Kettle"}')), Context())
    assert created["statusCode"] == 201
    assert created["headers"]["x-request-id"] == "gateway-id="
    path = created["headers"]["location"]
    read = api(by(actor, gateway_event("GET", path)), Context())
    assert json.loads(read["body"]) == json.loads(created["body"])


def test_the_api_takes_base64_bodies(api: Any, actor: Actor) -> None:
    body = base64.b64encode(b'{"name": "Kettle"}').decode()
    event = gateway_event("POST", "/v1/items", body, isBase64Encoded=True)
    assert api(by(actor, event), Context())["statusCode"] == 201


def test_a_user_is_the_same_client_from_wherever_the_gateway_saw_the_request(
    api: Any, actor: Actor, other: Actor
) -> None:
    def post(who: Actor, source: str) -> int:
        return api(by(who, gateway_event("POST", "/v1/items", '{"name": "x"}'), source=source), Context())["statusCode"]

    assert [post(actor, "198.51.100.7"), post(actor, "198.51.100.8")] == [201, 429]
    assert post(other, "198.51.100.8") == 201


def test_a_304_has_no_body_behind_the_gateway_either(api: Any, actor: Actor, item: Item) -> None:
    event = by(actor, gateway_event("GET", f"/v1/items/{item.id}"))
    event["headers"]["if-none-match"] = '"1"'
    response = api(event, Context())
    assert (response["statusCode"], response["body"], response["headers"]["etag"]) == (304, "", '"1"')


def test_docs_and_openapi_answer_behind_the_gateway(api: Any) -> None:
    docs = api(gateway_event("GET", "/docs"), Context())
    assert (docs["statusCode"], "/openapi.json" in docs["body"]) == (200, True)
    assert api(gateway_event("GET", "/openapi.json"), Context())["statusCode"] == 200


def message(body: str, receives: int = 1, message_id: str = "m1") -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": str(receives)}
    return {"messageId": message_id, "receiptHandle": f"handle-{message_id}", "body": body, "attributes": attributes}


@pytest.fixture
def run_id(sessions: Sessions, actor: Actor, automation: Automation) -> UUID:
    with sessions.begin() as session:
        return runs.queue_now(session, actor=actor, automation_id=automation.id).id


def test_the_worker_executes_the_next_run_of_each_messages_owner(
    sessions: Sessions, actor: Actor, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "sandbox_runner", FakeSandbox)
    event = {"Records": [message(json.dumps({"owner_id": str(actor.user_id)}))]}
    assert worker.handler(event, Context()) == {"batchItemFailures": []}
    with sessions() as session:
        assert session.get_one(Run, run_id).status == "succeeded"


def test_the_worker_hands_back_what_it_could_not_execute_until_the_last_attempt(
    sessions: Sessions, actor: Actor, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = FakeSandbox(create_fails=SandboxNotStartedError("throttled"))
    delays: list[tuple[str, int]] = []
    monkeypatch.setattr(worker, "sandbox_runner", lambda: failing)
    monkeypatch.setattr(dispatch, "try_again", lambda handle, seconds: delays.append((handle, seconds)))
    monkeypatch.setenv("QUEUE_MAX_RECEIVES", "3")
    body = json.dumps({"owner_id": str(actor.user_id)})
    statuses: list[str] = []
    handed_back: list[str] = []
    for receives in (1, 2, 3):
        answer = worker.handler({"Records": [message(body, receives)]}, Context())
        handed_back += [item["itemIdentifier"] for item in answer["batchItemFailures"]]
        statuses.append(stored(sessions, run_id).status)
        pass_the_pause(sessions, run_id)
    assert statuses == ["queued", "queued", "error"]
    assert (handed_back, delays) == (["m1", "m1"], [("handle-m1", 6), ("handle-m1", 11)])


@pytest.mark.parametrize("body", ["", "{}", "[]", '{"owner_id": "x"}', '{"owner_id": 1}'])
def test_a_message_that_names_no_owner_goes_to_the_dead_letter_queue(
    sessions: Sessions, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    monkeypatch.setattr(worker, "sandbox_runner", FakeSandbox)
    answer = worker.handler({"Records": [message(body), message(body, message_id="m2")]}, Context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m2"}]}


def test_the_reaper_makes_a_pass_and_says_what_it_did(
    sessions: Sessions, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = FakeSandbox()
    monkeypatch.setattr(reaper, "sandbox_runner", lambda: sandbox)
    claimed(sessions, run_id, timedelta(seconds=-1), started=True)
    expected = {"runs_closed": 1, "sandboxes_destroyed": 1, "sandboxes_left": 0, "owners_woken": 0}
    assert reaper.handler({}, Context(100_000)) == expected
    assert (stored(sessions, run_id).status, sandbox.calls) == ("error", ["destroy"])


def test_the_reaper_begins_nothing_for_which_too_little_of_its_time_is_left(
    sessions: Sessions, run_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reaper, "sandbox_runner", FakeSandbox)
    claimed(sessions, run_id, timedelta(seconds=-1), started=True)
    assert reaper.handler({}, Context(40_000))["runs_closed"] == 0


def test_migrate_upgrades_an_empty_database_once(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.create_database(f"empty_{id(monkeypatch)}"))
    assert migrate.handler({}, None) == {"revision": head_revision(), "applied": ["0001", "0002", "0003"]}
    assert migrate.handler({"revision": "head"}, None) == {"revision": head_revision(), "applied": []}


def test_migrate_raises_where_it_cannot_upgrade(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("missing"))
    with pytest.raises(Exception, match="missing"):
        migrate.handler({}, None)


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("api", {"boto3", "botocore.session", "typer", "alembic", "valkey", "pytest"}),
        ("worker", {"boto3", "fastapi", "starlette", "slowapi", "typer", "alembic"}),
        ("reaper", {"boto3", "fastapi", "starlette", "slowapi", "typer", "alembic"}),
        ("migrate", {"boto3", "fastapi", "starlette", "slowapi", "typer"}),
        ("shell", {"boto3", "fastapi", "starlette", "slowapi", "typer", "alembic"}),
    ],
)
def test_a_function_imports_only_what_it_needs(module: str, unwanted: set[str]) -> None:
    program = f"import sys, service.lambda_handlers.{module}; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert unwanted.isdisjoint(imported.stdout.split())
