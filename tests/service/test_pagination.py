"""Lists: filters and orders by declared fields, and pages that survive what is added between them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Select, Uuid, literal, select, text, tuple_
from sqlalchemy.orm import Session

from service.automations.models import Automation
from service.core.actor import Actor
from service.core.pagination import MAX_CURSOR_LENGTH
from service.items import service as items
from service.items.models import Item
from service.items.repository import ItemSort, visible_to
from service.runs.models import Run
from service.runs.repository import visible_to as runs_visible_to
from tests.service.conftest import Sessions

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
SORTS: tuple[ItemSort, ...] = ("created_at", "-created_at", "updated_at", "-updated_at", "name", "-name")
# Few values, so that many are equal.
NAMES = st.sampled_from(["a", "B", "ä", "Ä", "a b", "\U0001f600", "\u2028", "%", "_", "\\", "x" * 200, "\ufffd" * 200])
TIMES = st.integers(0, 3).map(lambda number: EPOCH + timedelta(microseconds=number))
ROWS = st.tuples(NAMES, TIMES, TIMES)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sort=st.sampled_from(SORTS),
    rows=st.lists(ROWS, max_size=12),
    late=st.lists(ROWS, max_size=4),
    limit=st.integers(1, 5),
)
def test_no_row_is_skipped_or_repeated_whatever_is_added_between_pages(
    sessions: Sessions, actor: Actor, sort: ItemSort, rows: list[Any], late: list[Any], limit: int
) -> None:
    with sessions() as session:
        made = [add(session, actor, row) for row in rows]
        seen: list[Item] = []
        cursor: str | None = None
        while True:
            page = items.page(session, actor=actor, sort=sort, limit=limit, cursor=cursor)
            seen += page.items
            if late:
                add(session, actor, late.pop())
            if page.next_cursor is None:
                break
            assert len(page.items) == limit
            assert len(page.next_cursor) <= MAX_CURSOR_LENGTH
            cursor = page.next_cursor
        ids = [row.id for row in seen]
        assert len(ids) == len(set(ids))
        assert set(made) <= set(ids)
        column, descending = sort.removeprefix("-"), sort.startswith("-")
        # By code point, as Python and the collation "C" order texts.
        keys = [(getattr(row, column), row.id) for row in seen]
        assert keys == sorted(keys, reverse=descending)
        session.rollback()


def add(session: Any, actor: Actor, row: tuple[str, datetime, datetime]) -> UUID:
    name, created_at, updated_at = row
    made = Item(owner_id=actor.user_id, name=name, created_at=created_at, updated_at=updated_at)
    session.add(made)
    session.flush()
    return made.id


@pytest.fixture
def three(client: TestClient) -> list[dict[str, Any]]:
    """Three items in the order of their making: b, a, C."""
    return [client.post("/v1/items", json={"name": name}).json() for name in ("b", "a", "C")]


def names(client: TestClient, query: str, path: str = "/v1/items") -> list[str]:
    response = client.get(f"{path}?{query}")
    assert response.status_code == 200, response.text
    return [entry["name"] for entry in response.json()["items"]]


def test_items_come_in_the_order_that_is_asked_for(client: TestClient, three: list[dict[str, Any]]) -> None:
    client.patch(f"/v1/items/{three[0]['id']}", json={"description": "x"})
    assert {sort: names(client, f"sort={sort}") for sort in SORTS} == {
        "created_at": ["b", "a", "C"],
        "-created_at": ["C", "a", "b"],
        "updated_at": ["a", "C", "b"],
        "-updated_at": ["b", "C", "a"],
        "name": ["C", "a", "b"],
        "-name": ["b", "a", "C"],
    }
    assert names(client, "") == ["C", "a", "b"]


def test_items_are_filtered_by_times(client: TestClient, three: list[dict[str, Any]]) -> None:
    middle = three[1]
    client.patch(f"/v1/items/{three[0]['id']}", json={"description": "x"})
    created, updated = (quote(middle[field]) for field in ("created_at", "updated_at"))
    assert names(client, f"created_after={created}") == ["C"]
    assert names(client, f"created_before={created}") == ["b"]
    assert names(client, f"updated_after={updated}") == ["C", "b"]
    assert names(client, f"updated_before={updated}") == []
    elsewhere = datetime.fromisoformat(middle["created_at"]).astimezone().isoformat()
    assert names(client, f"created_before={quote(elsewhere)}") == ["b"]


def test_items_are_filtered_by_name(client: TestClient) -> None:
    for name in ("100% Äpfel", "100 äpfel", "a_b", "a/b", "a\\b"):
        client.post("/v1/items", json={"name": name})
    found = {text: names(client, f"name_contains={quote(text, safe='')}") for text in ("ÄPFEL", "%", "_", "/", "\\")}
    assert found == {
        "ÄPFEL": ["100 äpfel", "100% Äpfel"],
        "%": ["100% Äpfel"],
        "_": ["a_b"],
        "/": ["a/b"],
        "\\": ["a\\b"],
    }
    assert names(client, "name=a_b") == ["a_b"]
    assert names(client, "name=A_B") == []


def test_automations_are_filtered_and_ordered(client: TestClient, item: Item) -> None:
    other = client.post("/v1/items", json={"name": "Other"}).json()["id"]
    for name, item_id, enabled in (("b", item.id, True), ("a", item.id, False), ("c", other, True)):
        client.post("/v1/automations", json={"name": name, "code": "1", "item_id": str(item_id), "enabled": enabled})
    found = {
        query: names(client, query, "/v1/automations")
        for query in ("", "enabled=true", "enabled=false", "name=c", f"item_id={item.id}&sort=name", "sort=-name")
    }
    assert list(found.values()) == [["c", "a", "b"], ["c", "b"], ["a"], ["c"], ["a", "b"], ["c", "b", "a"]]
    assert names(client, "enabled=true&sort=name", f"/v1/items/{item.id}/automations") == ["b"]


def test_runs_are_filtered_and_ordered(client: TestClient, sessions: Sessions, automation: Automation) -> None:
    path = f"/v1/automations/{automation.id}/runs"
    [first] = client.put(f"/v1/items/{automation.item_id}", json={"name": "x"}).json()["runs"]
    second, third = client.post(path).json()["id"], client.post(path).json()["id"]
    with sessions.begin() as session:
        session.get_one(Run, UUID(second)).status = "failed"
        session.get_one(Run, UUID(third)).status = "timed_out"
    middle = quote(client.get(f"/v1/runs/{second}").json()["created_at"])

    def found(query: str) -> list[str]:
        return [run["id"] for run in client.get(f"{path}?{query}").json()["items"]]

    assert found("") == [third, second, first]
    assert found("sort=created_at") == [first, second, third]
    assert found("status=failed&status=timed_out") == [third, second]
    assert found("trigger=item_updated") == [first]
    assert found("trigger=manual&status=timed_out") == [third]
    assert found(f"created_after={middle}") == [third]
    assert found(f"created_before={middle}") == [first]


@pytest.fixture
def history(client: TestClient, sessions: Sessions, automation: Automation) -> list[Run]:
    """Four runs of two automations of two items, oldest first: queued, failed, queued, failed."""
    item = client.post("/v1/items", json={"name": "Grinder"}).json()["id"]
    other = client.post("/v1/automations", json={"name": "Other", "code": "1", "item_id": item}).json()["id"]
    of = (automation.id, automation.id, other, other)
    ids = [client.post(f"/v1/automations/{automation_id}/runs").json()["id"] for automation_id in of]
    with sessions.begin() as session:
        made = [session.get_one(Run, UUID(run_id)) for run_id in ids]
        made[1].status = made[3].status = "failed"
    return made


def test_the_history_holds_the_runs_of_all_automations_filtered_and_ordered(
    client: TestClient, history: list[Run]
) -> None:
    mine, _, _, other = history
    middle = quote(history[1].created_at.isoformat())

    def found(query: str) -> list[int]:
        listed = client.get(f"/v1/runs?{query}").json()["items"]
        return [[str(run.id) for run in history].index(run["id"]) for run in listed]

    assert found("") == [3, 2, 1, 0]
    assert found("sort=created_at") == [0, 1, 2, 3]
    assert found("status=failed") == [3, 1]
    assert found("trigger=item_updated") == []
    assert found(f"created_after={middle}") == [3, 2]
    assert found(f"created_before={middle}") == [0]
    assert found(f"automation_id={mine.automation_id}") == [1, 0]
    assert found(f"item_id={other.item_id}&status=queued") == [2]
    assert found(f"item_id={other.item_id}&automation_id={mine.automation_id}") == []
    assert found(f"automation_id={other.id}") == []


def test_the_history_and_the_list_of_an_automation_show_a_run_alike(client: TestClient, history: list[Run]) -> None:
    of_one = client.get(f"/v1/automations/{history[0].automation_id}/runs").json()
    assert client.get(f"/v1/runs?automation_id={history[0].automation_id}").json() == of_one


def test_the_history_is_read_page_by_page_and_its_cursors_are_its_own(client: TestClient, history: list[Run]) -> None:
    lists = ("/v1/runs", *(f"/v1/automations/{run.automation_id}/runs" for run in history[1:3]))
    first = {path: client.get(f"{path}?limit=1").json() for path in lists}
    statuses = {
        (made, used): client.get(f"{used}?cursor={first[made]['next_cursor']}").status_code
        for made in lists
        for used in lists
    }
    assert statuses == {(made, used): 200 if made == used else 422 for made in lists for used in lists}
    rest = client.get(f"/v1/runs?cursor={first['/v1/runs']['next_cursor']}").json()
    seen = [run["id"] for run in first["/v1/runs"]["items"] + rest["items"]]
    assert seen == [str(run.id) for run in reversed(history)]


LISTS = (
    *("/v1/items", "/v1/automations", "/v1/items/{item}/automations"),
    *("/v1/automations/{automation}/runs", "/v1/runs"),
)


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "limit=2&Limit=3",
        "sort=id",
        "sort=name,created_at",
        "sort=",
        "sort=created_at%00",
        "owner_id=01890000-0000-7000-8000-000000000000",
        "%00=1",
        "%ED%A0%80=1",
    ],
)
def test_what_a_list_does_not_declare_is_refused(
    client: TestClient, automation: Automation, path: str, query: str
) -> None:
    path = path.format(item=automation.item_id, automation=automation.id)
    assert client.get(f"{path}?{query}").status_code == 422


@pytest.mark.parametrize(
    "query",
    [
        *("name=", "name=%00", f"name={'x' * 201}", "name_contains=", "name_contains=%00", "name=%20"),
        *("created_after=0", "created_after=2026-01-01", "created_after=2026-01-01T00:00:00", "created_after=now"),
        *("updated_before=2026-13-01T00:00:00Z", "created_before=0000-01-01T00:00:00Z"),
        *("created_before=2026-01-01T00:00:00%2B24:00", "created_before=2026-01-01T00:00:00+01:00"),
    ],
)
def test_a_filter_with_an_impossible_value_is_a_problem(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/items?{query}").status_code == 422


@pytest.mark.parametrize("query", ["enabled=1", "enabled=True", "enabled=", "item_id=x", "item_id="])
def test_an_automation_filter_with_an_impossible_value_is_a_problem(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/automations?{query}").status_code == 422


@pytest.mark.parametrize(
    "query",
    ["status=late", "status=", "trigger=", "trigger=cron", "automation_id=x", "item_id=", "ids=x", "status=%00"],
)
def test_a_filter_of_runs_with_an_impossible_value_is_a_problem(client: TestClient, query: str) -> None:
    assert client.get(f"/v1/runs?{query}").status_code == 422


@pytest.mark.parametrize(
    "when", ["0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59.999999999-23:59", "2000-01-01t00:00:00z"]
)
def test_the_ends_of_time_are_times(client: TestClient, three: list[dict[str, Any]], when: str) -> None:
    assert sorted(names(client, f"created_after={when}") + names(client, f"created_before={when}")) == ["C", "a", "b"]


def test_a_cursor_is_good_for_the_order_and_the_list_that_returned_it_and_no_other(
    client: TestClient, item: Item
) -> None:
    for name in ("b", "a"):
        client.post("/v1/automations", json={"name": name, "code": "1", "item_id": str(item.id)})
        client.post("/v1/items", json={"name": name})
    cursors = {sort: client.get(f"/v1/items?limit=1&sort={sort}").json()["next_cursor"] for sort in SORTS}
    statuses = {
        (made, used): client.get(f"/v1/items?sort={used}&cursor={cursors[made]}").status_code
        for made in SORTS
        for used in SORTS
    }
    assert statuses == {(made, used): 200 if made == used else 422 for made in SORTS for used in SORTS}
    assert client.get(f"/v1/automations?cursor={cursors['-created_at']}").status_code == 422


@pytest.mark.parametrize("sort", SORTS)
def test_a_cursor_with_any_character_changed_is_refused(
    client: TestClient, three: list[dict[str, Any]], sort: str
) -> None:
    cursor = client.get(f"/v1/items?limit=1&sort={sort}").json()["next_cursor"]
    changed = [cursor[:n] + ("B" if cursor[n] != "B" else "C") + cursor[n + 1 :] for n in range(len(cursor))]
    for tampered in (*changed, cursor[:-1], cursor + "A", cursor + "=", ""):
        response = client.get(f"/v1/items?sort={sort}&cursor={tampered}")
        assert response.status_code == 422, tampered


@pytest.mark.parametrize("column", ["created_at", "updated_at", "name"])
def test_a_page_follows_an_index_without_sorting(sessions: Sessions, actor: Actor, column: str) -> None:
    by = (getattr(Item, column), Item.id)
    with sessions() as session:
        reached = literal(add(session, actor, ("x", EPOCH, EPOCH)), Uuid())
        after = tuple_(*by) < select(*by).where(Item.id == reached).scalar_subquery()
        page = visible_to(actor).where(after).order_by(*(part.desc() for part in by)).limit(21)
        plan = planned(session, page)
    assert f"ix_items_owner_id_{column}_id" in plan
    assert "Sort" not in plan


def test_a_page_of_the_history_follows_an_index_without_sorting(sessions: Sessions, actor: Actor) -> None:
    by = (Run.created_at, Run.id)
    after = tuple_(*by) < tuple_(literal(EPOCH), literal(actor.user_id, Uuid()))
    page = runs_visible_to(actor).where(after).order_by(*(part.desc() for part in by)).limit(21)
    with sessions() as session:
        plan = planned(session, page)
    assert "ix_runs_owner_id_created_at_id" in plan
    assert "Sort" not in plan


def planned(session: Session, page: Select[Any]) -> str:
    """How PostgreSQL would find the page in a table that is larger than a test's, which it would rather sort."""
    for setting in ("enable_seqscan", "enable_sort", "enable_bitmapscan"):
        session.execute(text(f"SET LOCAL {setting} = off"))
    query = str(page.compile(session.get_bind(), compile_kwargs={"literal_binds": True}))
    return "\n".join(session.scalars(text(f"EXPLAIN {query}")))
