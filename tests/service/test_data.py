"""The database: migrations, constraints, credentials and what is sent after a commit."""

import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit
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
from sqlalchemy import Connection, Engine, create_engine, func, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.api_keys.models import ApiKey
from service.auth.models import AuthSession, RefreshToken
from service.automations.models import Automation
from service.core import aws, database
from service.core.actor import Actor
from service.core.database import Base, connect_to
from service.core.settings import Settings
from service.idempotency.models import IdempotentAnswer
from service.items.models import Item
from service.main import create_app
from service.migrations import head_revision
from service.migrations.upgrade import MigrationFailedError, configured, upgrade_on
from service.runs import dispatch
from service.runs import service as runs
from service.runs.models import ENDED, QUEUED, RUNNING, Run
from service.users.models import User
from tests.service.conftest import Sessions, bearer
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
    everything = {
        *("users", "auth_sessions", "refresh_tokens", "api_keys", "idempotent_answers"),
        *("items", "automations", "runs"),
    }
    assert seen == [("0001", "0002", "0003"), everything, set(), ("0001", "0002", "0003")]
    assert tables(empty) == everything


@pytest.mark.parametrize(
    ("there", "taken", "message"),
    [("0001", "users", "Revision 0002"), ("base", "runs", "Revision 0001"), ("base", "users", "Revision 0002")],
)
def test_an_upgrade_that_fails_says_in_a_line_which_revision_and_why(
    empty: Connection, there: str, taken: str, message: str
) -> None:
    if there != "base":
        upgrade_on(empty, revision=there)
    empty.execute(text(f"CREATE TABLE {taken} (id int)"))
    with pytest.raises(MigrationFailedError) as failed:
        upgrade_on(empty)
    assert str(failed.value) == f'{message} failed: relation "{taken}" already exists.'


@pytest.mark.parametrize("revision", ["0002", "0001"])
def test_each_revision_can_be_taken_back_and_made_again(empty: Connection, revision: str) -> None:
    upgrade_on(empty)
    command.downgrade(configured(empty), revision)
    upgrade_on(empty)
    assert compare_metadata(MigrationContext.configure(empty), Base.metadata) == []


def test_the_models_and_the_migrations_describe_the_same_schema(empty: Connection) -> None:
    upgrade_on(empty)
    context = MigrationContext.configure(empty, opts={"compare_type": True, "compare_server_default": True})
    assert compare_metadata(context, Base.metadata) == []


def test_the_checks_and_collations_of_models_and_migrations_are_the_same(postgres: Postgres, empty: Connection) -> None:
    # Alembic compares neither.
    upgrade_on(empty)
    other = create_engine(postgres.create_database(f"models_{uuid4().hex}"))
    with other.connect() as made:
        Base.metadata.create_all(made)
        assert checks(made) == checks(empty)
        assert collations(made) == collations(empty)
        assert [(table, column) for table, column, collation in collations(made) if collation == "C"] == [
            ("automations", "name"),
            ("items", "name"),
        ]
    other.dispose()


def checks(connection: Connection) -> list[tuple[Any, ...]]:
    query = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' ORDER BY conname"
    return [tuple(row) for row in connection.execute(text(query))]


def collations(connection: Connection) -> list[tuple[Any, ...]]:
    query = (
        "SELECT table_name, column_name, collation_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND table_name <> 'alembic_version' ORDER BY table_name, column_name"
    )
    return [tuple(row) for row in connection.execute(text(query))]


def test_the_head_revision_is_the_one_alembic_sees(empty: Connection) -> None:
    assert ScriptDirectory.from_config(configured(empty)).get_heads() == [head_revision()]


