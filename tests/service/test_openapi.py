"""The OpenAPI document: what clients are generated from."""

from typing import Any

import pytest

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
        "create_automation",
        "create_item",
        "delete_automation",
        "delete_item",
        "list_automations",
        "list_automations_of_item",
        "list_items",
        "list_runs_of_automation",
        "read_automation",
        "read_item",
        "read_liveness",
        "read_readiness",
        "read_run",
        "replace_automation",
        "replace_item",
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
    assert names == {"item_id", "automation_id", "run_id", "limit", "cursor"}
