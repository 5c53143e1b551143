"""Liveness and readiness."""

import threading
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.core import database, limits
from service.health import service
from service.main import create_app
from service.runs import dispatch
from tests.support.postgres import Postgres


@pytest.fixture
def monitor(unlimited: None) -> TestClient:
    return TestClient(create_app())


def test_liveness_depends_on_nothing(monitor: TestClient) -> None:
    response = monitor.get("/health/live")
    assert (response.status_code, response.json()) == (200, {"status": "live"})


def test_readiness_names_what_it_asked(
    monitor: TestClient, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("migrated"))
    response = monitor.get("/health/ready")
    expected = {"status": "ready", "checks": {"database": "ok", "rate limit store": "ok"}}
    assert (response.status_code, response.json()) == (200, expected)


def test_readiness_names_everything_that_is_away(monitor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    monkeypatch.setattr(limits, "store_answers", lambda: False)
    response = monitor.get("/health/ready")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["detail"] == "No answer from: database, rate limit store."


def test_readiness_asks_the_queue_where_there_is_one(
    monitor: TestClient, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Queue:
        def get_queue_attributes(self, **asked: object) -> dict[str, object]:
            assert asked == {"QueueUrl": "https://queue", "AttributeNames": ["QueueArn"]}
            return {"Attributes": {"QueueArn": "arn:queue"}}

    monkeypatch.setenv("DATABASE_URL", postgres.url("migrated"))
    monkeypatch.setenv("QUEUE_URL", "https://queue")
    monkeypatch.setattr(dispatch, "probe", Queue)
    response = monitor.get("/health/ready")
    expected = {"status": "ready", "checks": {"database": "ok", "rate limit store": "ok", "queue": "ok"}}
    assert (response.status_code, response.json()) == (200, expected)


def test_a_queue_that_cannot_be_reached_is_away(
    monitor: TestClient, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("migrated"))
    monkeypatch.setenv("QUEUE_URL", "http://127.0.0.1:1/000000000000/runs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    response = monitor.get("/health/ready")
    assert (response.status_code, response.json()["detail"]) == (503, "No answer from: queue.")


def test_a_dependency_that_hangs_is_away(monitor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(service, "_LONGEST_WAIT_SECONDS", 0.1)
    monkeypatch.setattr(database, "answers", lambda: released.wait(30))
    response: Any = monitor.get("/health/ready")
    assert not released.is_set()
    released.set()
    assert response.json()["detail"] == "No answer from: database."
