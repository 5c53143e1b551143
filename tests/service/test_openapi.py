"""The OpenAPI document: what clients are generated from."""

from pathlib import Path
from typing import Any

import pytest

import service
from service.cli import main
from service.core.actor import SCOPES
from service.main import create_app


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return create_app().openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_operation_ids_are_the_names_that_clients_are_generated_with(document: dict[str, Any]) -> None:
    assert sorted(operation["operationId"] for _, operation in operations(document)) == [
        "cancel_run",
        "change_automation",
        "change_item",
        "change_profile",
        "create_api_key",
        "create_automation",
        "create_item",
        "delete_automation",
        "delete_item",
        "delete_profile",
        "end_session",
        "issue_token",
        "list_api_keys",
        "list_automations",
        "list_automations_of_item",
        "list_items",
        "list_runs",
        "list_runs_of_automation",
        "list_users",
        "read_automation",
        "read_item",
        "read_liveness",
        "read_profile",
        "read_readiness",
        "read_run",
        "refresh_token",
        "register_user",
        "replace_automation",
        "replace_item",
        "rerun_run",
        "revoke_api_key",
        "run_automation",
    ]


def test_every_operation_has_a_tag_a_summary_a_description_and_its_problems(document: dict[str, Any]) -> None:
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for route, operation in operations(document):
        assert len(operation["tags"]) == 1, route
        assert operation["summary"], route
        assert operation["description"], route
        errors = {status: entry for status, entry in operation["responses"].items() if status >= "400"}
        assert {"422", "429", "500"} <= set(errors), route
        assert all(entry["content"] == problem for entry in errors.values()), route
        takes_id = "{" in route
        assert ("404" in errors) == (takes_id or route == "POST /v1/automations"), route


PUBLIC = {"POST /v1/auth/register", "POST /v1/auth/token", "POST /v1/auth/refresh"}
"""What anybody may call: the routes that make a credential of something else."""

WITHOUT_SCOPE = {"POST /v1/auth/logout"}
"""What every credential may call: a sign-in that asked for little can still be ended."""


def test_every_route_below_v1_asks_for_a_scope_of_either_credential(document: dict[str, Any]) -> None:
    below = {route: operation for route, operation in operations(document) if " /v1/" in route}
    assert below.keys() >= PUBLIC | WITHOUT_SCOPE
    for route, operation in below.items():
        asked = {name: scopes for entry in operation.get("security", []) for name, scopes in entry.items()}
        assert asked.keys() == (set[str]() if route in PUBLIC else {"OAuth2", "ApiKey"}), route
        assert asked.get("OAuth2") == asked.get("ApiKey"), route
        if route in PUBLIC:
            continue
        if route in WITHOUT_SCOPE:
            assert asked["OAuth2"] == [], route
        else:
            assert asked["OAuth2"], route
            assert set(asked["OAuth2"]) <= SCOPES.keys(), route
            assert asked["OAuth2"][0].endswith(":read") == route.startswith("GET "), route
        assert {"401", "403"} <= operation["responses"].keys(), route


def test_the_document_says_where_tokens_come_from_and_what_each_scope_allows(document: dict[str, Any]) -> None:
    schemes = document["components"]["securitySchemes"]
    flow = {"tokenUrl": "/v1/auth/token", "refreshUrl": "/v1/auth/refresh", "scopes": dict(SCOPES)}
    assert schemes["OAuth2"] == {"type": "oauth2", "flows": {"password": flow}}
    assert schemes["ApiKey"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}


def test_every_reference_in_the_document_leads_somewhere(document: dict[str, Any]) -> None:
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set[str]()
            return own.union(*(references(entry) for entry in value.values()))
        return set[str]().union(*(references(entry) for entry in value)) if isinstance(value, list) else set()

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document) <= known
    assert "HTTPValidationError" not in document["components"]["schemas"]


