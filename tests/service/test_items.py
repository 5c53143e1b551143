"""Items over HTTP."""

from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from service.automations.models import Automation
from service.items.models import Item
from tests.service.conftest import Sessions

UNKNOWN = "01890000-0000-7000-8000-000000000000"
MACHINE = {"name": "Espresso machine", "description": "Silver dual boiler machine"}


def test_a_created_item_is_answered_with_201_its_location_and_all_its_fields(client: TestClient) -> None:
    response = client.post("/v1/items", json=MACHINE)
    body = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/v1/items/{body['id']}"
    assert sorted(body) == ["created_at", "description", "id", "name", "updated_at", "version"]
    assert {**MACHINE, "version": 1}.items() <= body.items()
    assert UUID(body["id"]).version == 7
    assert body["created_at"].endswith("Z")
    assert client.get(response.headers["location"]).json() == body


def test_white_space_around_a_name_is_removed(client: TestClient) -> None:
    assert client.post("/v1/items", json={"name": "  Kettle\n"}).json()["name"] == "Kettle"


def test_put_replaces_every_field_and_counts_the_version(client: TestClient, item: Item) -> None:
    response = client.put(f"/v1/items/{item.id}", json={"name": "Grinder"})
    assert response.status_code == 200
    expected = {"id": str(item.id), "name": "Grinder", "description": None, "version": 2, "runs": []}
    assert expected.items() <= response.json().items()
    assert response.json()["updated_at"] > response.json()["created_at"]


def test_patch_changes_only_what_it_names(client: TestClient, item: Item) -> None:
    renamed = client.patch(f"/v1/items/{item.id}", json={"name": "Grinder"}).json()
    assert (renamed["name"], renamed["description"], renamed["version"]) == ("Grinder", item.description, 2)
    emptied = client.patch(f"/v1/items/{item.id}", json={"description": None}).json()
    assert (emptied["name"], emptied["description"], emptied["version"]) == ("Grinder", None, 3)


def test_a_name_cannot_be_patched_to_null(client: TestClient, item: Item) -> None:
    response = client.patch(f"/v1/items/{item.id}", json={"name": None})
    assert response.status_code == 422
    assert [error["location"] for error in response.json()["errors"]] == [["body", "name"]]


def test_an_update_queues_one_run_for_each_enabled_automation_and_sends_it(
    client: TestClient, item: Item, automation: Automation, sent: list[UUID]
) -> None:
    client.post("/v1/automations", json={"name": "Off", "code": "1", "item_id": str(item.id), "enabled": False})
    response = client.put(f"/v1/items/{item.id}", json={"name": "Grinder"})
    [run_id] = response.json()["runs"]
    assert [str(sent_id) for sent_id in sent] == [run_id]
    run = client.get(f"/v1/runs/{run_id}").json()
    assert {
        "automation_id": str(automation.id),
        "item_id": str(item.id),
        "item_version": 2,
        "trigger": "item_updated",
        "status": "queued",
        "stdout": None,
        "destroyed_at": None,
    }.items() <= run.items()


def test_a_deleted_item_takes_its_automations_and_their_runs_with_it(
    client: TestClient, item: Item, automation: Automation
) -> None:
    [run_id] = client.put(f"/v1/items/{item.id}", json={"name": "Grinder"}).json()["runs"]
    assert client.delete(f"/v1/items/{item.id}").status_code == 204
    gone = (f"/v1/items/{item.id}", f"/v1/automations/{automation.id}", f"/v1/runs/{run_id}")
    assert [client.get(path).status_code for path in gone] == [404, 404, 404]


def test_pages_are_newest_first_and_together_hold_every_item_once(client: TestClient, sessions: Sessions) -> None:
    made = [client.post("/v1/items", json={"name": f"Cup {number}"}).json()["id"] for number in range(5)]
    seen: list[str] = []
    cursor, sizes = "", []
    while True:
        page = client.get(f"/v1/items?limit=2{cursor}").json()
        seen += [entry["id"] for entry in page["items"]]
        sizes.append(len(page["items"]))
        # What is created while somebody reads on appears on no later page.
        client.post("/v1/items", json={"name": "Latecomer"})
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]
    assert sizes == [2, 2, 1]


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "é", "A" * 22 + "=", "A" * 150])
def test_a_cursor_that_no_page_returned_is_a_problem(client: TestClient, cursor: str) -> None:
    assert client.get(f"/v1/items?cursor={cursor}").status_code == 422


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x", "9" * 5000, ""])
def test_a_limit_outside_1_to_100_is_a_problem(client: TestClient, limit: str) -> None:
    assert client.get(f"/v1/items?limit={limit}").status_code == 422


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_an_unknown_item_is_404(client: TestClient, method: str) -> None:
    response = client.request(method, f"/v1/items/{UNKNOWN}", json={"name": "x"} if method[0] == "P" else None)
    assert response.status_code == 404
    assert response.json()["detail"] == f"There is no item {UNKNOWN}."
    assert client.get(f"/v1/items/{UNKNOWN}/automations").status_code == 404
