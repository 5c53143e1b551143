"""Every error is a problem document, and nothing a client sends is answered with a 5xx."""

import json
import re
from typing import Any
from urllib.parse import unquote_to_bytes
from uuid import uuid4

import anyio
import httpx2
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from service.auth import tokens
from service.automations.models import Automation
from service.core.actor import Actor
from service.core.limits_table import ROUTES
from service.core.middleware import MAX_BODY_BYTES
from service.items import service as items
from service.items.models import Item
from service.main import create_app
from tests.service.conftest import Sessions, bearer

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


def test_a_405_names_every_method_that_the_path_has(client: TestClient) -> None:
    assert client.put("/v1/items").headers["allow"] == "GET, POST"
    assert client.post("/v1/items/x").headers["allow"] == "DELETE, GET, PATCH, PUT"
    assert client.put("/v1/users/me").headers["allow"] == "DELETE, GET, PATCH"
    assert client.post("/openapi.json").headers["allow"] == "GET"


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


def asked(client: TestClient, path: bytes, query: bytes = b"", *, body: bytes = b"", **headers: bytes) -> Any:
    """The answer to a POST or GET whose bytes no client library would send. Headers have `_` in place of `-`."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "method": "POST" if body else "GET",
        "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path,
        "query_string": query,
        "headers": [(name.replace("_", "-").encode(), value) for name, value in headers.items()],
        "client": ("198.51.100.1", 1),
    }

    async def receive() -> Any:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    anyio.run(client.app, scope, receive, send)
    content = b"".join(message.get("body", b"") for message in sent)
    return httpx2.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (b"/v1/items/%FF", b"", 422),
        (b"/v1/items/%00", b"", 422),
        (b"/v1/items/%ZZ", b"", 422),
        (b"/v1/items/%", b"", 422),
        (b"/v1/items/%ED%A0%80", b"", 422),
        (b"/%FF%FE", b"", 404),
        (b"//v1//items", b"", 404),
        (b"/v1/../v1/items", b"", 404),
        (b"", b"", 404),
        (b"/v1/" + b"a" * 17_000, b"", 431),
        (b"/v1/items", b"cursor=%00", 422),
        (b"/v1/items", b"cursor=%FF%ZZ%", 422),
        (b"/v1/items", b"cursor=\xff", 422),
        (b"/v1/items", b"limit=1&limit=x", 422),
        (b"/v1/items", b"limit=" + b"9" * 4000, 422),
        (b"/v1/items", b"&" * 17_000, 431),
    ],
)
def test_a_hostile_path_or_query_is_a_problem(
    client: TestClient, actor: Actor, path: bytes, query: bytes, status: int
) -> None:
    authorization = bearer(actor)["Authorization"].encode()
    assert_is_problem(asked(client, path, query, authorization=authorization), status)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"authorization": b"Bearer \xff\xfe"}, 401),
        ({"authorization": b"Bearer " + b"a." * 5000}, 401),
        ({"authorization": b"Bearer eyJhbGciOiJub25lIn0.e30."}, 401),
        ({"authorization": b"Bearer"}, 401),
        ({"authorization": b"\x00"}, 401),
        ({"x_api_key": b"\xff" * 200}, 401),
        ({"x_api_key": b"\x00"}, 401),
        ({"x_api_key": b"k" * 10_000}, 401),
        ({"x_api_key": b"k" * 17_000}, 431),
        ({"cookie": b"a=" + b"b" * 17_000}, 431),
    ],
)
def test_a_hostile_credential_is_a_problem(client: TestClient, headers: dict[str, bytes], status: int) -> None:
    assert_is_problem(asked(client, b"/v1/items", **headers), status)


@pytest.mark.parametrize("length", [b"-1", b"abc", b"", b"1e3", b"\xb2", b"0", b"1"])
def test_a_length_that_is_none_changes_nothing(client: TestClient, actor: Actor, length: bytes) -> None:
    authorization = bearer(actor)["Authorization"].encode()
    headers = {"content_type": b"application/json", "content_length": length, "authorization": authorization}
    assert asked(client, b"/v1/items", body=b'{"name": "x"}', **headers).status_code == 201


@pytest.mark.parametrize("length", [b"524289", b"9" * 30, b"9" * 5000, b"0" * 20 + b"9" * 9])
def test_a_length_above_the_limit_is_413_before_anything_is_read(client: TestClient, length: bytes) -> None:
    headers = {"content_type": b"application/json", "content_length": length}
    document = assert_is_problem(asked(client, b"/v1/items", body=b"{}", **headers), 413)
    assert (document["code"], document["title"]) == ("content-too-large", "Content Too Large")


FORM = b"application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"x"),
        (FORM, b"username=%FF&password=x"),
        (FORM, b"username=\xff&password=x"),
        (FORM, b"username=a%00b&password=%ED%A0%80"),
        (FORM, b"username=%ZZ&password=%"),
        (FORM, b"&" * 20_000),
        (FORM, b"=&" * 5000),
        (FORM, b"username=" + b"a" * 100_000 + b"&password=x"),
        (FORM, b"username=a&username=b&password=x"),
        (FORM, b"username=a&password=x&grant_type=client_credentials"),
        (FORM + b"; charset=utf-7", b"username=a&password=+AGE-&scope=%00"),
        (
            b"multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\na\r\n--x--',
        ),
        (b"multipart/form-data; boundary=x", b"--x--"),
        (b"multipart/form-data", b"--x--"),
        (b"application/json", b'{"username": "a", "password": "x"}'),
        (b"text/plain", b"username=a&password=x"),
        (b"\xff", b"username=a&password=x"),
    ],
)
def test_a_hostile_form_is_a_small_problem(client: TestClient, content_type: bytes, body: bytes) -> None:
    response = asked(client, b"/v1/auth/token", body=body, content_type=content_type)
    assert_is_problem(response, response.status_code)
    assert response.status_code in (400, 401, 422)
    assert len(response.content) < 20_000


def test_a_form_above_the_limit_is_413(client: TestClient) -> None:
    body = b"username=" + b"a" * MAX_BODY_BYTES
    assert_is_problem(client.post("/v1/auth/token", content=body, headers={"content-type": FORM.decode()}), 413)


HOSTILE_TEXT = st.text(st.characters(exclude_categories=()), max_size=40) | st.sampled_from(
    ["\x00", "\ud800", "%00", "../..", "9" * 400, "-1", "1e999", "null", "NaN", "' OR 1=1", "{}", "\u202e", "a" * 300]
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | HOSTILE_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(HOSTILE_TEXT, inner, max_size=3),
    max_leaves=8,
)
DOCUMENT = create_app().openapi()
FIELDS = {
    field
    for name, schema in DOCUMENT["components"]["schemas"].items()
    if name.endswith(("Create", "Replace", "Patch", "Refresh"))
    for field in schema["properties"]
}
PARAMETERS = {
    parameter["name"]
    for methods in DOCUMENT["paths"].values()
    for operation in methods.values()
    for parameter in operation.get("parameters", ())
    if parameter["in"] == "query"
}
BODIES = JSON_VALUES | st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(FIELDS), JSON_VALUES))
HEADER_VALUES = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=80)
HEADERS = st.dictionaries(
    st.sampled_from(["if-match", "if-none-match", "idempotency-key", "accept", "x-request-id"]), HEADER_VALUES
)


def test_the_fields_and_parameters_to_attack_are_found() -> None:
    assert {"name", "description", "code", "item_id", "enabled", "email", "password", "scopes"} <= FIELDS
    assert {"limit", "cursor", "item_id"} <= PARAMETERS


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from([key for key in sorted(ROUTES) if "/v1/" in key]),
    identifier=HOSTILE_TEXT | st.uuids().map(str) | st.just("known"),
    query=st.dictionaries(st.sampled_from([*sorted(PARAMETERS), "x"]), HOSTILE_TEXT, max_size=3),
    body=BODIES,
    extra=HEADERS,
)
def test_nothing_a_client_sends_is_answered_with_a_5xx(
    client: TestClient,
    automation: Automation,
    route: str,
    identifier: str,
    query: dict[str, str],
    body: Any,
    extra: dict[str, str],
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
    # These take the form, or end the session that asks.
    headers = {**JSON, "content-type": FORM.decode()} if route == "POST /v1/auth/token" else JSON
    if route in ("DELETE /v1/users/me", "POST /v1/auth/logout"):
        headers = {**headers, "authorization": "Bearer x"}
    headers = {**headers, **{name: value.encode("latin-1") for name, value in extra.items()}}
    response = client.request(method, f"{path}?{search}", content=content, headers=headers)
    assert response.status_code < 500, response.text
    if response.status_code >= 400:
        assert_is_problem(response, response.status_code)


def test_a_request_id_worth_repeating_is_echoed_and_any_other_replaced(client: TestClient) -> None:
    assert client.get("/health/live", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    for unusable in ("", "a b", "x" * 129, '"'):
        echoed = client.get("/health/live", headers={"x-request-id": unusable}).headers["x-request-id"]
        assert re.fullmatch(r"[0-9a-f]{32}", echoed)


def test_every_response_carries_the_security_headers(client: TestClient) -> None:
    for path in ("/v1/items", "/nowhere", "/openapi.json", "/health/live"):
        headers = client.get(path).headers
        assert {name: headers[name] for name in SECURITY_HEADERS} == SECURITY_HEADERS


SECURITY_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


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
    token = tokens.issue(tokens.Claims(uuid4(), uuid4(), frozenset()))
    api = TestClient(create_app(), raise_server_exceptions=False)
    for path in ("/v1/items", "/health/ready"):
        response = api.get(path, headers={"Authorization": f"Bearer {token}"})
        assert_is_problem(response, 503)
        assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("sqlstate", "status", "code"),
    [
        ("40001", 503, "busy"),
        ("40P01", 503, "busy"),
        ("55P03", 503, "busy"),
        ("57014", 503, "busy"),
        ("57P01", 503, "service-unavailable"),
        ("23505", 409, "conflict"),
        ("23503", 409, "conflict"),
        ("22003", 422, "invalid-input"),
        ("42501", 500, "internal-server-error"),
    ],
)
def test_what_the_database_refuses_is_told_by_what_to_do_about_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, sqlstate: str, status: int, code: str
) -> None:
    def fail(session: Session, **_: Any) -> None:
        session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'internal detail' USING ERRCODE = '{sqlstate}'; END $$"))

    monkeypatch.setattr(items, "page", fail)
    response = client.get("/v1/items")
    assert assert_is_problem(response, status)["code"] == code
    assert (response.headers.get("retry-after") == "1") == (status == 503)
    assert "internal detail" not in response.text


def test_a_row_that_somebody_else_deleted_meanwhile_is_a_conflict(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise StaleDataError("expected to update 1 row(s); 0 were matched")

    monkeypatch.setattr(items, "page", fail)
    assert_is_problem(client.get("/v1/items"), 409)


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