OLD = """
    INSERT INTO items (id, name) VALUES ('01890000-0000-7000-8000-000000000001', 'Kettle');
    INSERT INTO automations (id, item_id, name, code) VALUES
        ('01890000-0000-7000-8000-000000000002', '01890000-0000-7000-8000-000000000001', 'Tell', '1');
    INSERT INTO runs (id, automation_id, item_id, item_version, trigger, code, code_sha256, event) VALUES
        ('01890000-0000-7000-8000-000000000003', '01890000-0000-7000-8000-000000000002',
         '01890000-0000-7000-8000-000000000001', 1, 'manual', '1', repeat('0', 64), '{"n": 1e400}');
"""
"""One row in each table of the first revision."""

NOBODY = "00000000-0000-7000-8000-000000000000"


def rows(connection: Connection, table: str) -> list[dict[str, Any]]:
    query = f"SELECT to_json({table})::text AS row FROM {table} ORDER BY id"  # noqa: S608
    # As text: how a column is written is part of what must not change.
    return [json.loads(row, parse_float=str, parse_int=str) for row in connection.scalars(text(query))]


def test_what_was_made_before_there_were_users_is_kept_and_belongs_to_nobody(empty: Connection) -> None:
    upgrade_on(empty, revision="0001")
    empty.exec_driver_sql(OLD)
    before = {table: rows(empty, table) for table in ("items", "automations", "runs")}
    upgrade_on(empty)
    added = {"items": {}, "automations": {"version": "1"}, "runs": {"rerun_of": None, "request_id": None}}
    after = {table: rows(empty, table) for table in before}
    assert after == {
        table: [{**row, "owner_id": NOBODY, **added[table]} for row in kept] for table, kept in before.items()
    }
    [nobody] = rows(empty, "users")
    assert (nobody["id"], nobody["email"], nobody["password_hash"]) == (NOBODY, "nobody@plinth.invalid", "!")
    command.downgrade(configured(empty), "0001")
    assert {table: rows(empty, table) for table in before} == before


def test_a_downgrade_keeps_what_users_made(empty: Connection) -> None:
    upgrade_on(empty, revision="0001")
    empty.exec_driver_sql(OLD)
    upgrade_on(empty)
    runs_before = [row["id"] for row in rows(empty, "runs")]
    empty.exec_driver_sql(
        "INSERT INTO runs (id, owner_id, automation_id, item_id, item_version, trigger, code, code_sha256, event,"
        " rerun_of) SELECT '01890000-0000-7000-8000-000000000004', owner_id, automation_id, item_id, item_version,"
        " 'rerun', code, code_sha256, event, id FROM runs"
    )
    command.downgrade(configured(empty), "0001")
    assert [(row["id"], row["trigger"]) for row in rows(empty, "runs")] == [
        (runs_before[0], "manual"),
        ("01890000-0000-7000-8000-000000000004", "manual"),
    ]
    assert upgrade_on(empty).applied == ("0002", "0003")


def test_a_downgrade_drops_the_runs_whose_item_is_gone(empty: Connection) -> None:
    upgrade_on(empty, revision="0001")
    empty.exec_driver_sql(OLD)
    upgrade_on(empty)
    empty.exec_driver_sql(
        "INSERT INTO items (id, name, owner_id) SELECT '01890000-0000-7000-8000-000000000009', 'Jug', owner_id"
        " FROM items; UPDATE automations SET item_id = '01890000-0000-7000-8000-000000000009';"
        " DELETE FROM items WHERE name = 'Kettle'"
    )
    assert [len(rows(empty, table)) for table in ("items", "automations", "runs")] == [1, 1, 1]
    command.downgrade(configured(empty), "0001")
    assert [len(rows(empty, table)) for table in ("items", "automations", "runs")] == [1, 1, 0]
    assert upgrade_on(empty).applied == ("0002", "0003")


