"""Automations and runs over HTTP."""

import hashlib
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from service.automations.models import Automation
from service.items.models import Item
from service.runs.models import ENDED, Run
from tests.service.conftest import Sessions

UNKNOWN = "01890000-0000-7000-8000-000000000000"


def test_a_created_automation_is_answered_with_201_its_location_and_all_its_fields(
    client: TestClient, item: Item
) -> None:
    sent = {"name": "Tell", "code": "  print('told')\n", "item_id": str(item.id), "enabled": False}
    response = client.post("/v1/automations", json=sent)
    assert response.status_code == 201
    assert sent.items() <= response.json().items()
    fields = ["code", "created_at", "enabled", "id", "item_id", "name", "updated_at", "version"]
    assert sorted(response.json()) == fields
    assert response.json()["version"] == 1
    assert client.get(response.headers["location"]).json() == response.json()


def test_an_automation_needs_an_item_that_exists(client: TestClient) -> None:
    response = client.post("/v1/automations", json={"name": "x", "code": "1", "item_id": UNKNOWN})
    assert response.status_code == 404
    assert response.json()["detail"] == f"There is no item {UNKNOWN}."


def test_code_may_have_65536_bytes_of_utf8_and_not_one_more(client: TestClient, item: Item) -> None:
    body = {"name": "x", "item_id": str(item.id)}
    longest = "ü" * 32768
    assert client.post("/v1/automations", json={**body, "code": longest}).status_code == 201
    assert client.post("/v1/automations", json={**body, "code": longest + "#"}).status_code == 422
    assert client.post("/v1/automations", json={**body, "code": ""}).status_code == 422


def test_put_replaces_and_patch_changes_only_what_it_names(client: TestClient, automation: Automation) -> None:
    path = f"/v1/automations/{automation.id}"
    disabled = client.patch(path, json={"enabled": False}).json()
    assert (disabled["name"], disabled["code"], disabled["enabled"]) == ("Tell", "print('told')", False)
    body = {"name": "New", "code": "1", "item_id": str(automation.item_id)}
    replaced = client.put(path, json=body).json()
    assert {**body, "enabled": True}.items() <= replaced.items()


@pytest.mark.parametrize("field", ["name", "code", "item_id", "enabled"])
def test_no_field_of_an_automation_can_be_null(client: TestClient, automation: Automation, field: str) -> None:
    assert client.patch(f"/v1/automations/{automation.id}", json={field: None}).status_code == 422


def test_automations_are_listed_newest_first_of_one_item_or_of_all(client: TestClient, item: Item) -> None:
    other = client.post("/v1/items", json={"name": "Other"}).json()["id"]
    made = [
        client.post("/v1/automations", json={"name": "x", "code": "1", "item_id": item_id}).json()["id"]
        for item_id in (str(item.id), other, str(item.id))
    ]
    listed = {
        path: [entry["id"] for entry in client.get(path).json()["items"]]
        for path in ("/v1/automations", f"/v1/automations?item_id={item.id}", f"/v1/items/{item.id}/automations")
    }
    of_item = [made[2], made[0]]
    assert list(listed.values()) == [made[::-1], of_item, of_item]


def test_a_page_of_large_automations_ends_early_and_names_the_next(client: TestClient, item: Item) -> None:
    body = {"name": "x", "item_id": str(item.id), "code": "#" * 65536}
    made = [client.post("/v1/automations", json=body).json()["id"] for _ in range(10)]
    first = client.get("/v1/automations?limit=100").json()
    second = client.get(f"/v1/automations?limit=100&cursor={first['next_cursor']}").json()
    assert [len(first["items"]), len(second["items"]), second["next_cursor"]] == [8, 2, None]
    assert [entry["id"] for entry in first["items"] + second["items"]] == made[::-1]


def test_run_now_is_answered_with_202_and_the_queued_run(
    client: TestClient, automation: Automation, sent: list[UUID]
) -> None:
    response = client.post(f"/v1/automations/{automation.id}/runs")
    run = response.json()
    assert response.status_code == 202
    assert response.headers["location"] == f"/v1/runs/{run['id']}"
    assert (run["status"], run["trigger"], run["item_version"]) == ("queued", "manual", 1)
    assert run["code_sha256"] == hashlib.sha256(b"print('told')").hexdigest()
    assert [str(run_id) for run_id in sent] == [run["id"]]
    assert client.get(f"/v1/automations/{automation.id}/runs").json()["items"] == [run]


def test_a_run_keeps_the_code_and_the_event_it_was_queued_with(
    client: TestClient, item: Item, automation: Automation
) -> None:
    [run_id] = client.put(f"/v1/items/{item.id}", json={"name": "Grinder"}).json()["runs"]
    client.patch(f"/v1/automations/{automation.id}", json={"code": "other"})
    run = client.get(f"/v1/runs/{run_id}").json()
    before = {"id": str(item.id), "name": "Espresso machine", "description": item.description, "version": 1}
    assert (run["code"], run["rerun_of"]) == ("print('told')", None)
    assert run["event"] == {
        "trigger": "item_updated",
        "run_id": run_id,
        "before": before,
        "after": {**before, "name": "Grinder", "description": None, "version": 2},
    }


def test_the_list_of_runs_leaves_out_what_only_one_run_shows(client: TestClient, automation: Automation) -> None:
    run_id = client.post(f"/v1/automations/{automation.id}/runs").json()["id"]
    run = client.get(f"/v1/runs/{run_id}").json()
    [listed] = client.get("/v1/runs").json()["items"]
    assert {**listed, "code": run["code"], "event": run["event"]} == run