def test_the_sessions_request_parameter_is_no_part_of_the_contract(document: dict[str, Any]) -> None:
    names = {
        parameter["name"] for _, operation in operations(document) for parameter in operation.get("parameters", [])
    }
    assert names == {
        *("item_id", "automation_id", "run_id", "api_key_id", "limit", "cursor", "sort"),
        *("name", "name_contains", "enabled", "status", "trigger"),
        *("created_after", "created_before", "updated_after", "updated_before"),
        *("If-Match", "If-None-Match", "Idempotency-Key"),
    }


REPEATABLE = {
    "POST /v1/items",
    "POST /v1/automations",
    "POST /v1/automations/{automation_id}/runs",
    "POST /v1/runs/{run_id}/cancel",
    "POST /v1/runs/{run_id}/rerun",
}
"""The operations that take an Idempotency-Key."""


def test_each_operation_declares_the_conditional_headers_and_statuses_that_it_knows(document: dict[str, Any]) -> None:
    for route, operation in operations(document):
        method, path = route.split(" ")
        one_versioned = path in ("/v1/items/{item_id}", "/v1/automations/{automation_id}")
        sent = {entry["name"] for entry in operation.get("parameters", []) if entry["in"] == "header"}
        expected: set[str] = set()
        if one_versioned:
            expected = {"If-None-Match"} if method == "GET" else {"If-Match"}
        if route in REPEATABLE:
            expected = {"Idempotency-Key"}
        assert sent == expected, route
        responses = operation["responses"]
        assert ("304" in responses) == (expected == {"If-None-Match"}), route
        assert ("412" in responses) == (expected == {"If-Match"}), route
        [done] = [entry for status, entry in responses.items() if status.startswith("2")]
        tagged = (one_versioned and method != "DELETE") or route in ("POST /v1/items", "POST /v1/automations")
        assert ("ETag" in done.get("headers", {})) == tagged, route
        assert ("Idempotency-Replayed" in done.get("headers", {})) == (route in REPEATABLE), route


def test_a_parameter_that_may_be_left_out_is_not_said_to_be_null(document: dict[str, Any]) -> None:
    for route, operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert "anyOf" not in parameter["schema"], (route, parameter["name"])


def test_every_field_of_every_request_body_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bodies = {
        route: next(iter(operation["requestBody"]["content"].values()))["schema"]
        for route, operation in operations(document)
        if "requestBody" in operation
    }
    assert {route.partition(" ")[0] for route in bodies} == {"POST", "PUT", "PATCH"}
    for route, schema in bodies.items():
        body = schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        for name, field in body["properties"].items():
            assert field.get("examples") or field.get("enum") or "const" in field or "pattern" in field, (route, name)


def test_every_text_of_every_response_has_an_example(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    bodies = {
        entry["schema"]["$ref"].rpartition("/")[2]
        for _, operation in operations(document)
        for response in operation["responses"].values()
        for entry in response.get("content", {}).values()
    }
    assert {"ItemRead", "RunDetails", "TokenRead", "Problem", "Ready"} <= bodies
    for body in bodies | {"InputError"}:
        for name, field in schemas[body]["properties"].items():
            kinds = [field, *field.get("anyOf", [])]
            is_text = any(kind.get("type") == "string" for kind in kinds)
            says_itself = any(kind.keys() & {"enum", "const", "format"} for kind in kinds)
            assert not is_text or says_itself or field.get("examples"), (body, name)


def test_every_tag_is_described_and_every_described_tag_is_used(document: dict[str, Any]) -> None:
    used = {tag for _, operation in operations(document) for tag in operation["tags"]}
    assert {tag["name"] for tag in document["tags"]} == used
    assert all(tag["description"] for tag in document["tags"])
    assert document["servers"] == [{"url": "/", "description": "The environment that serves this document."}]


def test_the_committed_document_is_the_present_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["openapi"]) == 0
    committed = Path(service.__file__).parent.parent / "docs" / "openapi.json"
    is_present = committed.read_text() == capsys.readouterr().out
    assert is_present, "docs/openapi.json is not what the service says now: run `make openapi` and look at the change"
