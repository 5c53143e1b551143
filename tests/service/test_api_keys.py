"""API keys: shown once, kept as a keyed hash, never allowed more than whoever made them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from service.api_keys import secret, service
from service.api_keys.models import ApiKey
from service.auth import service as auth
from service.core import database, keys
from service.core.actor import ROLE_SCOPES, SCOPES, Actor
from service.core.errors import MissingScopeError, QuotaExceededError, UnauthenticatedError
from service.users import service as users
from tests.service.conftest import Sessions, bearer, make_actor

UNKNOWN = "01890000-0000-7000-8000-000000000000"
MINUTE = timedelta(minutes=1)

Create = Callable[..., dict[str, Any]]


@pytest.fixture
def create(client: TestClient) -> Create:
    """Makes a key of `actor`, and answers what the API answered."""

    def made(**body: Any) -> dict[str, Any]:
        answer = client.post("/v1/api-keys", json={"name": "ci", **body})
        assert answer.status_code == 201, answer.text
        return answer.json()

    return made


def sent(key: str) -> dict[str, str]:
    return {"X-API-Key": key}


def test_a_key_is_shown_once_and_kept_as_a_keyed_hash(client: TestClient, sessions: Sessions) -> None:
    answer = client.post("/v1/api-keys", json={"name": " Deployment "})
    assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
    document = answer.json()
    key = document.pop("key")
    assert (document["name"], document["prefix"]) == ("Deployment", key[:12])
    assert document["scopes"] == sorted(ROLE_SCOPES["member"])
    assert (document["expires_at"], document["last_used_at"], document["revoked_at"]) == (None, None, None)
    listed = client.get("/v1/api-keys")
    assert listed.json() == {"items": [document], "next_cursor": None}
    with sessions() as session:
        stored = session.get_one(ApiKey, document["id"])
    pepper = keys.key_ring().api_key_pepper
    assert stored.key_hash == secret.digest(key, pepper=pepper) != secret.digest(key, pepper=b"another")
    assert key not in listed.text + repr(vars(stored))


def test_a_key_works_wherever_a_token_does(anonymous: TestClient, client: TestClient, create: Create) -> None:
    headers = sent(create()["key"])
    item = anonymous.post("/v1/items", headers=headers, json={"name": "Grinder"})
    assert item.status_code == 201
    assert client.get(f"/v1/items/{item.json()['id']}").json() == item.json()
    assert anonymous.get("/v1/users/me", headers=headers).json()["email"] == "ada@example.com"


def test_where_both_credentials_are_sent_the_token_counts(anonymous: TestClient, create: Create, other: Actor) -> None:
    headers = {**bearer(other), **sent(create()["key"])}
    assert anonymous.get("/v1/users/me", headers=headers).json()["email"] == "grace@example.com"
    headers = {"Authorization": "Bearer wrong", **sent(create()["key"])}
    assert anonymous.get("/v1/users/me", headers=headers).status_code == 401


def test_a_key_has_no_session_to_end(anonymous: TestClient, create: Create) -> None:
    answer = anonymous.post("/v1/auth/logout", headers=sent(create()["key"]))
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


def test_keys_are_recognisable_and_carry_a_checksum() -> None:
    made = {secret.new() for _ in range(200)}
    assert len(made) == 200
    assert {len(key) for key in made} == {49}
    assert all(key.startswith("plinth_") and secret.is_well_formed(key) for key in made)


@given(st.integers(7, 48), st.sampled_from("0aZ_-é "))
def test_a_mistyped_key_is_known_for_one_by_itself(place: int, character: str) -> None:
    key = "plinth_" + "8fQ2xT0mCq5VwJr9LdYb3NzKs7HgAe1UoPi6"
    key += secret._checksum(key)
    assert secret.is_well_formed(key)
    mistyped = key[:place] + character + key[place + 1 :]
    assert secret.is_well_formed(mistyped) == (mistyped == key)


WRONG: dict[str, Callable[[str], str]] = {
    "empty": lambda _: "",
    "a word": lambda _: "null",
    "a well-formed stranger": lambda _: secret.new(),
    "one character less": lambda key: key[:-1],
    "one character more": lambda key: key + "0",
    "another last character": lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
    "another prefix": lambda key: "Plinth_" + key[7:],
    "a line break behind it": lambda key: key + "\xa0",
    "beyond ASCII": lambda key: key[:-1] + "é",
    "huge": lambda key: key * 200,
    "a refresh token": lambda _: "plinth_rt_" + "a" * 43,
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_a_wrong_key_is_refused(anonymous: TestClient, create: Create, change: Callable[[str], str]) -> None:
    value = change(create()["key"]).encode("latin-1")
    answer = anonymous.get("/v1/items", headers=[(b"X-API-Key", value)])
    assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_revoked_expired_and_unknown_keys_are_refused_in_the_same_words(
    anonymous: TestClient, client: TestClient, create: Create, sessions: Sessions
) -> None:
    revoked, expired = create(), create()
    client.delete(f"/v1/api-keys/{revoked['id']}")
    set_columns(sessions, expired, expires_at=datetime.now(UTC) - timedelta(days=1))
    answers = [anonymous.get("/v1/items", headers=sent(key)) for key in (revoked["key"], expired["key"], secret.new())]
    assert [answer.status_code for answer in answers] == [401] * 3
    assert {answer.json()["detail"] for answer in answers} == {"The API key is not valid, has expired or was revoked."}
    assert {answer.headers["www-authenticate"] for answer in answers} == {'Bearer error="invalid_token"'}


def set_columns(sessions: Sessions, key: dict[str, Any], **values: Any) -> None:
    with sessions.begin() as session:
        session.execute(update(ApiKey).where(ApiKey.id == UUID(key["id"])).values(**values))


def last_use(sessions: Sessions, key: dict[str, Any]) -> datetime | None:
    with sessions() as session:
        return session.scalar(select(ApiKey.last_used_at).where(ApiKey.id == UUID(key["id"])))


def test_revoking_a_key_works_at_once_and_again_changes_nothing(
    anonymous: TestClient, client: TestClient, create: Create
) -> None:
    key, kept = create(), create()
    assert anonymous.get("/v1/items", headers=sent(key["key"])).status_code == 200
    first = client.delete(f"/v1/api-keys/{key['id']}")
    assert (first.status_code, first.content) == (204, b"")
    before = client.get("/v1/api-keys").json()
    assert client.delete(f"/v1/api-keys/{key['id']}").status_code == 204
    assert client.get("/v1/api-keys").json() == before
    assert [entry["revoked_at"] is None for entry in before["items"]] == [True, False]
    assert anonymous.get("/v1/items", headers=sent(key["key"])).status_code == 401
    assert anonymous.get("/v1/items", headers=sent(kept["key"])).status_code == 200


def test_a_revoked_key_takes_along_all_that_was_made_with_it(anonymous: TestClient, create: Create) -> None:
    def made_with(key: str) -> dict[str, Any]:
        answer = anonymous.post("/v1/api-keys", headers=sent(key), json={"name": "made with a key"})
        assert answer.status_code == 201, answer.text
        return answer.json()

    stolen, beside = create(), create()
    children = [made_with(stolen["key"]) for _ in range(2)]
    grandchild = made_with(children[0]["key"])
    family = [made["key"] for made in (stolen, *children, grandchild)]

    def statuses() -> list[int]:
        return [anonymous.get("/v1/users/me", headers=sent(key)).status_code for key in (*family, beside["key"])]

    assert statuses() == [200] * 5
    anonymous.delete(f"/v1/api-keys/{children[1]['id']}", headers=sent(grandchild["key"]))
    assert statuses() == [200, 200, 401, 200, 200]
    anonymous.delete(f"/v1/api-keys/{stolen['id']}", headers=sent(beside["key"]))
    assert statuses() == [401, 401, 401, 401, 200]


def test_a_key_that_is_revoked_while_it_makes_another_leaves_none_behind(
    committing_sessions: Sessions,
) -> None:
    owner = make_actor(committing_sessions, email="lin@example.com")
    with committing_sessions.begin() as session:
        stolen = service.create(session, actor=owner, name="stolen").stored.id
    thief = replace(owner, session_id=None, api_key_id=stolen)
    begin = Barrier(9)

    def make(_: int) -> None:
        begin.wait(10)
        with suppress(UnauthenticatedError), database.transaction() as session:
            service.create(session, actor=thief, name="made with it")

    with ThreadPoolExecutor(8) as pool:
        made = pool.map(make, range(8))
        begin.wait(10)
        with database.transaction() as session:
            service.revoke(session, actor=owner, api_key_id=stolen)
        assert list(made) == [None] * 8
    with committing_sessions() as session:
        assert session.scalar(select(func.count()).where(ApiKey.revoked_at.is_(None))) == 0


def test_a_key_can_revoke_itself(anonymous: TestClient, create: Create) -> None:
    key = create()
    assert anonymous.delete(f"/v1/api-keys/{key['id']}", headers=sent(key["key"])).status_code == 204
    assert anonymous.get("/v1/items", headers=sent(key["key"])).status_code == 401


def test_somebody_elses_key_does_not_exist(anonymous: TestClient, create: Create, other: Actor, admin: Actor) -> None:
    key = create()
    for stranger in (other, admin):
        theirs = anonymous.delete(f"/v1/api-keys/{key['id']}", headers=bearer(stranger))
        unknown = anonymous.delete(f"/v1/api-keys/{UNKNOWN}", headers=bearer(stranger))
        assert (theirs.status_code, unknown.status_code) == (404, 404)
        assert theirs.json()["detail"].replace(key["id"], UNKNOWN) == unknown.json()["detail"]
        assert anonymous.get("/v1/api-keys", headers=bearer(stranger)).json()["items"] == []
    assert anonymous.get("/v1/items", headers=sent(key["key"])).status_code == 200


def test_a_key_is_allowed_what_it_was_made_for(anonymous: TestClient, create: Create) -> None:
    key = create(scopes=["items:read", "items:read"])
    assert key["scopes"] == ["items:read"]
    assert anonymous.get("/v1/items", headers=sent(key["key"])).status_code == 200
    refused = anonymous.post("/v1/items", headers=sent(key["key"]), json={"name": "x"})
    assert (refused.status_code, refused.json()["code"]) == (403, "missing-scope")


def test_a_key_gets_no_scope_that_its_maker_lacks(anonymous: TestClient, client: TestClient, create: Create) -> None:
    beyond_role = client.post("/v1/api-keys", json={"name": "ci", "scopes": ["users:read"]})
    assert (beyond_role.status_code, beyond_role.json()["code"]) == (403, "missing-scope")
    narrow = sent(create(scopes=["api-keys:write", "items:read"])["key"])
    beyond_key = anonymous.post("/v1/api-keys", headers=narrow, json={"name": "ci", "scopes": ["items:write"]})
    assert beyond_key.json()["detail"] == "The credential lacks the scope items:write."
    inherited = anonymous.post("/v1/api-keys", headers=narrow, json={"name": "ci"})
    assert inherited.json()["scopes"] == ["api-keys:write", "items:read"]


def test_a_key_loses_the_scopes_that_its_owners_role_loses(
    anonymous: TestClient, sessions: Sessions, admin: Actor
) -> None:
    second = make_actor(sessions, email="second@example.com", role="admin")
    key = anonymous.post("/v1/api-keys", headers=bearer(second), json={"name": "ci"}).json()
    assert anonymous.get("/v1/users", headers=sent(key["key"])).status_code == 200
    with sessions.begin() as session:
        users.set_role(session, user_id=second.user_id, role="member")
    assert anonymous.get("/v1/users", headers=sent(key["key"])).json()["code"] == "missing-scope"
    assert anonymous.get("/v1/items", headers=sent(key["key"])).status_code == 200


def moment(**ahead: int) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


def test_a_key_expires_when_it_was_told_to_wherever_its_maker_is(create: Create) -> None:
    assert create(expires_at="2099-12-31T23:59:59+02:00")["expires_at"] == "2099-12-31T21:59:59Z"
    assert create(expires_at=None)["expires_at"] is None


@pytest.mark.parametrize(
    "body",
    [
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "2099-01-01T00:00:00"},
        {"expires_at": "2099-01-01"},
        {"expires_at": 4102444800},
        {"expires_at": "4102444800"},
        {"expires_at": "9999-12-31T23:59:59-12:00"},
        {"expires_at": "0001-01-01T00:00:00+12:00"},
        {"expires_at": "never"},
        {"expires_at": ""},
        {"scopes": []},
        {"scopes": ["items:everything"]},
        {"scopes": ["items:read\0"]},
        {"scopes": "items:read"},
        {"scopes": [None]},
        {"scopes": [["items:read"]]},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "\0"},
        {"name": None},
        {"prefix": "plinth_"},
    ],
)
def test_a_key_that_cannot_be_made_is_invalid_input(client: TestClient, body: dict[str, Any]) -> None:
    answer = client.post("/v1/api-keys", json={"name": "ci", **body})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


def test_a_key_made_with_a_key_lives_no_longer(anonymous: TestClient, create: Create) -> None:
    maker = create(expires_at=moment(days=2))

    def make(**body: Any) -> Any:
        return anonymous.post("/v1/api-keys", headers=sent(maker["key"]), json={"name": "child", **body})

    assert make().json()["expires_at"] == maker["expires_at"]
    assert make(expires_at=maker["expires_at"]).json()["expires_at"] == maker["expires_at"]
    assert make(expires_at=moment(days=1)).json()["expires_at"] < maker["expires_at"]
    too_late = make(expires_at=moment(days=3))
    assert (too_late.status_code, too_late.json()["code"]) == (422, "invalid-input")
    endless = create()
    grandchild = anonymous.post("/v1/api-keys", headers=sent(endless["key"]), json={"name": "child"})
    assert grandchild.json()["expires_at"] is None


def test_the_last_use_is_written_to_the_minute(
    anonymous: TestClient, create: Create, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create()
    assert last_use(sessions, key) is None

    def use_in_a_new_process() -> datetime | None:
        monkeypatch.setattr(service, "_noted", {})
        assert anonymous.get("/v1/items", headers=sent(key["key"])).status_code == 200
        return last_use(sessions, key)

    first = use_in_a_new_process()
    assert first is not None
    assert abs(datetime.now(UTC) - first) < MINUTE
    assert use_in_a_new_process() == first
    earlier = first - MINUTE
    set_columns(sessions, key, last_used_at=earlier)
    # The same process does not even ask within a minute.
    assert anonymous.get("/v1/items", headers=sent(key["key"])).status_code == 200
    assert last_use(sessions, key) == earlier
    again = use_in_a_new_process()
    assert again is not None
    assert again > first


def test_a_refused_request_is_a_use_too(anonymous: TestClient, create: Create, sessions: Sessions) -> None:
    key = create(scopes=["items:read"])
    assert anonymous.get(f"/v1/items/{UNKNOWN}", headers=sent(key["key"])).status_code == 404
    assert last_use(sessions, key) is not None


def test_a_key_is_checked_with_one_query_and_a_mistyped_one_with_none(
    sessions: Sessions, actor: Actor, queries: list[str]
) -> None:
    with sessions.begin() as session:
        made = service.create(session, actor=actor, name="ci", scopes=["items:read"])
    with sessions() as session:
        queries.clear()
        known = auth.actor_of(session, token=None, api_key=made.key)
        assert len(queries) == 1
        queries.clear()
        with pytest.raises(UnauthenticatedError):
            auth.actor_of(session, token=None, api_key=made.key[:-1] + "_")
        assert queries == []
    assert known == Actor(
        user_id=actor.user_id, role="member", scopes=frozenset({"items:read"}), api_key_id=made.stored.id
    )
    assert known.limit_key == f"api-key:{made.stored.id}"


def test_a_key_of_another_environment_is_unknown_here(
    anonymous: TestClient, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = create()["key"]
    other_pepper = keys.KeyRing.generate()
    monkeypatch.setattr(keys, "key_ring", lambda: other_pepper)
    assert anonymous.get("/v1/items", headers=sent(key)).status_code == 401


def test_a_user_has_at_most_50_keys_that_are_good(
    client: TestClient, sessions: Sessions, actor: Actor, other: Actor
) -> None:
    with sessions.begin() as session:
        made = [service.create(session, actor=actor, name=f"key {number}").stored.id for number in range(50)]
    refused = client.post("/v1/api-keys", json={"name": "one more"})
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (
        429,
        "quota-exceeded",
        "60",
    )
    client.delete(f"/v1/api-keys/{made[7]}")
    assert client.post("/v1/api-keys", json={"name": "one more"}).status_code == 201
    with sessions.begin() as session:
        service.create(session, actor=other, name="of somebody else")


def test_dead_keys_are_kept_for_a_while_and_not_for_ever(
    sessions: Sessions, actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_KEPT_DEAD_KEYS", 2)
    names: list[str] = []
    with sessions.begin() as session:
        for number in range(6):
            made = service.create(session, actor=actor, name=f"key {number}")
            if number != 1:
                service.revoke(session, actor=actor, api_key_id=made.stored.id)
        service.create(session, actor=actor, name="newest")
        names = [key.name for key in service.page(session, actor=actor).items]
    assert names == ["newest", "key 5", "key 4", "key 1"]


def test_keys_made_at_once_stay_within_the_quota(
    committing_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MAX_LIVE_KEYS", 3)
    actor = make_actor(committing_sessions, email="ada@example.com")
    together = Barrier(6)

    def make(_: int) -> str:
        together.wait()
        try:
            with database.transaction() as session:
                service.create(session, actor=actor, name="ci")
        except QuotaExceededError:
            return "refused"
        return "made"

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(make, range(6))) == ["made"] * 3 + ["refused"] * 3
    with committing_sessions() as session:
        assert session.scalar(select(func.count()).select_from(ApiKey)) == 3


def test_requests_with_one_key_do_not_wait_for_each_others_use(
    committing_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = make_actor(committing_sessions, email="ada@example.com")
    with database.transaction() as session:
        key_id = service.create(session, actor=actor, name="ci").stored.id
    with committing_sessions() as first, committing_sessions() as second:
        assert service.note_use(first, api_key_id=key_id)
        monkeypatch.setattr(service, "_noted", {})
        # The first has not committed, and the second goes on without writing.
        assert not service.note_use(second, api_key_id=key_id)


def test_pages_of_keys_are_newest_first(client: TestClient, create: Create) -> None:
    made = [create(name=f"key {number}")["id"] for number in range(3)]
    first = client.get("/v1/api-keys?limit=2").json()
    second = client.get(f"/v1/api-keys?limit=2&cursor={first['next_cursor']}").json()
    assert [key["id"] for key in (*first["items"], *second["items"])] == made[::-1]


def test_a_service_function_refuses_scopes_as_the_route_does(sessions: Sessions, actor: Actor) -> None:
    with sessions() as session, pytest.raises(MissingScopeError):
        service.create(session, actor=actor, name="ci", scopes=list(SCOPES))
