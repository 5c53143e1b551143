"""Every error is a problem document, and nothing a client sends is answered with a 5xx."""

import json
import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from service.automations.models import Automation
from service.core.limits_table import ROUTES
from service.core.middleware import MAX_BODY_BYTES
from service.items import service as items
from service.items.models import Item
from service.main import create_app
from tests.service.conftest import Sessions

JSON = {"content-type": "application/json"}


def assert_is_problem(response: Any, status: int) -> dict[str, Any]:
    assert (response.status_code, response.headers["content-type"]) == (status, "application/problem+json")
    document = response.json()
    assert document["status"] == status
    assert document["type"] == f"urn:plinth:problem:{document['code']}"
    assert document["request_id"] == response.headers["x-request-id"]
    return document


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("GET", "/v1", 404),
        ("GET", "/v1/items/", 404),
        ("GET", "/v1/items/not-a-uuid", 422),
        ("PUT", "/v1/items", 405),
        ("DELETE", "/health/live", 405),
        ("POST", "/v1/items", 422),
    ],
)
def test_errors_of_routing_are_problem_documents(client: TestClient, method: str, path: str, status: int) -> None:
    document = assert_is_problem(client.request(method, path), status)
    assert document["instance"] == path


def test_a_405_names_the_allowed_methods(client: TestClient) -> None:
    assert client.put("/v1/items").headers["allow"] in ("GET, POST", "POST, GET", "GET", "POST")


def test_a_validation_problem_says_where_and_why_and_repeats_no_input(client: TestClient) -> None:
    response = client.post("/v1/items", json={"name": "", "colour": "secret-value"})
    document = assert_is_problem(response, 422)
    assert document["detail"] == "2 values are invalid."
    assert document["errors"] == [
        {
            "location": ["body", "name"],
            "detail": "String should have at least 1 character",
            "code": "string_too_short",
        },
        {"location": ["body", "colour"], "detail": "Extra inputs are not permitted", "code": "extra_forbidden"},
    ]
    assert "secret-value" not in response.text


def test_a_body_above_the_limit_is_413_whether_it_says_its_length_or_not(client: TestClient) -> None:
    body = b'{"name": "' + b"x" * MAX_BODY_BYTES + b'"}'
    assert_is_problem(client.post("/v1/items", content=body, headers=JSON), 413)
    chunks = (body[start : start + 65536] for start in range(0, len(body), 65536))
    assert_is_problem(client.post("/v1/items", content=chunks, headers=JSON), 413)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"\xff\xfe{",
        b"[" * 200_000,
        b'{"name": ' * 20_000,
        b'{"name": ' + b"9" * 6000 + b"}",
        b'{"name": NaN}',
        b'{"name": "a\\u0000b"}',
        b'{"name": "\\ud800"}',
        b'{"name": "x", "description": "\\udfff"}',
        b'{"name": "x", "\\ud800": 1}',
        b'{"name": "' + b"x" * 201 + b'"}',
        b'{"name": "  \\u2003 "}',
        b'{"name": "x", "description": "' + b"y" * 2001 + b'"}',
        b'{"name": 5}',
        b'{"name": ["x"]}',
        b"{" + b",".join(b'"k%d": 1' % number for number in range(30_000)) + b"}",
    ],
)
@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "application/x+json; charset=utf-7", "\x01"]
)
def test_a_hostile_body_is_a_small_problem(client: TestClient, content: bytes, content_type: str) -> None:
    response = client.post("/v1/items", content=content, headers={"content-type": content_type})
    assert_is_problem(response, response.status_code)
    assert response.status_code in (400, 422)
    assert len(response.content) < 20_000


HOSTILE_TEXT = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    ["\x00", "\ud800", "%00", "../..", "9" * 400, "-1", "1e999", "null", "NaN", "' OR 1=1", "{}", "\u202e", "a" * 300]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE_TEXT, inner, max_size=3),
    max_leaves=8,
)
BODIES = JSON_VALUES | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("name", "description", "code", "item_id", "enabled"), JSON_VALUES)
)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from([key for key in sorted(ROUTES) if "/v1/" in key]),
    identifier=HOSTILE_TEXT | st.uuids().map(str) | st.just("known"),
    query=st.dictionaries(st.sampled_from(["limit", "cursor", "item_id", "x"]), HOSTILE_TEXT, max_size=3),
    body=BODIES,
)
def test_nothing_a_client_sends_is_answered_with_a_5xx(
    client: TestClient, automation: Automation, route: str, identifier: str, query: dict[str, str], body: Any
) -> None:
    method, path = route.split(" ")
    known = {"{item_id}": str(automation.item_id), "{automation_id}": str(automation.id)}
    for parameter in re.findall(r"\{\w+\}", path):
        value = known.get(parameter, identifier) if identifier == "known" else identifier
        path = path.replace(parameter, _quoted(value))
    if method == "DELETE" and identifier == "known":
        return
    search = "&".join(f"{key}={_quoted(value)}" for key, value in query.items())
    content = json.dumps(body).encode() if method in ("POST", "PUT", "PATCH") else None
    response = client.request(method, f"{path}?{search}", content=content, headers=JSON)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert_is_problem(response, response.status_code)


def test_a_request_id_worth_repeating_is_echoed_and_any_other_replaced(client: TestClient) -> None:
    assert client.get("/health/live", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    for unusable in ("", "a b", "x" * 129, '"'):
        echoed = client.get("/health/live", headers={"x-request-id": unusable}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", echoed)


def test_every_response_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/v1/items", "/nowhere", "/docs"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cache-control"] == "no-store"
        assert headers["content-security-policy"].startswith("default-src 'none'")


def test_an_unexpected_error_is_a_500_problem_that_tells_nothing(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("internal detail")

    monkeypatch.setattr(items, "page", fail)
    response = client.get("/v1/items", headers={"x-request-id": "abc-1"})
    assert "internal detail" not in response.text
    assert assert_is_problem(response, 500)["request_id"] == "abc-1"


def test_a_database_that_is_away_is_a_503_with_retry_after(monkeypatch: pytest.MonkeyPatch, unlimited: None) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql+psycopg://nobody@127.0.0.1:1/none")
    response = TestClient(create_app(), raise_server_exceptions=False).get("/v1/items")
    assert_is_problem(response, 503)
    assert response.headers["retry-after"] == "1"


def test_a_commit_that_fails_is_told_and_sends_nothing(
    client: TestClient, item: Item, automation: Automation, sent: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_session: Session) -> None:
        raise OperationalError("COMMIT", {}, Exception("the connection was closed"))

    monkeypatch.setattr(Session, "commit", fail)
    assert_is_problem(client.put(f"/v1/items/{item.id}", json={"name": "Grinder"}), 503)
    assert sent == []


def test_a_request_that_fails_after_queueing_leaves_no_run(
    client: TestClient, sessions: Sessions, item: Item, automation: Automation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.items.router._updated", lambda *_: 1 / 0)
    assert client.put(f"/v1/items/{item.id}", json={"name": "Grinder"}).status_code == 500
    assert client.get(f"/v1/items/{item.id}").json()["version"] == 1
    assert client.get(f"/v1/automations/{automation.id}/runs").json()["items"] == []


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass")) or "%20"