def test_an_empty_database_gets_no_user(empty: Connection) -> None:
    upgrade_on(empty)
    assert rows(empty, "users") == []


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (Item, {"name": ""}),
        (Item, {"name": "x" * 201}),
        (Item, {"description": "x" * 2001}),
        (Item, {"version": 0}),
        (Automation, {"name": "x" * 201}),
        (Automation, {"version": 0}),
        (Automation, {"code": ""}),
        (Automation, {"code": "ü" * 32769}),
        (Run, {"status": "unknown"}),
        (Run, {"trigger": "unknown"}),
        (Run, {"code_sha256": "abc"}),
    ],
)
def test_the_database_itself_refuses_what_the_schemas_refuse(
    sessions: Sessions, actor: Actor, automation: Automation, table: type[Any], values: dict[str, Any]
) -> None:
    with sessions.begin() as session:
        run = runs.queue_now(session, actor=actor, automation_id=automation.id)
    known = {Item: automation.item_id, Automation: automation.id, Run: run.id}
    with sessions() as session:
        row = session.get_one(table, known[table])
        for name, value in values.items():
            setattr(row, name, value)
        with pytest.raises(IntegrityError):
            session.flush()


NEW_ROWS: dict[type[Any], dict[str, Any]] = {
    User: {"email": "new@example.com", "password_hash": "!"},
    AuthSession: {"scopes": ["items:read"], "expires_at": datetime(2030, 1, 1, tzinfo=UTC)},
    RefreshToken: {"token_hash": "0" * 64},
    ApiKey: {"name": "x", "prefix": "x", "key_hash": "0" * 64, "scopes": ["items:read"]},
    IdempotentAnswer: {"key": "x", "fingerprint": "0" * 64},
}
"""What a row of each of these tables needs beside whom it belongs to."""


def stored(session: Session, actor: Actor, table: type[Any], values: dict[str, Any]) -> None:
    belongs = {} if table is User else {"user_id": actor.user_id}
    if table is RefreshToken:
        belongs = {"session_id": actor.session_id}
    session.add(table(**{**NEW_ROWS[table], **belongs, **values}))
    session.flush()


