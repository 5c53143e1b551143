"""Entity tags: what a client holds is not sent again, and what others changed is not overwritten."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.automations.models import Automation
from service.core.errors import PreconditionFailedError
from service.core.preconditions import version
from service.items import service as items
from service.items.models import Item
from tests.service.conftest import Sessions, make_actor

HUGE = '"' + "9" * 900 + '"'
"""A tag that no version has, and that is no number Python likes to read."""


@pytest.fixture(params=["items", "automations"])
def path(request: pytest.FixtureRequest, item: Item, automation: Automation) -> str:
    """The path of one object that has an entity tag, at version 1."""
    return f"/v1/{request.param}/{item.id if request.param == 'items' else automation.id}"


def test_every_answer_that_carries_one_object_carries_its_entity_tag(client: TestClient, item: Item) -> None:
    created = client.post("/v1/items", json={"name": "x"})
    body = {"name": "x", "code": "1", "item_id": str(item.id)}
    attached = client.post("/v1/automations", json=body)
    tags = [created.headers["etag"], attached.headers["etag"]]
    for path, content in ((created.headers["location"], {"name": "y"}), (attached.headers["location"], body)):
        answers = [client.get(path), client.put(path, json=content), client.patch(path, json={"name": "z"})]
        tags += [answer.headers["etag"] for answer in answers]
        assert [answer.json()["version"] for answer in answers] == [1, 2, 3]
    assert tags == ['"1"', '"1"', '"1"', '"2"', '"3"', '"1"', '"2"', '"3"']


@pytest.mark.parametrize("held", ['"1"', "*", '"7", "1"', ' , "1" ,', 'W/"1"', '"other","1"', '"a,b", "1"'])
def test_what_the_client_holds_is_answered_304_without_a_body(client: TestClient, path: str, held: str) -> None:
    response = client.get(path, headers={"If-None-Match": held})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", '"1"')


@pytest.mark.parametrize(
    "held", ["", '"2"', "1", '"1', '"01"', '"1" "1"', '"1", x', "**", '"1"; *', pytest.param(HUGE, id="huge"), 'w/"1"']
)
def test_anything_else_is_answered_whole(client: TestClient, path: str, held: str) -> None:
    response = client.get(path, headers={"If-None-Match": held})
    assert (response.status_code, response.json()["version"]) == (200, 1)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("tags", ['"1"', "*", '"7", "1"'])
def test_a_change_is_made_where_the_object_has_one_of_the_tags(
    client: TestClient, automation: Automation, path: str, method: str, tags: str
) -> None:
    response = client.request(method, path, json=body_for(method, path, automation), headers={"If-Match": tags})
    assert response.status_code == (204 if method == "DELETE" else 200)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("tags", ['"2"', "", 'W/"1"', "1", '"1', '"1", x', pytest.param(HUGE, id="huge")])
def test_a_change_is_refused_with_412_and_not_made_where_it_has_none(
    client: TestClient, automation: Automation, path: str, method: str, tags: str
) -> None:
    before = client.get(path).json()
    response = client.request(method, path, json=body_for(method, path, automation), headers={"If-Match": tags})
    kind = path.split("/")[2].removesuffix("s")
    assert (response.status_code, response.json()["code"]) == (412, "precondition-failed")
    assert response.json()["detail"] == f"The {kind} is at version 1, which is not the one expected."
    assert client.get(path).json() == before


def test_what_does_not_exist_is_404_whatever_is_expected(client: TestClient) -> None:
    path = "/v1/items/01890000-0000-7000-8000-000000000000"
    answers = [client.delete(path, headers={"If-Match": "*"}), client.get(path, headers={"If-None-Match": "*"})]
    assert [answer.status_code for answer in answers] == [404, 404]


def test_a_refused_update_starts_no_run(
    client: TestClient, item: Item, automation: Automation, sent: list[Any]
) -> None:
    client.patch(f"/v1/items/{item.id}", json={"name": "x"}, headers={"If-Match": '"9"'})
    assert client.get(f"/v1/automations/{automation.id}/runs").json()["items"] == []
    assert sent == []


def test_of_concurrent_updates_that_expect_the_same_version_exactly_one_is_made(committing_sessions: Sessions) -> None:
    actor = make_actor(committing_sessions, email="ada@example.com")
    with committing_sessions.begin() as session:
        item = items.create(session, actor=actor, name="Espresso machine")

    def update(number: int) -> str | None:
        name = f"Machine {number}"
        try:
            with committing_sessions.begin() as session:
                items.update(session, actor=actor, item_id=item.id, changes={"name": name}, expected=version(1))
        except PreconditionFailedError:
            return None
        return name

    won = [name for name in in_parallel(update, 8) if name is not None]
    with committing_sessions() as session:
        stored = items.get(session, actor=actor, item_id=item.id)
    assert (won, stored.version) == ([stored.name], 2)


def test_a_version_that_was_read_before_the_lock_was_had_does_not_count(committing_sessions: Sessions) -> None:
    actor = make_actor(committing_sessions, email="ada@example.com")
    with committing_sessions.begin() as session:
        item = items.create(session, actor=actor, name="Espresso machine")
    with committing_sessions() as late:
        seen = items.get(late, actor=actor, item_id=item.id)
        with committing_sessions.begin() as session:
            items.update(session, actor=actor, item_id=item.id, changes={"name": "Grinder"})
        with pytest.raises(PreconditionFailedError):
            items.update(late, actor=actor, item_id=item.id, changes={"name": "Kettle"}, expected=version(1))
        assert seen.version == 2


def in_parallel(function: Callable[[int], Any], times: int) -> list[Any]:
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(function, range(times)))


def body_for(method: str, path: str, automation: Automation) -> dict[str, str] | None:
    """What a request with that method takes."""
    if method == "PUT" and "automations" in path:
        return {"name": "x", "code": "1", "item_id": str(automation.item_id)}
    return None if method == "DELETE" else {"name": "x"}