def test_a_rerun_repeats_code_and_event_of_a_run_whatever_changed_since(
    client: TestClient, sessions: Sessions, item: Item, automation: Automation, sent: list[UUID]
) -> None:
    [run_id] = client.put(f"/v1/items/{item.id}", json={"name": "Grinder"}).json()["runs"]
    client.post(f"/v1/runs/{run_id}/cancel")
    client.patch(f"/v1/automations/{automation.id}", json={"code": "other", "enabled": False})
    client.patch(f"/v1/items/{item.id}", json={"name": "Kettle"})
    response = client.post(f"/v1/runs/{run_id}/rerun")
    answered = response.json()
    assert (response.status_code, response.headers["location"]) == (202, f"/v1/runs/{answered['id']}")
    assert sent == [UUID(run_id), UUID(answered["id"])]
    first, second = (client.get(f"/v1/runs/{known}").json() for known in (run_id, answered["id"]))
    again = {"id": answered["id"], "trigger": "rerun", "rerun_of": run_id, "created_at": answered["created_at"]}
    unended = {"status": "queued", "reason": None, "finished_at": None}
    event = {**first["event"], "trigger": "rerun", "run_id": answered["id"]}
    assert second == {**first, **again, **unended, "event": event}


@pytest.mark.parametrize("status", ENDED)
def test_a_run_that_has_ended_can_be_repeated_and_so_can_its_repetition(
    client: TestClient, sessions: Sessions, automation: Automation, status: str
) -> None:
    run_id = client.post(f"/v1/automations/{automation.id}/runs").json()["id"]
    for _ in range(2):
        with sessions.begin() as session:
            session.get_one(Run, UUID(run_id)).status = status
        repeated = client.post(f"/v1/runs/{run_id}/rerun")
        assert (repeated.status_code, repeated.json()["rerun_of"]) == (202, run_id)
        run_id = repeated.json()["id"]


@pytest.mark.parametrize("status", ["queued", "running"])
def test_a_run_that_has_not_ended_cannot_be_repeated(
    client: TestClient, sessions: Sessions, automation: Automation, status: str
) -> None:
    run_id = client.post(f"/v1/automations/{automation.id}/runs").json()["id"]
    with sessions.begin() as session:
        session.get_one(Run, UUID(run_id)).status = status
    response = client.post(f"/v1/runs/{run_id}/rerun")
    assert (response.status_code, response.json()["detail"]) == (409, f"The run has not ended yet: it is {status}.")


def test_disabled_is_left_out_of_updates_until_it_is_enabled_again(
    client: TestClient, item: Item, automation: Automation
) -> None:
    started: list[int] = []
    for enabled in (False, True):
        client.patch(f"/v1/automations/{automation.id}", json={"enabled": enabled})
        started.append(len(client.patch(f"/v1/items/{item.id}", json={"name": "x"}).json()["runs"]))
    assert started == [0, 1]


def test_only_a_queued_run_can_be_cancelled(client: TestClient, sessions: Sessions, automation: Automation) -> None:
    run_id = client.post(f"/v1/automations/{automation.id}/runs").json()["id"]
    cancelled = client.post(f"/v1/runs/{run_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (200, "cancelled")
    again = client.post(f"/v1/runs/{run_id}/cancel")
    assert (again.status_code, again.json()["detail"]) == (409, "The run has already ended: it is cancelled.")

    running = client.post(f"/v1/automations/{automation.id}/runs").json()["id"]
    with sessions.begin() as session:
        session.get_one(Run, UUID(running)).status = "running"
    conflict = client.post(f"/v1/runs/{running}/cancel")
    assert (conflict.status_code, conflict.json()["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/automations/{}"),
        ("PUT", "/v1/automations/{}"),
        ("PATCH", "/v1/automations/{}"),
        ("DELETE", "/v1/automations/{}"),
        ("POST", "/v1/automations/{}/runs"),
        ("GET", "/v1/automations/{}/runs"),
        ("GET", "/v1/runs/{}"),
        ("POST", "/v1/runs/{}/cancel"),
        ("POST", "/v1/runs/{}/rerun"),
    ],
)
def test_what_does_not_exist_is_404(client: TestClient, item: Item, method: str, path: str) -> None:
    body = {"name": "x", "code": "1", "item_id": str(item.id)} if method in ("PUT", "PATCH") else None
    assert client.request(method, path.format(UNKNOWN), json=body).status_code == 404


def test_a_deleted_automation_takes_its_runs_with_it(client: TestClient, automation: Automation) -> None:
    run_id = client.post(f"/v1/automations/{automation.id}/runs").json()["id"]
    assert client.delete(f"/v1/automations/{automation.id}").status_code == 204
    assert client.get(f"/v1/runs/{run_id}").status_code == 404


def test_an_automation_that_was_moved_keeps_its_history_when_its_first_item_is_deleted(
    client: TestClient, item: Item, automation: Automation, sent: list[UUID]
) -> None:
    [run_id] = client.put(f"/v1/items/{item.id}", json={"name": "Grinder"}).json()["runs"]
    client.post(f"/v1/runs/{run_id}/cancel")
    kept = client.get(f"/v1/runs/{run_id}").json()
    other = client.post("/v1/items", json={"name": "Other"}).json()["id"]
    client.patch(f"/v1/automations/{automation.id}", json={"item_id": other})
    assert client.delete(f"/v1/items/{item.id}").status_code == 204
    assert client.get(f"/v1/runs/{run_id}").json() == kept
    again = client.post(f"/v1/runs/{run_id}/rerun")
    assert (again.status_code, again.json()["item_id"]) == (202, str(item.id))
    assert [entry["id"] for entry in client.get(f"/v1/automations/{automation.id}/runs").json()["items"]] == [
        again.json()["id"],
        run_id,
    ]
    assert client.delete(f"/v1/items/{other}").status_code == 204
    assert client.get(f"/v1/runs/{run_id}").status_code == 404