@pytest.mark.parametrize("table", NEW_ROWS, ids=lambda table: table.__name__)
def test_a_row_as_it_should_be_is_stored(sessions: Sessions, actor: Actor, table: type[Any]) -> None:
    with sessions() as session:
        stored(session, actor, table, {})


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (User, {"email": "ada@example.com"}),
        (User, {"email": "New@example.com"}),
        (User, {"email": "@x"}),
        (User, {"email": "x" * 255}),
        (User, {"role": "owner"}),
        (AuthSession, {"end_reason": "bored", "ended_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        (AuthSession, {"end_reason": "logout"}),
        (AuthSession, {"ended_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        (RefreshToken, {"token_hash": "0" * 63}),
        (ApiKey, {"name": ""}),
        (ApiKey, {"name": "x" * 201}),
        (ApiKey, {"key_hash": "0" * 65}),
        (IdempotentAnswer, {"key": ""}),
        (IdempotentAnswer, {"key": "x" * 256}),
        (IdempotentAnswer, {"fingerprint": "0"}),
        *((table, {"user_id": uuid4()}) for table in (AuthSession, ApiKey, IdempotentAnswer)),
    ],
)
def test_the_database_itself_refuses_impossible_users_credentials_and_answers(
    sessions: Sessions, actor: Actor, table: type[Any], values: dict[str, Any]
) -> None:
    with sessions() as session, pytest.raises(IntegrityError):
        stored(session, actor, table, values)


def test_nothing_of_one_owner_can_hang_on_what_is_another_s(
    sessions: Sessions, actor: Actor, other: Actor, automation: Automation
) -> None:
    with sessions.begin() as session:
        run = runs.queue_now(session, actor=actor, automation_id=automation.id)
    for table, key in ((Automation, automation.id), (Run, run.id)):
        with sessions() as session:
            session.get_one(table, key).owner_id = other.user_id
            with pytest.raises(IntegrityError):
                session.flush()


def test_with_a_user_goes_all_that_is_theirs(sessions: Sessions, actor: Actor, automation: Automation) -> None:
    with sessions.begin() as session:
        runs.queue_now(session, actor=actor, automation_id=automation.id)
        for table in (RefreshToken, ApiKey, IdempotentAnswer):
            stored(session, actor, table, {})
    with sessions.begin() as session:
        session.delete(session.get_one(User, actor.user_id))
    with sessions() as session:
        tables = (User, AuthSession, RefreshToken, ApiKey, IdempotentAnswer, Item, Automation, Run)
        assert [session.scalars(select(func.count()).select_from(table)).one() for table in tables] == [0] * 8


def test_every_status_of_the_contract_can_be_stored(sessions: Sessions, actor: Actor, automation: Automation) -> None:
    with sessions.begin() as session:
        run = runs.queue_now(session, actor=actor, automation_id=automation.id)
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


class Attempts:
    """Stands where connections are made: keeps what each would have been made with, and makes none."""

    def __init__(self, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.engine = engine
        self.made: list[dict[str, Any]] = []
        monkeypatch.setattr(engine.dialect, "connect", self._connect)

    def _connect(self, **parameters: Any) -> Any:
        self.made.append(parameters)
        raise psycopg.OperationalError("connected as far as this test needs")

    def one_more(self) -> dict[str, Any]:
        with pytest.raises(Exception, match="as far as this test needs"):
            self.engine.connect()
        return self.made[-1]


BY_TOKEN = Settings(database_host="db.example", database_login="iam", database_user="app")


@pytest.mark.parametrize(
    ("mode", "sent"), [(None, "require"), ("disable", "require"), ("prefer", "require"), ("verify-full", "verify-full")]
)
def test_a_token_of_iam_is_signed_for_one_place_and_role_and_travels_only_encrypted(
    monkeypatch: pytest.MonkeyPatch, mode: str | None, sent: str
) -> None:
    for name, value in {
        "ACCESS_KEY_ID": "AKIDEXAMPLE",
        "SECRET_ACCESS_KEY": "x",
        "DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("PGSSLMODE", raising=False)
    if mode is not None:
        monkeypatch.setenv("PGSSLMODE", mode)
    made = Attempts(connect_to(BY_TOKEN, connect_timeout=2), monkeypatch).one_more()
    token = urlsplit(f"https://{made['password']}")
    signed = dict(parse_qsl(token.query))
    assert (made["host"], made["user"], made["sslmode"]) == ("db.example", "app", sent)
    assert (token.netloc, token.path) == ("db.example:5432", "/")
    assert {name: signed[name] for name in ("Action", "DBUser", "X-Amz-Expires")} == {
        "Action": "connect",
        "DBUser": "app",
        "X-Amz-Expires": "900",
    }
    assert signed["X-Amz-Credential"].split("/")[2:] == ["eu-west-1", "rds-db", "aws4_request"]


def test_every_connection_has_a_token_of_its_own_and_nobody_is_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clients = list[str]()

    class Signer:
        tokens = iter(("first", "second"))

        def generate_db_auth_token(self, **_asked: Any) -> str:
            return next(self.tokens)

    def client(service: str, **_limits: Any) -> Signer:
        clients.append(service)
        return Signer()

    monkeypatch.setattr(aws, "client", client)
    database.disconnect()
    attempts = Attempts(connect_to(BY_TOKEN, connect_timeout=2), monkeypatch)
    assert [attempts.one_more()["password"], attempts.one_more()["password"]] == ["first", "second"]
    assert clients == ["rds"]
    database.disconnect()


def test_with_the_means_of_libpq_only_the_role_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(database_host="db.example", database_login="ambient", database_user="app")
    made = Attempts(connect_to(settings, connect_timeout=2), monkeypatch).one_more()
    assert (made["user"], "password" in made, "sslmode" in made) == ("app", False, False)


@pytest.mark.parametrize(("proxied", "sent"), [(False, "-c lock_timeout=5s"), (True, "")])
def test_a_proxy_is_sent_no_session_options(monkeypatch: pytest.MonkeyPatch, proxied: bool, sent: str) -> None:
    settings = Settings(
        database_host="db.example", database_login="ambient", database_user="app", database_proxied=proxied
    )
    engine = connect_to(settings, connect_timeout=2, options="-c lock_timeout=5s")
    assert Attempts(engine, monkeypatch).one_more()["options"] == sent


def test_the_administrator_logs_in_with_a_secret_however_clients_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "client", lambda *_, **__: Secrets())
    engine = connect_to(BY_TOKEN, connect_timeout=2, secret_arn="arn:secret")
    made = Attempts(engine, monkeypatch).one_more()
    assert (made["user"], made["password"]) == ("app", "old")
    database.disconnect()


def test_readiness_gives_up_on_a_statement_long_before_its_caller_does(
    monkeypatch: pytest.MonkeyPatch, postgres: Postgres
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("migrated"))
    shown: list[Any] = []
    answer = Connection.scalar

    def scalar(connection: Connection, *asked: Any) -> Any:
        shown.append(connection.exec_driver_sql("SHOW statement_timeout").scalar_one())
        return answer(connection, *asked)

    monkeypatch.setattr(Connection, "scalar", scalar)
    assert database.answers()
    assert shown == ["1500ms"]


def test_on_lambda_a_process_holds_one_connection(monkeypatch: pytest.MonkeyPatch, postgres: Postgres) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("migrated"))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    engine = database.engine()
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW timezone")) == "UTC"
        assert connection.scalar(text("SHOW application_name")) == "api"
        assert engine.pool.status().startswith("Pool size: 1 ")
    engine.dispose()


@pytest.mark.parametrize(
    ("login", "missing"),
    [("password", "DATABASE_SECRET_ARN"), ("iam", "DATABASE_USER"), ("ambient", "DATABASE_USER")],
)
def test_a_host_without_credentials_is_refused_at_the_start(login: Any, missing: str) -> None:
    with pytest.raises(ValueError, match=f"DATABASE_HOST is set without {missing}: nothing says how to log in"):
        Settings(database_host="db.example", database_login=login)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stubber]:
    monkeypatch.setenv("QUEUE_URL", "https://queue.example/runs")
    client = boto3.client("sqs", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        monkeypatch.setattr(dispatch, "sqs", lambda: client)
        yield stub
        stub.assert_no_pending_responses()


def test_runs_are_sent_only_once_their_commit_is_done(
    sessions: Sessions, actor: Actor, automation: Automation, queue: Stubber
) -> None:
    with sessions() as session:
        run = runs.queue_now(session, actor=actor, automation_id=automation.id)
        dispatch.send_after_commit(session, [run])
        owner_id = str(actor.user_id)
        entry = {"Id": "0", "MessageBody": f'{{"owner_id": "{owner_id}"}}', "MessageGroupId": owner_id}
        sent = {"Successful": [{"Id": "0", "MessageId": "m", "MD5OfMessageBody": "x"}], "Failed": []}
        queue.add_response("send_message_batch", sent, {"QueueUrl": "https://queue.example/runs", "Entries": [entry]})
        session.commit()
        # A later commit of the same session sends nothing again.
        session.commit()


def test_a_rollback_sends_nothing(sessions: Sessions, actor: Actor, automation: Automation, queue: Stubber) -> None:
    with sessions() as session:
        dispatch.send_after_commit(session, [runs.queue_now(session, actor=actor, automation_id=automation.id)])
        session.rollback()


def test_a_queue_that_is_away_leaves_the_runs_queued_and_the_request_done(
    sessions: Sessions,
    unlimited: None,
    actor: Actor,
    automation: Automation,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("QUEUE_URL", "http://127.0.0.1:1/runs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    client = TestClient(create_app(), headers=bearer(actor))
    with caplog.at_level(logging.ERROR, logger=dispatch.logger.name):
        response = client.put(f"/v1/items/{automation.item_id}", json={"name": "Grinder"})
    assert [record.message for record in caplog.records] == ["the queue cannot be reached: runs stay queued"]
    assert response.status_code == 200
    [run_id] = response.json()["runs"]
    assert client.get(f"/v1/runs/{run_id}").json()["status"] == "queued"
