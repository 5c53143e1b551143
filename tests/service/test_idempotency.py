"""Idempotency keys: a request that is sent again is answered as before, and done once."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from service.automations.models import Automation
from service.core.actor import Actor
from service.idempotency import service as idempotency
from service.idempotency.models import IdempotentAnswer
from service.items import service as items
from service.items.models import Item
from service.main import create_app
from service.runs.models import Run
from tests.service.conftest import Sessions, bearer, make_actor

KEY = {"Idempotency-Key": "5f0c-1"}
UNKNOWN = "01890000-0000-7000-8000-000000000000"

Request = tuple[str, Any]


@pytest.fixture(params=["item", "automation", "run now", "cancel", "rerun"])
def post(request: pytest.FixtureRequest, client: TestClient, sessions: Sessions, automation: Automation) -> Request:
    """A path to post to, and the body it takes: each of the operations that take a key."""
    run_now = f"/v1/automations/{automation.id}/runs"
    if request.param in ("item", "automation", "run now"):
        return {
            "item": ("/v1/items", {"name": "Kettle", "description": 'ü "\u2028'}),
            "automation": ("/v1/automations", {"name": "x", "code": "1", "item_id": str(automation.item_id)}),
            "run now": (run_now, None),
        }[request.param]
    run_id = client.post(run_now).json()["id"]
    if request.param == "cancel":
        return f"/v1/runs/{run_id}/cancel", None
    with sessions.begin() as session:
        session.get_one(Run, UUID(run_id)).status = "failed"
    return f"/v1/runs/{run_id}/rerun", None


def counts(sessions: Sessions) -> list[int]:
    with sessions() as session:
        return [session.scalars(select(func.count()).select_from(table)).one() for table in (Item, Automation, Run)]


def test_the_same_request_with_the_same_key_is_answered_the_same_and_done_once(
    client: TestClient, sessions: Sessions, sent: list[UUID], post: Request
) -> None:
    path, body = post
    first = client.post(path, json=body, headers=KEY)
    done, sent_once = counts(sessions), list(sent)
    again = client.post(path, json=body, headers=KEY)
    assert first.status_code in (200, 201, 202)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    for name in ("location", "etag", "content-type"):
        assert again.headers.get(name) == first.headers.get(name), name
    assert [answer.headers.get("idempotency-replayed") for answer in (first, again)] == [None, "true"]
    assert (counts(sessions), set(sent)) == (done, set(sent_once))


def test_a_run_whose_message_was_never_sent_is_sent_by_the_same_request_with_the_same_key(
    client: TestClient, sessions: Sessions, automation: Automation, sent: list[UUID]
) -> None:
    path = f"/v1/automations/{automation.id}/runs"
    run_id = UUID(client.post(path, headers=KEY).json()["id"])
    # As after a process that ended between its commit and its send.
    sent.clear()
    assert client.post(path, headers=KEY).headers["idempotency-replayed"] == "true"
    assert sent == [run_id]
    with sessions.begin() as session:
        session.get_one(Run, run_id).status = "failed"
    client.post(path, headers=KEY)
    again = f"/v1/runs/{run_id}/rerun", {"Idempotency-Key": "another"}
    rerun_id = UUID(client.post(again[0], headers=again[1]).json()["id"])
    assert sent == [run_id, rerun_id]
    client.post(again[0], headers=again[1])
    assert sent == [run_id, rerun_id, rerun_id]
    client.post(f"/v1/runs/{rerun_id}/cancel")
    client.post(again[0], headers=again[1])
    assert sent == [run_id, rerun_id, rerun_id]


def test_a_key_changes_nothing_of_the_first_answer(client: TestClient, automation: Automation) -> None:
    for path, body in (
        ("/v1/items", {"name": "Kettle"}),
        ("/v1/automations", {"name": "x", "code": "1", "item_id": str(automation.item_id)}),
        (f"/v1/automations/{automation.id}/runs", None),
    ):
        plain, keyed = client.post(path, json=body), client.post(path, json=body, headers={"Idempotency-Key": path})
        own = dict.fromkeys(("id", "created_at", "updated_at"))
        assert {**plain.json(), **own} == {**keyed.json(), **own}
        assert plain.status_code == keyed.status_code
        names = [{name for name in answer.headers if name in ("location", "etag")} for answer in (plain, keyed)]
        assert names[0] == names[1]


def test_the_answer_stays_the_first_one_whatever_became_of_the_object(client: TestClient) -> None:
    first = client.post("/v1/items", json={"name": "Kettle"}, headers=KEY)
    client.delete(first.headers["location"])
    assert client.post("/v1/items", json={"name": "Kettle"}, headers=KEY).content == first.content
    assert client.get(first.headers["location"]).status_code == 404


def test_the_same_body_written_otherwise_is_the_same_request(client: TestClient) -> None:
    first = client.post("/v1/items", json={"name": "Kettle"}, headers=KEY)
    content = b'{ "description": null, "name": "  Kettle " }'
    again = client.post("/v1/items", content=content, headers={**KEY, "content-type": "application/json"})
    assert again.content == first.content


def test_a_key_that_was_used_for_another_request_is_a_problem(
    client: TestClient, sessions: Sessions, automation: Automation
) -> None:
    client.post("/v1/items", json={"name": "Kettle"}, headers=KEY)
    before = counts(sessions)
    others: list[Request] = [
        ("/v1/items", {"name": "Other"}),
        ("/v1/items", {"name": "Kettle", "description": ""}),
        ("/v1/automations", {"name": "Kettle", "code": "1", "item_id": str(automation.item_id)}),
        (f"/v1/automations/{automation.id}/runs", None),
    ]
    for path, body in others:
        response = client.post(path, json=body, headers=KEY)
        assert (response.status_code, response.json()["code"]) == (422, "invalid-input")
        assert response.json()["detail"] == "This Idempotency-Key was used for another request: use a new one."
    assert counts(sessions) == before


def test_another_path_is_another_request(client: TestClient, automation: Automation) -> None:
    second = client.post("/v1/automations", json={"name": "x", "code": "1", "item_id": str(automation.item_id)})
    run_id = client.post(f"/v1/automations/{automation.id}/runs").json()["id"]
    paths = [f"/v1/automations/{automation_id}/runs" for automation_id in (automation.id, second.json()["id"])]
    assert [client.post(path, headers=KEY).status_code for path in paths] == [202, 422]
    paths = [f"/v1/runs/{run_id}/{verb}" for verb in ("cancel", "rerun")]
    assert [client.post(path, headers={"Idempotency-Key": "another"}).status_code for path in paths] == [200, 422]


def test_a_request_that_failed_is_done_anew(client: TestClient, sessions: Sessions, item: Item) -> None:
    body = {"name": "x", "code": "1", "item_id": UNKNOWN}
    assert client.post("/v1/automations", json=body, headers=KEY).status_code == 404
    with sessions() as session:
        assert session.scalars(select(IdempotentAnswer)).all() == []
    assert client.post("/v1/automations", json={**body, "item_id": str(item.id)}, headers=KEY).status_code == 201


def test_a_request_that_crashed_is_done_anew(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("service.idempotency.service.keep", lambda *_, **__: 1 / 0)
        assert client.post("/v1/items", json={"name": "Kettle"}, headers=KEY).status_code == 500
    assert client.get("/v1/items").json()["items"] == []
    assert client.post("/v1/items", json={"name": "Kettle"}, headers=KEY).status_code == 201


def test_each_user_has_keys_of_their_own(anonymous: TestClient, actor: Actor, other: Actor) -> None:
    answers = [
        anonymous.post("/v1/items", json={"name": name}, headers={**KEY, **bearer(who)})
        for who, name in ((actor, "Kettle"), (other, "Other"), (other, "Other"))
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"] == answers[2].json()["id"]


@pytest.fixture
def age(sessions: Sessions) -> Callable[[str, float], None]:
    """Makes the answers kept for a key that many hours old."""

    def age(key: str, hours: float) -> None:
        with sessions.begin() as session:
            aged = update(IdempotentAnswer).where(IdempotentAnswer.key == key)
            session.execute(aged.values(created_at=func.now() - timedelta(hours=hours)))

    return age


def test_a_key_is_good_for_a_day_and_then_for_another_request(
    client: TestClient, age: Callable[[str, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency, "_FORGOTTEN_AT_ONCE", 0)
    first = client.post("/v1/items", json={"name": "Kettle"}, headers=KEY)
    age(KEY["Idempotency-Key"], 23.9)
    assert client.post("/v1/items", json={"name": "Kettle"}, headers=KEY).json() == first.json()
    age(KEY["Idempotency-Key"], 24.1)
    renewed = client.post("/v1/items", json={"name": "Other"}, headers=KEY)
    assert (renewed.status_code, renewed.json()["name"]) == (201, "Other")


def test_with_a_new_key_the_oldest_expired_ones_go_whoever_they_belong_to(
    client: TestClient,
    sessions: Sessions,
    other: Actor,
    age: Callable[[str, float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(idempotency, "_FORGOTTEN_AT_ONCE", 2)
    with sessions.begin() as session:
        for key in ("25", "27", "26", "23"):
            idempotency.claim(session, actor=other, key=key, fingerprint="0" * 64)
    for key in ("25", "27", "26", "23"):
        age(key, float(key))
    client.post("/v1/items", json={"name": "Kettle"}, headers=KEY)
    with sessions() as session:
        assert sorted(session.scalars(select(IdempotentAnswer.key))) == ["23", "25", KEY["Idempotency-Key"]]


@pytest.mark.parametrize("key", ["x", "!~" * 127 + "!", '"quoted"', "a,b;c=d"])
def test_a_key_is_1_to_255_visible_characters(client: TestClient, key: str) -> None:
    assert client.post("/v1/items", json={"name": "x"}, headers={"Idempotency-Key": key}).status_code == 201


@pytest.mark.parametrize("key", [b"", b"x" * 256, b"a b", b"a\tb", "ü".encode(), b"\xff"])
def test_any_other_key_is_a_problem(client: TestClient, key: bytes) -> None:
    response = client.post("/v1/items", json={"name": "x"}, headers={b"Idempotency-Key": key})
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [["header", "Idempotency-Key"]]


def test_requests_at_once_with_one_key_are_done_once(
    committing_sessions: Sessions, sent: list[UUID], unlimited: None
) -> None:
    actor = make_actor(committing_sessions, email="ada@example.com")
    client = TestClient(create_app(), raise_server_exceptions=False, headers={**bearer(actor), **KEY})

    def post(_number: int) -> tuple[int, bytes]:
        response = client.post("/v1/items", json={"name": "Kettle"})
        return response.status_code, response.content

    answers = in_parallel(post, 8)
    with committing_sessions() as session:
        assert len(session.scalars(select(Item)).all()) == 1
    assert {status for status, _ in answers} == {201}
    assert len({content for _, content in answers}) == 1


def test_a_second_request_waits_for_the_first_and_is_done_itself_where_that_fails(
    committing_sessions: Sessions,
) -> None:
    actor = make_actor(committing_sessions, email="ada@example.com")

    def claim(_number: int) -> Any:
        with committing_sessions.begin() as session:
            return idempotency.claim(session, actor=actor, key="k", fingerprint="0" * 64)

    with ThreadPoolExecutor(1) as pool, committing_sessions() as first:
        assert idempotency.claim(first, actor=actor, key="k", fingerprint="1" * 64) is None
        items.create(first, actor=actor, name="Kettle")
        second = pool.submit(claim, 0)
        first.rollback()
        assert second.result(timeout=20) is None


def in_parallel(function: Callable[[int], Any], times: int) -> list[Any]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(function, range(times)))
