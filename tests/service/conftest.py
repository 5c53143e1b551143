"""Fixtures of the service's tests: one PostgreSQL a test process, its schema made by the migrations.

Most tests share one connection whose outer transaction is rolled back; concurrency gets a database of its own.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session, sessionmaker

from service.auth import passwords, tokens
from service.auth.models import AuthSession
from service.automations import service as automations
from service.automations.models import Automation
from service.core import database, keys
from service.core.actor import ROLE_SCOPES, Actor, Role
from service.core.counts import get_counts
from service.core.limits import limiter
from service.core.settings import get_settings
from service.items import service as items
from service.items.models import Item
from service.main import create_app
from service.migrations.upgrade import upgrade_on
from service.runs import dispatch
from service.runs.runners import sandbox_runner
from service.users.models import User
from tests.support.postgres import Postgres, running_postgres

Sessions = sessionmaker[Session]

KEYS = keys.KeyRing.generate().to_json()
"""The signing keys of this test process."""


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as server:
        server.create_database("migrated")
        engine = create_engine(server.url("migrated"))
        with engine.begin() as connection:
            upgrade_on(connection)
        engine.dispose()
        yield server


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Settings and everything made from them start afresh in each test."""
    for name in ("DATABASE_URL", "QUEUE_URL", "SANDBOX_FUNCTION", "RATE_LIMIT_STORAGE_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SIGNING_KEYS", KEYS)
    cached = (
        get_settings,
        database.engine,
        database.probe,
        database.session_factory,
        dispatch.probe,
        dispatch.sqs,
        sandbox_runner,
    )

    def forget() -> None:
        for function in cached:
            function.cache_clear()
        database.disconnect()
        keys.forget()

    forget()
    yield
    forget()


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashes take no time worth mentioning, and nobody guessed at a password yet."""
    monkeypatch.setattr(passwords, "work", passwords.Work(passes=1, memory_kib=8, lanes=1))
    get_counts.cache_clear()


@pytest.fixture(scope="session")
def migrated(postgres: Postgres) -> Iterator[Engine]:
    """The engine of the database that most tests share. It keeps the statements it has compiled."""
    engine = create_engine(postgres.create_database("shared", template="migrated"))
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(migrated: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    """Sessions that may commit; whatever they did is rolled back after the test. Also what the service itself uses."""
    with migrated.connect() as connection:
        transaction = connection.begin()
        factory = sessionmaker(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        monkeypatch.setattr(database, "session_factory", lambda: factory)
        yield factory
        transaction.rollback()


@pytest.fixture
def committing_sessions(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    """Sessions on a database of this test's own, each with its own connection. Also what the service itself uses."""
    engine = create_engine(postgres.create_database(f"test_{uuid4().hex}", template="migrated"), pool_size=20)
    factory = sessionmaker(engine, expire_on_commit=False)
    monkeypatch.setattr(database, "session_factory", lambda: factory)
    yield factory
    engine.dispose()


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The runs that were sent to the queue. Stands for SQS, which the system tests have."""
    run_ids: list[UUID] = []
    monkeypatch.setattr(dispatch, "_send", lambda _owner_id, sent: run_ids.extend(sent))
    return run_ids


@pytest.fixture
def unlimited() -> Iterator[None]:
    """No per-client limits, for tests of anything else."""
    limiter.enabled = False
    yield
    limiter.enabled = True


def make_actor(sessions: Sessions, *, email: str, role: Role = "member") -> Actor:
    """A user with that address, signed in. Nobody can sign in with a password: it has none."""
    with sessions.begin() as session:
        user = User(email=email, password_hash="!", role=role)
        session.add(user)
        session.flush()
        scopes = ROLE_SCOPES[role]
        expires_at = datetime.now(UTC) + timedelta(days=1)
        signed_in = AuthSession(user_id=user.id, scopes=sorted(scopes), expires_at=expires_at)
        session.add(signed_in)
        session.flush()
        return Actor(user_id=user.id, role=role, scopes=scopes, session_id=signed_in.id)


def bearer(actor: Actor) -> dict[str, str]:
    """The header that an actor made by `make_actor` sends."""
    assert actor.session_id is not None
    return {"Authorization": f"Bearer {tokens.issue(tokens.Claims(actor.user_id, actor.session_id, actor.scopes))}"}


@pytest.fixture
def actor(sessions: Sessions) -> Actor:
    """A member, who owns the fixtures below."""
    return make_actor(sessions, email="ada@example.com")


@pytest.fixture
def other(sessions: Sessions) -> Actor:
    """Another member, who owns nothing."""
    return make_actor(sessions, email="grace@example.com")


@pytest.fixture
def admin(sessions: Sessions) -> Actor:
    """An administrator."""
    return make_actor(sessions, email="root@example.com", role="admin")


@pytest.fixture(scope="session")
def app() -> FastAPI:
    """The API in this process. It keeps nothing from one request to the next, so that tests can share it."""
    return create_app()


@pytest.fixture
def anonymous(app: FastAPI, sessions: Sessions, sent: list[UUID], unlimited: None) -> TestClient:
    """The API, without limits, called by nobody known."""
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def client(app: FastAPI, anonymous: TestClient, actor: Actor) -> TestClient:
    """The API, without limits, called by `actor`."""
    return TestClient(app, raise_server_exceptions=False, headers=bearer(actor))


@pytest.fixture
def queries(sessions: Sessions) -> Iterator[list[str]]:
    """The statements that are sent to the database from now on, but for savepoints, which only tests have."""
    seen: list[str] = []
    connection = sessions.kw["bind"]

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "SAVEPOINT" not in statement:
            seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)


PASSWORD = "an otter reads at noon"


def signed_in(client: TestClient, email: str, password: str = PASSWORD, **fields: str) -> dict[str, Any]:
    """What POST /v1/auth/token answers to that user."""
    answer = client.post("/v1/auth/token", data={"username": email, "password": password, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


def with_token(answer: dict[str, Any]) -> dict[str, str]:
    """The header to send with an answer of `signed_in`."""
    return {"Authorization": f"Bearer {answer['access_token']}"}


@pytest.fixture
def registered(anonymous: TestClient) -> str:
    """The address of somebody who registered with `PASSWORD`."""
    body = {"email": "lin@example.com", "password": PASSWORD}
    assert anonymous.post("/v1/auth/register", json=body).status_code == 201
    return body["email"]


@pytest.fixture
def limited(app: FastAPI, sessions: Sessions, sent: list[UUID]) -> Callable[[], TestClient]:
    """Makes clients of the API with its limits, each client a user of its own at an address of its own."""
    limiter.reset()
    numbers = itertools.count(1)

    def make() -> TestClient:
        number = next(numbers)
        headers = bearer(make_actor(sessions, email=f"user-{number}@example.com"))
        client = (f"198.51.100.{number}", 50000)
        return TestClient(app, raise_server_exceptions=False, client=client, headers=headers)

    return make


@pytest.fixture
def item(sessions: Sessions, actor: Actor) -> Item:
    with sessions.begin() as session:
        return items.create(session, actor=actor, name="Espresso machine", description="Silver dual boiler machine")


@pytest.fixture
def automation(sessions: Sessions, actor: Actor, item: Item) -> Automation:
    with sessions.begin() as session:
        return automations.create(session, actor=actor, name="Tell", code="print('told')", item_id=item.id)


def pytest_configure() -> None:
    # Tests that reach for AWS by mistake fail at once instead of asking the machine for credentials.
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
