"""The service behind the emulated gateway: limits, errors and health as a client meets them."""

import time

import pytest

from service.core.limits_table import ROUTES
from tests.support.local_stack import Stack

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.timeout(180)]


def test_a_second_item_within_a_second_is_refused_and_told_when_to_come_back(stack: Stack) -> None:
    time.sleep(1.1)
    body = {"name": "Espresso machine", "description": "Silver dual boiler machine"}
    answers = [stack.http.post("/v1/items", json=body) for _ in range(3)]
    assert answers[0].status_code == 201
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["status"] == 429


def test_reads_are_allowed_more_often_than_writes(stack: Stack) -> None:
    item = stack.create_item()
    assert {stack.http.get(f"/v1/items/{item['id']}").status_code for _ in range(5)} == {200}


def test_readiness_names_what_the_service_depends_on(stack: Stack) -> None:
    answer = stack.http.get("/health/ready")
    assert answer.status_code == 200
    assert set(answer.json()["checks"].values()) == {"ok"}


def test_the_documentation_is_served(stack: Stack) -> None:
    assert stack.http.get(stack.outputs["docs_url"]).status_code == 200
    assert stack.http.get("/openapi.json").json()["openapi"].startswith("3.")


def test_a_path_that_no_route_serves_never_reaches_the_service(stack: Stack) -> None:
    answer = stack.http.get("/v1/nothing")
    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})


def test_every_route_of_the_table_is_a_route_of_the_gateway(stack: Stack) -> None:
    client = stack.plinth.client("apigatewayv2")
    [api] = client.get_apis()["Items"]
    routes = client.get_routes(ApiId=api["ApiId"])["Items"]
    assert {route["RouteKey"] for route in routes} == set(ROUTES)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("GET", "/v1/items/not-a-uuid", b"", 422),
        ("GET", "/v1/items/01a206a3-01bb-7355-8f33-f6812985aae5", b"", 404),
        ("PATCH", "/v1/items/01a206a3-01bb-7355-8f33-f6812985aae5", b"{", 422),
        ("PATCH", "/v1/items/01a206a3-01bb-7355-8f33-f6812985aae5", b'{"name": "a\\u0000b"}', 422),
        ("GET", "/v1/items?cursor=%00%ff", b"", 422),
        ("GET", "/v1/items?limit=100000000000000000000", b"", 422),
    ],
)
def test_bad_input_is_a_problem_document(stack: Stack, method: str, path: str, content: bytes, status: int) -> None:
    answer = stack.http.request(method, path, content=content, headers={"content-type": "application/json"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
