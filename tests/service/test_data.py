"""The database: migrations, constraints, credentials and what is sent after a commit."""

import logging
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from botocore.stub import Stubber
from fastapi.testclient import TestClient
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import IntegrityError

from service.automations.models import Automation
from service.core import aws, database
from service.core.database import Base, connect_to
from service.core.settings import Settings
from service.items.models import Item
from service.main import create_app
from service.migrations import head_revision
from service.migrations.upgrade import configured, upgrade_on
from service.runs import dispatch
from service.runs import service as runs
from service.runs.models import ENDED, QUEUED, RUNNING, Run
from tests.service.conftest import Sessions
from tests.support.postgres import Postgres


@pytest.fixture
def empty(postgres: Postgres) -> Iterator[Connection]:
    engine = create_engine(postgres.create_database(f"empty_{uuid4().hex}"))
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def tables(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names()) - {"alembic_version"}


def test_the_schema_goes_up_down_and_up_again(empty: Connection) -> None:
    config = configured(empty)
    seen = [upgrade_on(empty).applied, tables(empty)]
    command.downgrade(config, "base")
    seen.append(tables(empty))
    seen.append(upgrade_on(empty).applied)
    everything = {"items", "automations", "runs"}
    assert seen == [("0001",), everything, set(), ("0001",)]
    assert tables(empty) == everything


def test_the_models_and_the_migrations_describe_the_same_schema(empty: Connection) -> None:
    upgrade_on(empty)
    context = MigrationContext.configure(empty, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, Base.metadata) == []


def test_the_check_constraints_of_models_and_migrations_are_the_same(postgres: Postgres, empty: Connection) -> None:
    # Alembic does not compare check constraints.
    upgrade_on(empty)
    other = create_engine(postgres.create_database(f"models_{uuid4().hex}"))
    with other.connect() as made:
        Base.metadata.create_all(made)
        assert checks(made) == checks(empty)
    other.dispose()


def checks(connection: Connection) -> list[tuple[Any, ...]]:
    query = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' ORDER BY conname"
    return [tuple(row) for row in connection.execute(text(query))]


def test_the_head_revision_is_the_one_alembic_sees(empty: Connection) -> None:
    assert ScriptDirectory.from_config(configured(empty)).get_heads() == [head_revision()]


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (Item, {"name": ""}),
        (Item, {"name": "x" * 201}),
        (Item, {"description": "x" * 2001}),
        (Automation, {"code": ""}),
        (Automation, {"code": "ü" * 32769}),
        (Run, {"status": "unknown"}),
        (Run, {"trigger": "unknown"}),
        (Run, {"code_sha256": "abc"}),
    ],
)
def test_the_database_itself_refuses_what_the_schemas_refuse(
    sessions: Sessions, automation: Automation, table: type[Any], values: dict[str, Any]
) -> None:
    with sessions.begin() as session:
        run = runs.queue_now(session, automation_id=automation.id)
    known = {Item: automation.item_id, Automation: automation.id, Run: run.id}
    with sessions() as session:
        row = session.get_one(table, known[table])
        for name, value in values.items():
            setattr(row, name, value)
        with pytest.raises(IntegrityError):
            session.flush()


def test_every_status_of_the_contract_can_be_stored(sessions: Sessions, automation: Automation) -> None:
    with sessions.begin() as session:
        run = runs.queue_now(session, automation_id=automation.id)
    for status in (QUEUED, RUNNING, *ENDED):
        with sessions.begin() as session:
            session.get_one(Run, run.id).status = status


class Secrets:
    """A Secrets Manager whose secret can change. Stands for AWS's."""

    def __init__(self) -> None:
        self.password = "old"
        self.fetched = 0

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803
        assert SecretId == "arn:secret"
        self.fetched += 1
        return {"SecretString": f'{{"username": "app", "password": "{self.password}"}}'}


def test_a_rotated_password_is_fetched_again_when_the_old_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets, logins = Secrets(), list[Any]()
    monkeypatch.setattr(aws, "client", lambda *_, **__: secrets)

    def connect(**parameters: Any) -> Any:
        logins.append((parameters["user"], parameters["password"]))
        if parameters["password"] != secrets.password:
            raise psycopg.OperationalError('FATAL:  password authentication failed for user "app"')
        raise psycopg.OperationalError("connected as far as this test needs")

    settings = Settings(database_host="db.example", database_secret_arn="arn:secret")
    engine = connect_to(settings, connect_timeout=2)
    monkeypatch.setattr(engine.dialect, "connect", connect)
    for _ in range(2):
        with pytest.raises(Exception, match="as far as this test needs"):
            engine.connect()
    secrets.password = "new"
    with pytest.raises(Exception, match="as far as this test needs"):
        engine.connect()
    assert logins == [("app", "old"), ("app", "old"), ("app", "old"), ("app", "new")]
    assert secrets.fetched == 2


def test_on_lambda_a_process_holds_one_connection(monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("migrated"))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    engine = database.engine()
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SHOW application_name")) == "api"
        assert engine.pool.status().startswith("Pool size: 1 ")
    engine.dispose()


def test_a_host_without_credentials_is_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="DATABASE_HOST is set without DATABASE_SECRET_ARN"):
        Settings(database_host="db.example")


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("QUEUE_URL", "https://queue.example/runs")
    client = boto3.client("sqs", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        monkeypatch.setattr(dispatch, "sqs", lambda: client)
        yield stub
        stub.assert_no_pending_responses()


def test_runs_are_sent_only_once_their_commit_is_done(
    sessions: Sessions, automation: Automation, queue: Stubber
) -> None:
    with sessions() as session:
        run = runs.queue_now(session, automation_id=automation.id)
        dispatch.send_after_commit(session, [run])
        entry = {"Id": run.id.hex, "MessageBody": f'{{"run_id": "{run.id}"}}'}
        sent = {"Successful": [{"Id": run.id.hex, "MessageId": "m", "MD5OfMessageBody": "x"}], "Failed": []}
        queue.add_response("send_message_batch", sent, {"QueueUrl": "https://queue.example/runs", "Entries": [entry]})
        session.commit()
        # A later commit of the same session sends nothing again.
        session.commit()


def test_a_rollback_sends_nothing(sessions: Sessions, automation: Automation, queue: Stubber) -> None:
    with sessions() as session:
        dispatch.send_after_commit(session, [runs.queue_now(session, automation_id=automation.id)])
        session.rollback()


def test_a_queue_that_is_away_leaves_the_runs_queued_and_the_request_done(
    sessions: Sessions,
    unlimited: None,
    automation: Automation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("QUEUE_URL", "http://127.0.0.1:1/runs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    client = TestClient(create_app())
    with caplog.at_level(logging.ERROR, logger=dispatch.logger.name):
        response = client.put(f"/v1/items/{automation.item_id}", json={"name": "Grinder"})
    assert [record.message for record in caplog.records] == ["the queue cannot be reached: runs stay queued"]
    assert response.status_code == 200
    [run_id] = response.json()["runs"]
    assert client.get(f"/v1/runs/{run_id}").json()["status"] == "queued"
