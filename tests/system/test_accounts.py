"""Users, keys and limits as a client of the running stack meets them, through the gateway and the functions."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2
import pytest

from tests.support.local_stack import PASSWORD, Stack, sign_up

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.timeout(180)]

ORIGIN = "http://localhost:3000"
"""One of the dev stack's `cors_origins`."""


@pytest.fixture(scope="module")
def grace(stack: Stack) -> dict[str, str]:
    """The header of another member."""
    with httpx2.Client(base_url=stack.outputs["api_url"], timeout=40) as client:
        return {"Authorization": sign_up(client, "grace@example.com")}


@pytest.fixture(scope="module")
def api_key(stack: Stack) -> dict[str, str]:
    """The header of an API key of the stack's own user."""
    made = stack.http.post("/v1/api-keys", json={"name": "robot"})
    assert made.status_code == 201, made.text
    return {"X-API-Key": made.json()["key"]}


def as_nobody(stack: Stack, method: str, path: str, **options: Any) -> httpx2.Response:
    """A request with no credential but those in `options`."""
    return httpx2.request(method, urljoin(stack.outputs["api_url"], path), timeout=40, **options)


def at_once(count: int, call: Callable[[int], Any]) -> list[Any]:
    """The outcomes of so many calls that begin together."""
    barrier = Barrier(count)

    def one(number: int) -> Any:
        barrier.wait()
        return call(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_without_a_credential_nothing_of_the_api_answers(stack: Stack) -> None:
    answer = as_nobody(stack, "GET", "/v1/items")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_an_item_is_its_owners_alone_with_either_credential(
    stack: Stack, grace: dict[str, str], api_key: dict[str, str]
) -> None:
    item = stack.create_item()
    path = f"/v1/items/{item['id']}"
    assert as_nobody(stack, "GET", path, headers=api_key).json()["id"] == item["id"]
    assert as_nobody(stack, "GET", path, headers=grace).status_code == 404
    assert as_nobody(stack, "DELETE", path, headers=grace).status_code == 404
    assert stack.http.get(path).status_code == 200


def test_instances_of_the_function_share_their_counts(stack: Stack, grace: dict[str, str]) -> None:
    calls = 6

    def read(_number: int) -> httpx2.Response:
        return as_nobody(stack, "GET", "/v1/items", headers=grace)

    def create(_number: int) -> httpx2.Response:
        return as_nobody(stack, "POST", "/v1/items", headers=grace, json={"name": "Kettle"})

    # Requests at once get instances, processes, of their own; the first round starts those that were not there.
    assert {answer.status_code for answer in at_once(calls, read)} == {200}
    folders = (stack.plinth.state / "dev" / "tmp").glob("ministack-lambda-plinth-dev-api-*")
    assert len(list(folders)) >= 2
    statuses: list[int] = []
    for _ in range(5):
        statuses = sorted(answer.status_code for answer in at_once(calls, create))
        # On a busy machine the calls may fall into two seconds, of which each allows one.
        if statuses == [201] + [429] * (calls - 1):
            return
        assert set(statuses) <= {201, 429}
    pytest.fail(f"each instance counted for itself: {statuses}")


def test_a_request_sent_again_with_its_key_is_answered_again_and_done_once(stack: Stack, grace: dict[str, str]) -> None:
    item = stack.create_item()
    body = {"name": "Tell", "code": "print('told')", "item_id": item["id"]}
    headers = {"Idempotency-Key": f"once-{item['id']}"}

    def create(_number: int) -> httpx2.Response:
        return stack.http.post("/v1/automations", json=body, headers=headers)

    answers = at_once(3, create)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, True, True]
    assert len(stack.http.get(f"/v1/items/{item['id']}/automations").json()["items"]) == 1
    other = stack.http.post("/v1/automations", json={**body, "name": "Other"}, headers=headers)
    assert other.status_code == 422


def test_of_two_changes_to_one_version_the_second_is_refused(stack: Stack) -> None:
    item = stack.create_item()
    path = f"/v1/items/{item['id']}"
    tag = stack.http.get(path).headers["etag"]
    assert stack.http.get(path, headers={"If-None-Match": tag}).status_code == 304
    answers = at_once(2, lambda n: stack.http.patch(path, json={"name": f"name {n}"}, headers={"If-Match": tag}))
    assert sorted(answer.status_code for answer in answers) == [200, 412]


def test_a_refresh_token_is_good_once_and_a_replay_ends_the_session(stack: Stack, grace: dict[str, str]) -> None:
    form = {"username": "grace@example.com", "password": PASSWORD}
    tokens = as_nobody(stack, "POST", "/v1/auth/token", data=form).json()
    refreshed = as_nobody(stack, "POST", "/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert refreshed.status_code == 200
    access = {"Authorization": f"Bearer {refreshed.json()['access_token']}"}
    assert as_nobody(stack, "GET", "/v1/users/me", headers=access).json()["email"] == "grace@example.com"
    replayed = as_nobody(stack, "POST", "/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]})
    assert replayed.status_code == 401
    assert as_nobody(stack, "GET", "/v1/users/me", headers=access).status_code == 401
    again = as_nobody(stack, "POST", "/v1/auth/refresh", json={"refresh_token": refreshed.json()["refresh_token"]})
    assert again.status_code == 401


def test_the_first_administrator_is_made_from_the_shell_of_the_stack(stack: Stack, grace: dict[str, str]) -> None:
    made = stack.plinth("service", "dev", "create-admin", "--email", "boss@example.com", "--json")
    assert made.returncode == 0, made.stderr
    password = json.loads(made.stdout)["password"]
    form = {"username": "boss@example.com", "password": password}
    token = as_nobody(stack, "POST", "/v1/auth/token", data=form).json()["access_token"]
    users = as_nobody(stack, "GET", "/v1/users", headers={"Authorization": f"Bearer {token}"}).json()["items"]
    assert {"ada@example.com", "grace@example.com", "boss@example.com"} <= {user["email"] for user in users}
    assert as_nobody(stack, "GET", "/v1/users", headers=grace).status_code == 403


def test_a_refusal_by_the_shell_of_the_stack_is_one_line(stack: Stack) -> None:
    refused = stack.plinth("service", "dev", "--as", "nobody@example.com", "items", "list")
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert "nobody@example.com" in refused.stderr


def test_pages_of_the_origins_that_the_stack_names_may_call_the_api(stack: Stack) -> None:
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "authorization,if-match"}
    preflight = as_nobody(stack, "OPTIONS", "/v1/items", headers={"Origin": ORIGIN, **asked})
    assert preflight.status_code in (200, 204)
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "PUT" in preflight.headers["access-control-allow-methods"]
    assert {"authorization", "if-match"} <= set(preflight.headers["access-control-allow-headers"].split(","))
    answer = stack.http.get("/v1/items", headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert {"etag", "retry-after", "x-request-id"} <= set(answer.headers["access-control-expose-headers"].split(","))
    stranger = stack.http.get("/v1/items", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_a_request_id_is_echoed(stack: Stack) -> None:
    answer = stack.http.get("/v1/items", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"


def test_the_documentation_page_loads_from_the_api_itself(stack: Stack) -> None:
    page = as_nobody(stack, "GET", "/docs")
    assert page.status_code == 200
    links = [part.partition('"')[0] for name in ('src="', 'href="') for part in page.text.split(name)[1:]]
    assert links
    for link in links:
        if link.startswith("data:"):
            continue
        assert urlsplit(link).netloc in ("", urlsplit(stack.outputs["api_url"]).netloc), link
        assert as_nobody(stack, "GET", link).status_code == 200, link
