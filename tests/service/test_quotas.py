"""What one owner may have, and that requests at once neither exceed it nor wait for each other for ever."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from service.automations import repository as automations_repository
from service.automations import service as automations
from service.automations.models import Automation
from service.core.actor import Actor
from service.core.errors import QuotaExceededError, UnauthenticatedError
from service.items import repository as items_repository
from service.items import service as items
from service.items.models import Item
from service.main import create_app
from service.runs import repository as runs_repository
from service.runs import service as runs
from service.runs.models import Run
from service.users import service as users
from tests.service.conftest import Sessions, bearer, make_actor


def fill(sessions: Sessions, automation: Automation, number: int) -> list[UUID]:
    """That many queued runs of the automation."""
    with sessions.begin() as session:
        values = {"owner_id": automation.owner_id, "automation_id": automation.id, "item_id": automation.item_id}
        made = [
            Run(**values, item_version=1, trigger="manual", code="1", code_sha256="0" * 64, event={})
            for _ in range(number)
        ]
        session.add_all(made)
        session.flush()
        return [run.id for run in made]


def end(sessions: Sessions, run_id: UUID) -> None:
    with sessions.begin() as session:
        session.get_one(Run, run_id).status = "succeeded"


def assert_refused(response: Any, retry_after: str) -> None:
    assert (response.status_code, response.json()["code"]) == (429, "quota-exceeded")
    assert response.headers["retry-after"] == retry_after


def test_an_item_has_at_most_ten_automations(client: TestClient, item: Item) -> None:
    body = {"name": "x", "code": "1", "item_id": str(item.id)}
    made = [client.post("/v1/automations", json=body) for _ in range(10)]
    assert {response.status_code for response in made} == {201}
    refused = client.post("/v1/automations", json=body)
    assert_refused(refused, "60")
    assert refused.json()["detail"] == "The item has 10 automations, the most it may have: delete one first."
    # None of its own is in the way of itself.
    assert client.put(made[0].headers["location"], json=body).status_code == 200
    client.delete(made[0].headers["location"])
    assert client.post("/v1/automations", json=body).status_code == 201


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_no_automation_is_moved_to_an_item_that_has_ten(client: TestClient, item: Item, method: str) -> None:
    other = client.post("/v1/items", json={"name": "Other"}).json()["id"]
    body = {"name": "x", "code": "1", "item_id": str(item.id)}
    for _ in range(10):
        client.post("/v1/automations", json=body)
    moving = client.post("/v1/automations", json={**body, "item_id": other})
    assert_refused(client.request(method, moving.headers["location"], json=body), "60")
    assert client.get(moving.headers["location"]).json() == moving.json()


def test_an_owner_has_at_most_fifty_unfinished_runs(
    client: TestClient, sessions: Sessions, automation: Automation, sent: list[UUID]
) -> None:
    ended, running = fill(sessions, automation, 50)[:2]
    with sessions.begin() as session:
        session.get_one(Run, running).status = "running"
    end(sessions, ended)
    run_now = f"/v1/automations/{automation.id}/runs"
    assert client.post(run_now).status_code == 202
    for path in (run_now, f"/v1/runs/{ended}/rerun"):
        assert_refused(client.post(path), "5")
    end(sessions, running)
    assert client.post(f"/v1/runs/{ended}/rerun").status_code == 202
    assert len(sent) == 2


def test_an_update_whose_runs_do_not_all_fit_changes_nothing(
    client: TestClient, sessions: Sessions, automation: Automation, sent: list[UUID]
) -> None:
    path = f"/v1/items/{automation.item_id}"
    client.post("/v1/automations", json={"name": "x", "code": "1", "item_id": str(automation.item_id)})
    first = fill(sessions, automation, 49)[0]
    before = client.get(path).json()
    for method in ("PUT", "PATCH"):
        assert_refused(client.request(method, path, json={"name": "Grinder"}), "5")
    assert client.get(path).json() == before
    assert sent == []
    end(sessions, first)
    assert len(client.patch(path, json={"name": "Grinder"}).json()["runs"]) == 2


def test_an_item_without_enabled_automations_can_be_updated_whatever_runs_its_owner_has(
    client: TestClient, sessions: Sessions, automation: Automation
) -> None:
    fill(sessions, automation, 50)
    client.patch(f"/v1/automations/{automation.id}", json={"enabled": False})
    assert client.patch(f"/v1/items/{automation.item_id}", json={"name": "x"}).status_code == 200


def test_the_runs_of_others_do_not_count(
    anonymous: TestClient, sessions: Sessions, automation: Automation, other: Actor
) -> None:
    fill(sessions, automation, 50)
    theirs = TestClient(anonymous.app, headers=bearer(other))
    item_id = theirs.post("/v1/items", json={"name": "x"}).json()["id"]
    made = theirs.post("/v1/automations", json={"name": "x", "code": "1", "item_id": item_id}).json()["id"]
    assert theirs.post(f"/v1/automations/{made}/runs").status_code == 202


def test_an_owner_has_a_largest_number_of_items(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_ITEMS", 2)
    answers = [client.post("/v1/items", json={"name": "x"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [201, 201, 429]
    assert_refused(answers[2], "60")
    assert answers[2].json()["detail"] == "You have 2 items, the most that one may have: delete one first."


@pytest.fixture
def ada(committing_sessions: Sessions) -> Actor:
    """A member in the database that tests commit to."""
    return make_actor(committing_sessions, email="ada@example.com")


@pytest.fixture
def attached(committing_sessions: Sessions, ada: Actor) -> Automation:
    """An automation of hers, with its item."""
    with committing_sessions.begin() as session:
        item = items.create(session, actor=ada, name="Espresso machine")
        return automations.create(session, actor=ada, name="Tell", code="1", item_id=item.id)


def at_once(*functions: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(functions)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(function) for function in functions]]


def lingering(count: Callable[..., int]) -> Callable[..., int]:
    """The count, with time between it and what follows from it for whoever does not wait."""

    def counted(*arguments: Any) -> int:
        number = count(*arguments)
        time.sleep(0.02)
        return number

    return counted


@pytest.mark.parametrize("what", ["run now", "rerun", "update", "automation", "item"])
def test_of_requests_at_once_exactly_one_takes_the_last_place(
    committing_sessions: Sessions, ada: Actor, attached: Automation, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(items, "MAX_ITEMS", 2)
    for module, name in (
        (items_repository, "count"),
        (automations_repository, "count_of"),
        (runs_repository, "count_unfinished"),
    ):
        monkeypatch.setattr(module, name, lingering(getattr(module, name)))
    for _ in range(8):
        with committing_sessions.begin() as session:
            automations.create(session, actor=ada, name="x", code="1", item_id=attached.item_id, enabled=False)
    ended = fill(committing_sessions, attached, 50)[0]
    end(committing_sessions, ended)
    arguments: dict[str, dict[str, Any]] = {
        "run now": {"automation_id": attached.id},
        "rerun": {"run_id": ended},
        "update": {"item_id": attached.item_id, "changes": {"name": "x"}},
        "automation": {"name": "x", "code": "1", "item_id": attached.item_id},
        "item": {"name": "x"},
    }
    function: Any = {
        "run now": runs.queue_now,
        "rerun": runs.rerun,
        "update": items.update,
        "automation": automations.create,
        "item": items.create,
    }[what]

    def attempt() -> str:
        try:
            with committing_sessions.begin() as session:
                function(session, actor=ada, **arguments[what])
        except QuotaExceededError:
            return "refused"
        return "done"

    assert sorted(at_once(*[attempt] * 6)) == ["done", *["refused"] * 5]


def test_changes_and_deletions_at_once_are_never_answered_with_a_5xx(
    committing_sessions: Sessions, ada: Actor, unlimited: None, sent: list[UUID]
) -> None:
    client = TestClient(create_app(), raise_server_exceptions=False, headers=bearer(ada))
    seen: set[int] = set()
    for round_number in range(6):
        made = [client.post("/v1/items", json={"name": name}).json()["id"] for name in ("a", "b")]
        body = {"name": "x", "code": "1", "item_id": made[0]}
        attached = [client.post("/v1/automations", json=body).json()["id"] for _ in range(2)]
        ran = client.post(f"/v1/automations/{attached[0]}/runs").json()["id"]
        keyed = {"Idempotency-Key": f"key-{round_number}"}
        requests: list[tuple[str, str, Any, dict[str, str]]] = [
            ("PUT", f"/v1/items/{made[0]}", {"name": "y"}, {}),
            ("PATCH", f"/v1/items/{made[0]}", {"name": "z"}, {"If-Match": '"1"'}),
            ("DELETE", f"/v1/items/{made[0]}", None, {}),
            ("PUT", f"/v1/automations/{attached[0]}", {**body, "item_id": made[1]}, {}),
            ("PATCH", f"/v1/automations/{attached[1]}", {"item_id": made[0]}, {}),
            ("DELETE", f"/v1/automations/{attached[0]}", None, {}),
            ("POST", f"/v1/automations/{attached[0]}/runs", None, keyed),
            ("POST", f"/v1/automations/{attached[1]}/runs", None, {}),
            ("POST", f"/v1/runs/{ran}/cancel", None, {}),
            ("POST", f"/v1/runs/{ran}/rerun", None, {}),
            ("POST", "/v1/automations", {**body, "name": "new"}, {}),
            ("DELETE", f"/v1/items/{made[1]}", None, {}),
        ]
        calls = [
            lambda request=request: client.request(request[0], request[1], json=request[2], headers=request[3])
            for request in requests
        ]
        seen |= {response.status_code for response in at_once(*calls)}
    assert seen <= {200, 201, 202, 204, 404, 409, 412, 429}


def test_an_owner_deleted_in_flight_leaves_nothing_behind_and_makes_no_5xx(
    committing_sessions: Sessions, unlimited: None, sent: list[UUID]
) -> None:
    app = create_app()
    seen: set[int] = set()
    for number in range(4):
        actor = make_actor(committing_sessions, email=f"user-{number}@example.com")
        client = TestClient(app, raise_server_exceptions=False, headers=bearer(actor))
        item_id = client.post("/v1/items", json={"name": "x"}).json()["id"]
        body = {"name": "x", "code": "1", "item_id": item_id}
        made = client.post("/v1/automations", json=body).json()["id"]

        def leave(actor: Actor = actor) -> int:
            with committing_sessions.begin() as session:
                users.delete(session, actor=actor)
            return 204

        requests: list[tuple[str, str, Any]] = [
            ("POST", "/v1/items", {"name": "y"}),
            ("PUT", f"/v1/items/{item_id}", {"name": "y"}),
            ("POST", "/v1/automations", body),
            ("POST", f"/v1/automations/{made}/runs", None),
            ("DELETE", f"/v1/items/{item_id}", None),
        ]
        calls = [
            lambda client=client, request=request, key=key: (
                client.request(request[0], request[1], json=request[2], headers=key).status_code
            )
            for request in requests
            for key in ({}, {"Idempotency-Key": f"k{request[1]}"})
        ]
        seen |= set(at_once(*calls[:4], leave, *calls[4:]))
    with committing_sessions() as session:
        left = [session.scalars(select(func.count()).select_from(table)).one() for table in (Item, Automation, Run)]
    assert left == [0, 0, 0]
    assert seen <= {200, 201, 202, 204, 401, 404, 409, 422}


def test_whoever_was_deleted_since_the_credential_was_checked_is_told_so(sessions: Sessions, actor: Actor) -> None:
    with sessions.begin() as session:
        users.delete(session, actor=actor)
    with sessions() as session, pytest.raises(UnauthenticatedError, match="The user is gone"):
        items.create(session, actor=actor, name="x")
