"""What the functions say of themselves: log lines, metrics and traces, and the request id that ties them together."""

import asyncio
import io
import json
import logging
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.exc import IntegrityError

from service.api_keys import secret
from service.automations.models import Automation
from service.core import metrics
from service.core.actor import Actor
from service.core.logging import configure_logging, invocation, request_id
from service.core.settings import get_settings
from service.lambda_handlers import invocation as invocations
from service.lambda_handlers import worker
from service.runs import dispatch
from service.runs import service as runs
from service.users.models import User
from tests.service.conftest import KEYS, Sessions, bearer
from tests.service.test_execute import FakeSandbox
from tests.service.test_handlers import Context, gateway_event, message
from tests.support.postgres import Postgres


@pytest.fixture
def root() -> Iterator[None]:
    """The root logger as it was before."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def log(root: None, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What a function called plinth-dev-x logs."""
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "plinth-dev-x")
    monkeypatch.setenv("PLINTH_STACK", "dev")
    # Some other program's.
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    get_settings.cache_clear()
    configure_logging()
    (handler,) = logging.root.handlers
    assert isinstance(handler, logging.StreamHandler)
    # Standard output, but pytest gives the test another than the fixture.
    stream = io.StringIO()
    handler.setStream(stream)
    return stream


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def emitted(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The metrics that were written, without the time."""
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in found:
        assert isinstance(line["_aws"].pop("Timestamp"), int)
    return found


def test_a_line_is_one_object_with_what_it_belongs_to(log: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    tokens = (request_id.set("abc"), invocation.set({"function_request_id": "f-1", "cold_start": True}))
    logging.getLogger("some.library").warning("it said %s", "\n{}", extra={"path": "/\ud800\n", "run_id": UUID(int=1)})
    request_id.reset(tokens[0])
    invocation.reset(tokens[1])
    (line,) = lines(log)
    assert line.pop("timestamp").endswith("+00:00")
    assert line.pop("location").startswith("test_a_line_is_one_object_with_what_it_belongs_to:")
    assert line == {
        "level": "WARNING",
        "message": "it said \n{}",
        "service": "plinth-dev-x",
        "stack": "dev",
        "path": "/\ud800\n",
        "run_id": "00000000-0000-0000-0000-000000000001",
        "xray_trace_id": "1-5759e988-bd862e3fe1be46a994272793",
        "function_request_id": "f-1",
        "cold_start": True,
        "request_id": "abc",
    }


def test_the_name_of_a_task_of_the_event_loop_is_no_field_of_a_line(log: io.StringIO) -> None:
    async def tell() -> None:
        # Python gives it to records from 3.12 on.
        logging.getLogger("a").info("told", extra={} if sys.version_info >= (3, 12) else {"taskName": "Task-1"})

    asyncio.run(tell())
    (line,) = lines(log)
    assert line["message"] == "told"
    assert "taskName" not in line


def test_a_message_that_is_json_stays_text_and_levels_are_kept(log: io.StringIO) -> None:
    logging.getLogger("a").info("null")
    logging.getLogger("a").debug("unheard")
    logging.getLogger("slowapi").warning("unheard")
    assert [line["message"] for line in lines(log)] == ["null"]


def test_an_error_of_the_database_is_logged_without_the_values_in_it(log: io.StringIO, sessions: Sessions) -> None:
    def refuse() -> None:
        with sessions.begin() as session:
            session.add(User(email="x\nsecret@example.com", password_hash="", role="nobody"))

    with pytest.raises(IntegrityError) as caught:
        refuse()
    logging.getLogger("a").warning("the database refused a change", exc_info=caught.value)
    (line,) = lines(log)
    assert line["exception_name"] == "IntegrityError"
    assert "violates check constraint" in line["exception"]
    assert "DETAIL:  [not shown]" in line["exception"]
    assert "Failing row" not in line["exception"]


def test_the_service_itself_hides_what_it_sent_to_the_database(
    log: io.StringIO, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.core import database

    monkeypatch.setenv("DATABASE_URL", postgres.url("migrated"))
    get_settings.cache_clear()

    def refuse() -> None:
        with database.transaction() as session:
            session.add(User(email="secret@example.com", password_hash="secret", role="nobody"))

    with pytest.raises(IntegrityError) as caught:
        refuse()
    database.engine().dispose()
    logging.getLogger("a").warning("refused", exc_info=caught.value)
    assert "secret" not in log.getvalue()


def test_metrics_of_one_invocation_are_one_line(log: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    with metrics.collected():
        metrics.add("Requests")
        metrics.add("Latency", 12.5, "Milliseconds")
        metrics.describe("route", "GET /v1/items")
    assert emitted(capsys) == [
        {
            "_aws": {
                "CloudWatchMetrics": [
                    {
                        "Namespace": "Plinth",
                        "Dimensions": [["stack", "service"]],
                        "Metrics": [
                            {"Name": "Requests", "Unit": "Count"},
                            {"Name": "Latency", "Unit": "Milliseconds"},
                        ],
                    }
                ]
            },
            "stack": "dev",
            "service": "plinth-dev-x",
            "route": "GET /v1/items",
            "Requests": [1.0],
            "Latency": [12.5],
        }
    ]


def test_metrics_are_written_also_where_the_invocation_fails(
    log: io.StringIO, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invocations, "_cold", True)
    with pytest.raises(ZeroDivisionError), invocations.observed("x", Context()):
        metrics.add("Requests", 1 // 0)
    with invocations.observed("x", Context()):
        metrics.add("Requests")
    assert [line.keys() & {"ColdStart", "Requests"} for line in emitted(capsys)] == [{"ColdStart"}, {"Requests"}]


def test_nothing_is_measured_outside_lambda_unless_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure() -> str:
        with metrics.collected():
            metrics.add("Requests")
        metrics.add("Requests")
        return capsys.readouterr().out

    assert measure() == ""
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Mine")
    assert json.loads(measure())["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Mine"


@pytest.fixture
def api(log: io.StringIO, sessions: Sessions, unlimited: None) -> Any:
    from service.lambda_handlers import api

    return api


def measured(line: dict[str, Any]) -> dict[str, Any]:
    return {name: line.get(name) for name in ("Requests", "Errors", "Throttled", "route", "status")}


def test_each_request_is_measured_by_what_came_of_it(
    api: Any, actor: Actor, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(route: str, headers: dict[str, str], path: str) -> dict[str, Any]:
        event = gateway_event("GET", path, routeKey=route)
        event["headers"] |= headers
        api.handler(event, Context())
        (line,) = emitted(capsys)
        assert line["Latency"][0] > 0
        return measured(line)

    fine = ask("GET /v1/items", bearer(actor), "/v1/items")
    assert fine == {"Requests": [1], "Errors": [0], "Throttled": [0], "route": "GET /v1/items", "status": 200}
    unknown = ask("$default", {}, f"/{uuid4()}")
    assert unknown == {"Requests": [1], "Errors": [0], "Throttled": [0], "route": "$default", "status": 404}
    monkeypatch.setattr(api, "_answer", lambda _event, _context: {"statusCode": 429})  # pyright: ignore[reportUnknownLambdaType]
    assert measured(emitted_after(api, capsys)) | {"route": ""} == {
        "Requests": [1],
        "Errors": [0],
        "Throttled": [1],
        "route": "",
        "status": 429,
    }


def emitted_after(api: Any, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    api.handler(gateway_event("GET", "/"), Context())
    (line,) = emitted(capsys)
    return line


def test_the_request_before_a_snapshot_goes_as_far_as_the_database_and_counts_for_nothing(
    api: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answered: list[Any] = []
    answer = api._answer
    monkeypatch.setattr(api, "_answer", lambda *given: answered.append(answer(*given)))  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    api._warm()
    assert [(each["statusCode"], json.loads(each["body"])["detail"]) for each in answered] == [
        (401, "The session has ended: sign in again.")
    ]
    assert capsys.readouterr().out == ""


def test_a_failed_sign_in_is_counted_and_nothing_of_it_is_told(
    api: Any, log: io.StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    event = gateway_event("POST", "/v1/auth/token", "username=who%40example.com&password=a-wrong-password")
    event["headers"]["content-type"] = "application/x-www-form-urlencoded"
    assert api.handler(event, Context())["statusCode"] == 401
    told = capsys.readouterr().out
    assert json.loads(told)["SignInsFailed"] == [1]
    assert not {"who", "wrong-password"} & set(re.findall(r"who|wrong-password", told + log.getvalue()))


def test_an_adapter_that_fails_counts_as_an_error(
    api: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_event: object, _context: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(api, "_answer", fail)
    with pytest.raises(RuntimeError):
        api.handler({}, Context())
    (line,) = emitted(capsys)
    assert measured(line) == {"Requests": [1], "Errors": [1], "Throttled": [0], "route": "", "status": 500}


def test_an_unexpected_error_is_found_by_the_id_that_the_client_was_told(
    api: Any, actor: Actor, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    from service.items import repository

    monkeypatch.setattr(repository, "page", None)
    event = gateway_event("GET", "/v1/items")
    event["headers"] |= bearer(actor)
    answer = api.handler(event, Context())
    assert (answer["statusCode"], answer["isBase64Encoded"]) == (500, False)
    assert answer["headers"]["x-request-id"] == "gateway-id="
    assert json.loads(answer["body"])["request_id"] == "gateway-id="
    told = [line for line in lines(log) if line.get("level") == "ERROR"]
    assert [(line["message"], line["request_id"], line["function_request_id"]) for line in told] == [
        ("unexpected error", "gateway-id=", "invocation")
    ]


class Queue:
    """Stands for SQS; the system tests have the real one's protocol."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        assert QueueUrl == "https://queue"
        self.messages += [entry["MessageBody"] for entry in Entries]
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


def test_a_run_is_found_by_the_request_that_queued_it(
    log: io.StringIO,
    sessions: Sessions,
    actor: Actor,
    automation: Automation,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    queue = Queue()
    monkeypatch.setenv("QUEUE_URL", "https://queue")
    get_settings.cache_clear()
    monkeypatch.setattr(dispatch, "sqs", lambda: queue)
    monkeypatch.setattr(worker, "sandbox_runner", FakeSandbox)
    monkeypatch.setattr(invocations, "_cold", False)
    token = request_id.set("from-the-client")
    with sessions.begin() as session:
        run = runs.queue_now(session, actor=actor, automation_id=automation.id)
        dispatch.send_after_commit(session, [run])
    request_id.reset(token)
    assert [json.loads(body) for body in queue.messages] == [{"owner_id": str(actor.user_id)}]
    (queued,) = lines(log)
    log.truncate(0)
    log.seek(0)
    assert (queued["message"], queued["run_ids"], queued["request_id"]) == (
        "runs queued",
        [str(run.id)],
        "from-the-client",
    )
    assert worker.handler({"Records": [message(queue.messages[0])]}, Context()) == {"batchItemFailures": []}
    told = [(line["message"], line["run_id"], line["request_id"]) for line in lines(log)]
    (counted,) = emitted(capsys)
    assert told == [(message, str(run.id), "from-the-client") for message in ("script ended", "run ended")]
    assert {name: counted[name] for name in ("RunsEnded", "RunsSucceeded", "RunRetries")} == {
        "RunsEnded": [1],
        "RunsSucceeded": [1],
        "RunRetries": [0],
    }


TRACED = """
import json, sys
from uuid import uuid4
from service.lambda_handlers import api
from tests.service.test_handlers import Context, gateway_event

event = gateway_event("GET", f"/v1/items/{uuid4()}", routeKey="GET /v1/items/{item_id}")
event["headers"]["x-api-key"] = sys.argv[1]
print(api.handler(event, Context())["statusCode"])
"""


def segment(daemon: socket.socket) -> dict[str, Any]:
    return json.loads(daemon.recv(65536).split(b"\n", 1)[1])


def test_a_traced_request_tells_xray_its_route_and_its_time_in_the_database(
    postgres: Postgres,
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as daemon:
        daemon.bind(("127.0.0.1", 0))
        daemon.settimeout(10)
        environment = {
            "PATH": os.defpath,
            "LAMBDA_TASK_ROOT": "/var/task",
            "AWS_LAMBDA_FUNCTION_NAME": "plinth-dev-api",
            "AWS_XRAY_DAEMON_ADDRESS": f"127.0.0.1:{daemon.getsockname()[1]}",
            "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
            "DATABASE_URL": postgres.url("migrated"),
            "SIGNING_KEYS": KEYS,
        }
        command = [sys.executable, "-c", TRACED, secret.new()]
        done = subprocess.run(
            command, env=environment, cwd=Path.cwd(), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout.splitlines()[-1:] == ["401"], done.stderr
        # Each tells of itself as it ends, and the invocation last.
        told = [segment(daemon)]
        while told[-1]["name"] != "api":
            told.append(segment(daemon))
    *inner, handler = told
    assert {(each["name"], each["namespace"], each["parent_id"]) for each in inner} == {
        ("database", "remote", handler["id"])
    }
    assert handler["annotations"] == {"cold_start": 1, "route": "GET /v1/items/{item_id}", "status": 401}
    assert (handler["trace_id"], handler["parent_id"]) == ("1-5759e988-bd862e3fe1be46a994272793", "53995c3f42cd8ad8")


REFUSED = """
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from service.core import database, tracing

tracing.configure_tracing()
with tracing.traced("outer"), tracing.traced("inner"):
    for statement in ("SELECT :missing", "SELECT 1 / 0", "SELECT 1"):
        try:
            with database.engine().connect() as connection:
                connection.execute(text(statement))
        except SQLAlchemyError:
            pass
        print(tracing._tracer.provider.current_subsegment().name)
"""


def test_a_statement_that_is_refused_ends_no_other_part_of_the_trace(postgres: Postgres) -> None:
    environment = {
        "PATH": os.defpath,
        "LAMBDA_TASK_ROOT": "/var/task",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:1",
        "_X_AMZN_TRACE_ID": "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        "DATABASE_URL": postgres.url("migrated"),
    }
    command = [sys.executable, "-c", REFUSED]
    done = subprocess.run(
        command, env=environment, cwd=Path.cwd(), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["inner", "inner", "inner"], done.stderr
