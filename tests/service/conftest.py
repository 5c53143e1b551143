"""Fixtures of the service's tests: one PostgreSQL a test process, its schema made by the migrations.

Most tests share one connection whose outer transaction is rolled back; concurrency gets a database of its own.
"""

import itertools
import os
from collections.abc import Callable, Iterator
from uuid import UUID, uuid4

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine
from sqlalchemy.orm import Session, sessionmaker

from service.automations import service as automations
from service.automations.models import Automation
from service.core import database
from service.core.limits import limiter
from service.core.settings import get_settings
from service.items import service as items
from service.items.models import Item
from service.main import create_app
from service.migrations.upgrade import upgrade_on
from service.runs import dispatch
from tests.support.postgres import Postgres, running_postgres

Sessions = sessionmaker[Session]


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
    cached = (get_settings, database.engine, database.session_factory, dispatch.sqs)
    for function in cached:
        function.cache_clear()
    yield
    for function in cached:
        function.cache_clear()


@pytest.fixture
def sessions(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sessions]:
    """Sessions that may commit; whatever they did is rolled back after the test. Also what the service itself uses."""
    engine = create_engine(postgres.url("migrated"))
    with engine.connect() as connection:
        transaction = connection.begin()
        factory = sessionmaker(connection, join_transaction_mode="create_savepoint", expire_on_commit=False)
        monkeypatch.setattr(database, "session_factory", lambda: factory)
        yield factory
        transaction.rollback()
    engine.dispose()


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
    monkeypatch.setattr(dispatch, "_send", run_ids.extend)
    return run_ids


@pytest.fixture
def unlimited() -> Iterator[None]:
    """No per-client limits, for tests of anything else."""
    limiter.enabled = False
    yield
    limiter.enabled = True


@pytest.fixture
def client(sessions: Sessions, sent: list[UUID], unlimited: None) -> TestClient:
    """The API in this process, without limits."""
    return TestClient(create_app(), raise_server_exceptions=False)


@pytest.fixture
def limited(sessions: Sessions, sent: list[UUID]) -> Callable[[], TestClient]:
    """Makes clients of the API with its limits, each client at an address of its own."""
    limiter.reset()
    app = create_app()
    addresses = (f"198.51.100.{number}" for number in itertools.count(1))
    return lambda: TestClient(app, raise_server_exceptions=False, client=(next(addresses), 50000))


@pytest.fixture
def item(sessions: Sessions) -> Item:
    with sessions.begin() as session:
        return items.create(session, name="Espresso machine", description="Silver dual boiler machine")


@pytest.fixture
def automation(sessions: Sessions, item: Item) -> Automation:
    with sessions.begin() as session:
        return automations.create(session, name="Tell", code="print('told')", item_id=item.id)


def pytest_configure() -> None:
    # Tests that reach for AWS by mistake fail at once instead of asking the machine for credentials.
    os.environ.setdefault("AWS_EC2_METADATA_DISABLED", "true")
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
