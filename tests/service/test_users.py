"""Users: registering, one's own profile, and the list that administrators see."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select, text

from service.api_keys import service as api_keys
from service.auth import service as auth
from service.auth.models import AuthSession, RefreshToken
from service.automations.models import Automation
from service.core import database
from service.core.actor import ROLE_SCOPES, Actor
from service.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ServiceError,
)
from service.users import addresses, service
from service.users.models import User
from tests.service.conftest import PASSWORD, Sessions, bearer, make_actor, signed_in, with_token

HERE = "198.51.100.1"
NEW_PASSWORD = "a heron sleeps at dusk"


def register(client: TestClient, **body: Any) -> Any:
    return client.post("/v1/auth/register", json={"email": "lin@example.com", "password": PASSWORD, **body})


def test_registering_makes_a_member_and_shows_no_password(anonymous: TestClient, sessions: Sessions) -> None:
    answer = register(anonymous)
    document = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, "/v1/users/me")
    assert document.keys() == {"id", "email", "role", "created_at", "updated_at"}
    assert (document["email"], document["role"]) == ("lin@example.com", "member")
    with sessions() as session:
        stored = session.get_one(User, document["id"]).password_hash
    assert stored.startswith("$argon2id$")
    profile = anonymous.get("/v1/users/me", headers=with_token(signed_in(anonymous, "lin@example.com")))
    assert (profile.status_code, profile.json()) == (200, document)


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("Lin@Example.COM", "lin@example.com"),
        ("lin+ci@mail.example.org", "lin+ci@mail.example.org"),
        ("o'neil_99@example.co.uk", "o'neil_99@example.co.uk"),
        ("lin@BÜCHER.example", "lin@xn--bcher-kva.example"),
        ("lin@xn--bcher-kva.example", "lin@xn--bcher-kva.example"),
        ("a" * 64 + "@example.com", "a" * 64 + "@example.com"),
    ],
)
def test_an_address_is_stored_in_one_form(anonymous: TestClient, written: str, stored: str) -> None:
    assert register(anonymous, email=written).json()["email"] == stored
    assert register(anonymous, email=stored).status_code == 409


@pytest.mark.parametrize(
    "email",
    [
        "lin",
        "lin@",
        "@example.com",
        "lin@example",
        "lin@localhost",
        "lin@plinth.invalid",
        "lin@printer.local",
        "lin@@example.com",
        "lin@exam ple.com",
        "lin @example.com",
        "Lin <lin@example.com>",
        "lin@example.com\n",
        "lin@example.com\0",
        "l\ud800n@example.com",
        "lin@\ud800.com",
        "lïn@example.com",
        "lin@[127.0.0.1]",
        "lin@" + "a" * 64 + ".com",
        "lin@" + "ü" * 100 + ".com",
        "",
    ],
)
def test_what_is_no_address_is_refused(sessions: Sessions, email: str) -> None:
    with sessions() as session, pytest.raises(InvalidInputError, match="That is not an e-mail address"):
        service.create_user(session, email=email, password=PASSWORD)


@pytest.mark.parametrize("email", ["lin", "lin@plinth.invalid", "lin@example.com\0", "x" * 255, "", 5, None])
def test_a_registration_without_an_address_is_invalid_input(anonymous: TestClient, email: Any) -> None:
    answer = register(anonymous, email=email)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


def test_a_lone_surrogate_in_any_field_is_invalid_input(anonymous: TestClient) -> None:
    for body in (
        b'{"email": "\\ud800@example.com", "password": "an otter reads at noon"}',
        b'{"email": "lin@example.com", "password": "an otter reads at \\ud800"}',
    ):
        answer = anonymous.post("/v1/auth/register", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


@pytest.mark.parametrize(
    "password",
    [
        "eleven char",
        "x" * 129,
        "an otter\0 reads",
        "an otter\ud800 reads",
        "aaaaaaaaaaaa",
        "correcthorsebatterystaple",
        "Password1234",
        "\uff50assword1234",
        "lin.the.otter@example.com",
        "Lin.The.Otter",
        "",
    ],
)
def test_a_password_that_cannot_be_used_or_is_obvious_is_refused(sessions: Sessions, password: str) -> None:
    with sessions() as session, pytest.raises(InvalidInputError):
        service.create_user(session, email="lin.the.otter@example.com", password=password)


@pytest.mark.parametrize(
    "password", ["twelve chars", "x" * 127 + "y", "zwölf Zeichen", "  spaces are kept  ", "🦦🦦🦦🦦🦦🦦🦦🦦🦦🦦🦦🐟"]
)
def test_any_other_password_of_12_to_128_characters_is_fine(anonymous: TestClient, password: str) -> None:
    assert register(anonymous, password=password).status_code == 201
    signed_in(anonymous, "lin@example.com", password)


def test_a_role_cannot_be_asked_for(anonymous: TestClient) -> None:
    assert register(anonymous, role="admin").status_code == 422


def test_a_taken_address_is_a_conflict_that_says_so(anonymous: TestClient, registered: str) -> None:
    answer = register(anonymous, email=registered.upper())
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.json()["detail"] == "Somebody is registered with the address lin@example.com."


def in_parallel(actions: list[Callable[[], Any]]) -> list[str]:
    """What became of actions that begin together: the names of their errors, or `done`."""
    together = Barrier(len(actions))

    def run(action: Callable[[], Any]) -> str:
        together.wait()
        try:
            action()
        except ServiceError as error:
            return type(error).__name__
        return "done"

    with ThreadPoolExecutor(len(actions)) as pool:
        return sorted(pool.map(run, actions))


def test_of_registrations_with_one_address_at_once_one_succeeds(committing_sessions: Sessions) -> None:
    def one() -> None:
        with database.transaction() as session:
            service.create_user(session, email="lin@example.com", password=PASSWORD)

    assert in_parallel([one] * 5) == [*["ConflictError"] * 4, "done"]


def test_the_profile_changes_with_the_current_password_only(anonymous: TestClient, registered: str) -> None:
    headers = with_token(signed_in(anonymous, registered))
    body = {"email": "Lin@Example.ORG", "current_password": "wrong and long"}
    refused = anonymous.patch("/v1/users/me", headers=headers, json=body)
    assert (refused.status_code, refused.json()["detail"]) == (401, "The current password is not right.")
    answer = anonymous.patch("/v1/users/me", headers=headers, json={**body, "current_password": PASSWORD})
    assert (answer.status_code, answer.json()["email"]) == (200, "lin@example.org")
    assert answer.json()["updated_at"] > answer.json()["created_at"]
    assert signed_in(anonymous, "lin@example.org")
    assert register(anonymous, email=registered).status_code == 201


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"current_password": PASSWORD},
        {"email": "x@example.com"},
        {"password": NEW_PASSWORD},
        {"current_password": PASSWORD, "email": None},
        {"current_password": PASSWORD, "password": None},
        {"current_password": PASSWORD, "password": "short"},
        {"current_password": PASSWORD, "email": "lin"},
        {"current_password": PASSWORD, "role": "admin"},
        {"current_password": PASSWORD, "email": "x@example.com", "role": "admin"},
        {"current_password": None, "email": "x@example.com"},
        {"current_password": PASSWORD, "password": "lin@example.com"},
    ],
)
def test_a_change_that_cannot_be_made_is_invalid_input(
    anonymous: TestClient, registered: str, body: dict[str, Any]
) -> None:
    headers = with_token(signed_in(anonymous, registered))
    answer = anonymous.patch("/v1/users/me", headers=headers, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")


def test_an_address_that_somebody_has_cannot_be_moved_to(
    anonymous: TestClient, registered: str, other: Actor, sessions: Sessions
) -> None:
    headers = with_token(signed_in(anonymous, registered))
    body = {"email": "GRACE@example.com", "password": NEW_PASSWORD, "current_password": PASSWORD}
    answer = anonymous.patch("/v1/users/me", headers=headers, json=body)
    assert (answer.status_code, answer.json()["detail"]) == (
        409,
        "Somebody is registered with the address grace@example.com.",
    )
    # Nothing of it was done.
    assert signed_in(anonymous, registered)


def test_a_new_password_ends_all_other_sessions_and_no_api_key(
    anonymous: TestClient, registered: str, sessions: Sessions, actor: Actor
) -> None:
    here, there = signed_in(anonymous, registered), signed_in(anonymous, registered)
    key = anonymous.post("/v1/api-keys", headers=with_token(there), json={"name": "ci"}).json()["key"]
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert anonymous.patch("/v1/users/me", headers=with_token(here), json=body).status_code == 200

    def status(headers: dict[str, str]) -> int:
        return anonymous.get("/v1/users/me", headers=headers).status_code

    assert (status(with_token(here)), status(with_token(there)), status({"X-API-Key": key})) == (200, 401, 200)
    assert status(bearer(actor)) == 200
    assert anonymous.post("/v1/auth/refresh", json={"refresh_token": there["refresh_token"]}).status_code == 401
    assert anonymous.post("/v1/auth/refresh", json={"refresh_token": here["refresh_token"]}).status_code == 200
    answer = anonymous.post("/v1/auth/token", data={"username": registered, "password": PASSWORD})
    assert answer.status_code == 401
    signed_in(anonymous, registered, NEW_PASSWORD)


def test_a_new_password_sent_with_an_api_key_ends_every_session(anonymous: TestClient, registered: str) -> None:
    headers = with_token(signed_in(anonymous, registered))
    key = anonymous.post("/v1/api-keys", headers=headers, json={"name": "ci"}).json()["key"]
    body = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert anonymous.patch("/v1/users/me", headers={"X-API-Key": key}, json=body).status_code == 200
    assert anonymous.get("/v1/users/me", headers=headers).status_code == 401


def test_ten_wrong_current_passwords_stop_the_guessing_and_no_sign_in(anonymous: TestClient, registered: str) -> None:
    headers = with_token(signed_in(anonymous, registered))
    body = {"email": "x@example.com", "current_password": "wrong and long"}
    statuses = [anonymous.patch("/v1/users/me", headers=headers, json=body).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    answer = anonymous.patch("/v1/users/me", headers=headers, json={**body, "current_password": PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-attempts")
    signed_in(anonymous, registered)


def test_deleting_oneself_takes_along_what_one_owns_and_nothing_else(
    anonymous: TestClient, client: TestClient, automation: Automation, sessions: Sessions, other: Actor, admin: Actor
) -> None:
    theirs = anonymous.post("/v1/items", headers=bearer(other), json={"name": "Grinder"}).json()
    assert client.post(f"/v1/automations/{automation.id}/runs").status_code == 202
    key = client.post("/v1/api-keys", json={"name": "ci"}).json()["key"]
    answer = client.delete("/v1/users/me")
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get("/v1/users/me").status_code == 401
    assert anonymous.get("/v1/users/me", headers={"X-API-Key": key}).status_code == 401
    owned = ("items", "automations", "runs", "api_keys", "auth_sessions", "users")
    with sessions() as session:
        left = {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in owned}  # noqa: S608
    assert left == {"items": 1, "automations": 0, "runs": 0, "api_keys": 0, "auth_sessions": 2, "users": 2}
    assert anonymous.get(f"/v1/items/{theirs['id']}", headers=bearer(other)).status_code == 200


def test_the_last_administrator_cannot_go(anonymous: TestClient, sessions: Sessions, admin: Actor) -> None:
    refused = anonymous.delete("/v1/users/me", headers=bearer(admin))
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    with sessions.begin() as session, pytest.raises(ConflictError, match="last administrator"):
        service.set_role(session, user_id=admin.user_id, role="member")
    second = make_actor(sessions, email="second@example.com", role="admin")
    assert anonymous.delete("/v1/users/me", headers=bearer(admin)).status_code == 204
    assert anonymous.delete("/v1/users/me", headers=bearer(second)).status_code == 409


def test_of_administrators_who_go_at_once_one_stays(committing_sessions: Sessions) -> None:
    admins = [make_actor(committing_sessions, email=f"root-{n}@example.com", role="admin") for n in range(4)]

    def leave(admin: Actor) -> None:
        with database.transaction() as session:
            if admin is admins[0]:
                service.set_role(session, user_id=admin.user_id, role="member")
            else:
                service.delete(session, actor=admin)

    assert in_parallel([lambda admin=admin: leave(admin) for admin in admins]) == ["ConflictError", *["done"] * 3]
    with committing_sessions() as session:
        assert session.scalar(select(func.count()).where(User.role == "admin")) == 1


def test_an_administrator_lists_everybody_page_by_page(
    anonymous: TestClient, admin: Actor, actor: Actor, other: Actor
) -> None:
    headers = bearer(admin)
    first = anonymous.get("/v1/users?limit=2", headers=headers).json()
    second = anonymous.get(f"/v1/users?limit=2&cursor={first['next_cursor']}", headers=headers).json()
    listed = [user["email"] for user in (*first["items"], *second["items"])]
    assert (sorted(listed), second["next_cursor"]) == (
        ["ada@example.com", "grace@example.com", "root@example.com"],
        None,
    )
    assert all(user.keys() == {"id", "email", "role", "created_at", "updated_at"} for user in first["items"])


def test_a_member_sees_nobody_else(anonymous: TestClient, sessions: Sessions, actor: Actor, admin: Actor) -> None:
    refused = anonymous.get("/v1/users", headers=bearer(actor))
    assert (refused.status_code, refused.json()["code"]) == (403, "missing-scope")
    with sessions() as session, pytest.raises(ForbiddenError):
        service.page(session, actor=actor)


def test_an_administrators_narrow_token_lists_nobody(anonymous: TestClient, sessions: Sessions) -> None:
    with sessions.begin() as session:
        service.create_user(session, email="root@example.com", password=PASSWORD, role="admin")
    headers = with_token(signed_in(anonymous, "root@example.com", scope="profile:read"))
    assert anonymous.get("/v1/users", headers=headers).status_code == 403


def test_who_has_this_shell_can_act_as_a_user_and_set_a_password(sessions: Sessions) -> None:
    with sessions.begin() as session:
        user = service.create_user(session, email="Lin@example.com", password=PASSWORD)
        acting = service.actor_for_user(user)
        auth.sign_in(session, email=user.email, password=PASSWORD, network=HERE)
        api_keys.create(session, actor=acting, name="ci")
    assert acting == Actor(user_id=user.id, role="member", scopes=ROLE_SCOPES["member"])
    with sessions.begin() as session:
        assert service.find_by_email(session, email="LIN@example.com").id == user.id
        service.set_password(session, user_id=user.id, password=NEW_PASSWORD)
    with sessions.begin() as session:
        assert list(session.scalars(select(AuthSession.end_reason))) == ["password_changed"]
        assert (
            auth.sign_in(session, email=user.email, password=NEW_PASSWORD, network=HERE).scopes == ROLE_SCOPES["member"]
        )
    with sessions() as session, pytest.raises(NotFoundError, match=r"There is no user nobody@example\.com"):
        service.find_by_email(session, email="nobody@example.com")


def test_a_role_counts_from_the_next_request_on(anonymous: TestClient, sessions: Sessions, registered: str) -> None:
    with sessions.begin() as session:
        user = service.find_by_email(session, email=registered)
        assert service.set_role(session, user_id=user.id, role="admin").role == "admin"
    assert anonymous.get("/v1/users", headers=with_token(signed_in(anonymous, registered))).status_code == 200


def test_a_refresh_and_a_deletion_at_once_leave_no_session_behind(committing_sessions: Sessions) -> None:
    with database.transaction() as session:
        user = service.create_user(session, email="lin@example.com", password=PASSWORD)
        token = auth.sign_in(session, email="lin@example.com", password=PASSWORD, network=HERE).refresh_token

    def refresh() -> None:
        with database.transaction() as session:
            auth.refresh(session, refresh_token=token)

    def leave() -> None:
        with database.transaction() as session:
            service.delete(session, actor=service.actor_for_user(user))

    # The refresh comes before, or finds no user any more; neither ends in a deadlock.
    assert in_parallel([refresh, leave]) in (["done", "done"], ["UnauthenticatedError", "done"])
    with committing_sessions() as session:
        assert session.scalar(select(func.count()).select_from(RefreshToken)) == 0


def test_an_address_that_is_stored_can_be_normalised_again() -> None:
    once = addresses.normalised("Lin@BÜCHER.example")
    assert addresses.normalised(once) == once
