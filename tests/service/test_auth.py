"""Signing in, going on with refresh tokens, signing out."""

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import func, select, update

from service.auth import passwords, refresh_tokens, service, tokens
from service.auth.models import AuthSession, RefreshToken
from service.core import database
from service.core.actor import ROLE_SCOPES, Actor
from service.core.errors import UnauthenticatedError
from service.users import service as users
from service.users.models import User
from tests.service.conftest import PASSWORD, Sessions, bearer, make_actor, signed_in, with_token

HERE = "198.51.100.1"

FORM = {"content-type": "application/x-www-form-urlencoded"}


def sessions_of(sessions: Sessions, email: str) -> list[AuthSession]:
    with sessions() as session:
        statement = select(AuthSession).join(User, User.id == AuthSession.user_id).where(User.email == email)
        return list(session.scalars(statement.order_by(AuthSession.id)))


def test_signing_in_answers_as_oauth2_says(anonymous: TestClient, registered: str) -> None:
    answer = anonymous.post("/v1/auth/token", data={"username": registered, "password": PASSWORD})
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    document = answer.json()
    claims = tokens.read(document.pop("access_token"))
    assert refresh_tokens.is_well_formed(document.pop("refresh_token"))
    assert document == {
        "token_type": "bearer",
        "expires_in": 900,
        "scope": " ".join(sorted(ROLE_SCOPES["member"])),
    }
    assert claims.scopes == ROLE_SCOPES["member"]


def test_the_address_may_be_written_in_any_case(anonymous: TestClient, registered: str) -> None:
    assert signed_in(anonymous, registered.upper())["token_type"] == "bearer"


def test_a_session_lasts_30_days_and_keeps_no_token(anonymous: TestClient, sessions: Sessions, registered: str) -> None:
    document = signed_in(anonymous, registered)
    [begun] = sessions_of(sessions, registered)
    assert abs(begun.expires_at - datetime.now(UTC) - timedelta(days=30)) < timedelta(minutes=1)
    with sessions() as session:
        [stored] = session.scalars(select(RefreshToken).where(RefreshToken.session_id == begun.id))
    assert stored.token_hash == refresh_tokens.digest(document["refresh_token"])
    assert document["refresh_token"] not in repr(vars(stored))


def test_a_sign_in_can_ask_for_less_and_its_tokens_stay_with_that(anonymous: TestClient, registered: str) -> None:
    document = signed_in(anonymous, registered, scope="profile:read items:read", grant_type="password")
    assert document["scope"] == "items:read profile:read"
    next_one = anonymous.post("/v1/auth/refresh", json={"refresh_token": document["refresh_token"]}).json()
    assert next_one["scope"] == "items:read profile:read"
    for credentials in (document, next_one):
        assert anonymous.get("/v1/users/me", headers=with_token(credentials)).status_code == 200
        refused = anonymous.post("/v1/items", headers=with_token(credentials), json={"name": "x"})
        assert (refused.status_code, refused.json()["code"]) == (403, "missing-scope")
        assert refused.headers["www-authenticate"] == 'Bearer error="insufficient_scope", scope="items:write"'


@pytest.mark.parametrize("scope", ["users:read", "items:read nonsense", "items:*"])
def test_a_scope_that_the_user_cannot_have_is_an_invalid_scope(
    anonymous: TestClient, sessions: Sessions, registered: str, scope: str
) -> None:
    data = {"username": registered, "password": PASSWORD, "scope": scope}
    answer = anonymous.post("/v1/auth/token", data=data)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-scope")
    assert sessions_of(sessions, registered) == []


def test_a_scope_that_the_role_lost_is_lost_to_tokens_and_refreshes(
    anonymous: TestClient, sessions: Sessions, registered: str, admin: Actor
) -> None:
    with sessions.begin() as session:
        user_id = users.find_by_email(session, email=registered).id
        users.set_role(session, user_id=user_id, role="admin")
    document = signed_in(anonymous, registered)
    assert anonymous.get("/v1/users", headers=with_token(document)).status_code == 200
    with sessions.begin() as session:
        users.set_role(session, user_id=user_id, role="member")
    assert anonymous.get("/v1/users", headers=with_token(document)).json()["code"] == "missing-scope"
    refreshed = anonymous.post("/v1/auth/refresh", json={"refresh_token": document["refresh_token"]}).json()
    assert refreshed["scope"] == " ".join(sorted(ROLE_SCOPES["member"]))


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("lin@example.com", "an otter reads at night"),
        ("lin@example.com", ""),
        ("lin@example.com", PASSWORD + "\0"),
        ("lin@example.com", "x" * 999),
        ("nobody@example.com", PASSWORD),
        ("nobody@plinth.invalid", PASSWORD),
        ("no address", PASSWORD),
        ("", PASSWORD),
        ("\0", PASSWORD),
        ("lin@exam\0ple.com", PASSWORD),
        ("a" * 300 + "@example.com", PASSWORD),
        ("lin@" + "xn--" * 50 + ".com", PASSWORD),
        ("ada@example.com", "!"),
    ],
)
def test_a_wrong_password_and_an_unknown_address_get_the_same_answer(
    anonymous: TestClient, registered: str, actor: Actor, username: str, password: str
) -> None:
    answer = anonymous.post("/v1/auth/token", data={"username": username, "password": password})
    assert answer.headers["www-authenticate"] == "Bearer"
    document = answer.json()
    assert (document["status"], document["code"]) == (401, "unauthenticated")
    assert document["detail"] == "The address or the password is not right."


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What each verification of a password cost, as argon2 writes it. A hash that is made does not count."""
    costs: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, hash: str, password: str) -> bool:  # noqa: A002
        costs.append(hash.split("$")[3])
        return verify(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", counting)
    return costs


@pytest.mark.parametrize(
    ("username", "password", "succeeds"),
    [
        ("lin@example.com", PASSWORD, True),
        ("lin@example.com", "wrong and long", False),
        ("nobody@example.com", "wrong and long", False),
        ("no address", "wrong and long", False),
        ("lin@example.com", "x" * 500, False),
        ("ada@example.com", "!", False),
    ],
)
def test_every_sign_in_costs_one_verification_of_the_same_work(
    anonymous: TestClient,
    registered: str,
    actor: Actor,
    checks: list[str],
    username: str,
    password: str,
    succeeds: bool,
) -> None:
    answer = anonymous.post("/v1/auth/token", data={"username": username, "password": password})
    assert (answer.status_code == 200) is succeeds
    assert checks == ["m=8,t=1,p=1"]


def test_a_hash_of_less_work_is_replaced_at_the_next_sign_in(
    anonymous: TestClient, sessions: Sessions, registered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "work", passwords.Work(passes=2, memory_kib=16, lanes=1))

    def stored() -> str:
        with sessions() as session:
            return users.find_by_email(session, email=registered).password_hash

    assert "$m=8,t=1,p=1$" in stored()
    anonymous.post("/v1/auth/token", data={"username": registered, "password": "wrong and long"})
    assert "$m=8,t=1,p=1$" in stored()
    signed_in(anonymous, registered)
    assert "$m=16,t=2,p=1$" in stored()
    signed_in(anonymous, registered)


def test_a_password_is_the_same_however_its_characters_are_composed(anonymous: TestClient) -> None:
    body = {"email": "zoe@example.com", "password": "twelve caf\u00e9s open"}
    assert anonymous.post("/v1/auth/register", json=body).status_code == 201
    signed_in(anonymous, "zoe@example.com", "twelve cafe\u0301s open")


def attempt(app: FastAPI, username: str, password: str, *, source: str) -> Any:
    """An answer of POST /v1/auth/token to a client at that address."""
    client = TestClient(app, client=(source, 50000))
    return client.post("/v1/auth/token", data={"username": username, "password": password})


def test_ten_wrong_passwords_stop_the_guessing_at_that_account_from_that_network_alone(
    app: FastAPI, anonymous: TestClient, registered: str, actor: Actor
) -> None:
    guesses = [attempt(app, registered.upper(), "wrong and long", source=f"2001:db8::{n}") for n in range(1, 11)]
    assert [answer.status_code for answer in guesses] == [401] * 10
    answer = attempt(app, registered, PASSWORD, source="2001:db8::ffff")
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-attempts")
    assert 800 < int(answer.headers["retry-after"]) <= 900
    assert attempt(app, "ada@example.com", "wrong and long", source="2001:db8::1").status_code == 401
    # Nobody is locked out by a stranger elsewhere.
    assert attempt(app, registered, PASSWORD, source="2001:db8:0:1::1").status_code == 200


def test_a_hundred_wrong_passwords_from_many_networks_stop_everybody(
    app: FastAPI, anonymous: TestClient, registered: str
) -> None:
    headers = with_token(signed_in(anonymous, registered))
    sources = [f"203.0.113.{number}" for number in range(10) for _ in range(10)]
    guesses = [attempt(app, registered, "wrong and long", source=source).status_code for source in sources]
    assert guesses == [401] * 100
    answer = attempt(app, registered, PASSWORD, source="198.51.100.7")
    assert (answer.status_code, answer.json()["code"]) == (429, "too-many-attempts")
    assert 3500 < int(answer.headers["retry-after"]) <= 3600
    # Whoever is signed in can still change the password.
    body = {"password": "a heron sleeps at dusk", "current_password": PASSWORD}
    assert anonymous.patch("/v1/users/me", headers=headers, json=body).status_code == 200


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", FORM),
        (b"username=lin@example.com", FORM),
        (b"username=a&password=b&grant_type=client_credentials", FORM),
        (b"username=a&username=b&password=c", FORM),
        (b"username=%ff&password=c", FORM),
        (b"\xff=1", FORM),
        (b"&".join(b"f%d=1" % number for number in range(40)), FORM),
        (b"username=a&password=" + b"x" * 2000, FORM),
        (b"username=a&password=" + b"x" * 20_000, FORM),
        (b'{"username": "a", "password": "b"}', {"content-type": "application/json"}),
        (b"username=a&password=b", {"content-type": "multipart/form-data; boundary=x"}),
        (b"username=a&password=b", {}),
    ],
)
def test_what_is_no_password_form_is_invalid_input(
    anonymous: TestClient, content: bytes, headers: dict[str, str]
) -> None:
    answer = anonymous.post("/v1/auth/token", content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-input")
    assert {error["location"][0] for error in answer.json()["errors"]} == {"body"}


def test_fields_of_oauth2_that_mean_nothing_here_are_ignored(anonymous: TestClient, registered: str) -> None:
    signed_in(anonymous, registered, grant_type="password", client_id="swagger", client_secret="", state="x")


def test_a_refresh_token_is_good_once_and_a_replay_ends_its_session(
    anonymous: TestClient, sessions: Sessions, registered: str
) -> None:
    def refresh(credentials: dict[str, Any]) -> Any:
        return anonymous.post("/v1/auth/refresh", json={"refresh_token": credentials["refresh_token"]})

    first = signed_in(anonymous, registered)
    elsewhere = signed_in(anonymous, registered)
    second = refresh(first).json()
    third = refresh(second).json()
    assert len({credentials["refresh_token"] for credentials in (first, second, third)}) == 3
    assert anonymous.get("/v1/users/me", headers=with_token(third)).status_code == 200

    replayed = refresh(first)
    assert (replayed.status_code, replayed.headers["www-authenticate"]) == (401, "Bearer")
    assert replayed.json()["detail"] == "The refresh token was used before: its session has ended. Sign in again."
    assert refresh(third).status_code == 401
    for credentials in (first, second, third):
        assert anonymous.get("/v1/users/me", headers=with_token(credentials)).status_code == 401
    assert [one.end_reason for one in sessions_of(sessions, registered)] == ["reuse", None]
    assert refresh(elsewhere).status_code == 200


def test_the_expiry_of_a_session_does_not_move_with_its_refreshes(
    anonymous: TestClient, sessions: Sessions, registered: str
) -> None:
    document = signed_in(anonymous, registered)
    [before] = sessions_of(sessions, registered)
    anonymous.post("/v1/auth/refresh", json={"refresh_token": document["refresh_token"]})
    [after] = sessions_of(sessions, registered)
    assert after.expires_at == before.expires_at


def test_of_two_refreshes_at_once_one_wins_and_the_other_ends_the_session(committing_sessions: Sessions) -> None:
    with database.transaction() as session:
        users.create_user(session, email="lin@example.com", password=PASSWORD)
        token = service.sign_in(session, email="lin@example.com", password=PASSWORD, network=HERE).refresh_token
    count = 6
    together = Barrier(count)

    def refresh(_: int) -> str:
        together.wait()
        try:
            with database.transaction() as session:
                service.refresh(session, refresh_token=token)
        except UnauthenticatedError as error:
            return type(error).__name__
        return "refreshed"

    with ThreadPoolExecutor(count) as pool:
        outcomes = sorted(pool.map(refresh, range(count)))
    # Whoever came third found the session ended.
    assert outcomes == ["ReplayedTokenError", *["UnauthenticatedError"] * (count - 2), "refreshed"]
    [session_row] = sessions_of(committing_sessions, "lin@example.com")
    assert session_row.end_reason == "reuse"
    with committing_sessions() as session:
        assert session.scalar(select(func.count()).select_from(RefreshToken)) == 2


@pytest.mark.parametrize(
    "token",
    [
        "",
        "plinth_rt_",
        "plinth_rt_" + "a" * 43,
        "plinth_rt_" + "é" * 43,
        "plinth_rt_" + "a" * 42 + "\n",
        "\0",
        "a.b.c",
        "x" * 200,
    ],
)
def test_a_refresh_token_that_nobody_issued_is_refused(anonymous: TestClient, registered: str, token: str) -> None:
    answer = anonymous.post("/v1/auth/refresh", json={"refresh_token": token})
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")


def test_an_access_token_is_no_refresh_token_and_the_other_way_round(anonymous: TestClient, registered: str) -> None:
    document = signed_in(anonymous, registered)
    swapped = anonymous.post("/v1/auth/refresh", json={"refresh_token": document["access_token"][:200]})
    assert swapped.status_code == 401
    headers = {"Authorization": f"Bearer {document['refresh_token']}"}
    assert anonymous.get("/v1/users/me", headers=headers).status_code == 401


def test_logging_out_ends_the_session_at_once_and_no_other(
    anonymous: TestClient, sessions: Sessions, registered: str
) -> None:
    here, there = signed_in(anonymous, registered, scope="items:read"), signed_in(anonymous, registered)
    answer = anonymous.post("/v1/auth/logout", headers=with_token(here))
    assert (answer.status_code, answer.content) == (204, b"")
    refused = anonymous.get("/v1/items", headers=with_token(here))
    assert (refused.status_code, refused.json()["detail"]) == (401, "The session has ended: sign in again.")
    assert refused.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert anonymous.post("/v1/auth/refresh", json={"refresh_token": here["refresh_token"]}).status_code == 401
    assert anonymous.post("/v1/auth/logout", headers=with_token(here)).status_code == 401
    assert anonymous.get("/v1/items", headers=with_token(there)).status_code == 200
    # A refresh after a logout is no replay.
    assert [one.end_reason for one in sessions_of(sessions, registered)] == ["logout", None]


def test_an_expired_session_is_over_for_both_of_its_tokens(
    anonymous: TestClient, sessions: Sessions, registered: str
) -> None:
    document = signed_in(anonymous, registered)
    expire_all(sessions)
    assert anonymous.get("/v1/items", headers=with_token(document)).status_code == 401
    assert anonymous.post("/v1/auth/refresh", json={"refresh_token": document["refresh_token"]}).status_code == 401


def expire_all(sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(update(AuthSession).values(expires_at=datetime.now(UTC) - timedelta(minutes=1)))


def test_signing_in_removes_what_is_over_and_keeps_what_is_not(
    anonymous: TestClient, sessions: Sessions, registered: str, actor: Actor
) -> None:
    signed_in(anonymous, registered)
    expire_all(sessions)
    ended, kept = signed_in(anonymous, registered), signed_in(anonymous, registered)
    anonymous.post("/v1/auth/logout", headers=with_token(ended))
    newest = signed_in(anonymous, registered)
    live = [tokens.read(credentials["access_token"]).session_id for credentials in (kept, newest)]
    assert [one.id for one in sessions_of(sessions, registered)] == live
    # Nobody else's sessions are touched.
    assert [one.id for one in sessions_of(sessions, "ada@example.com")] == [actor.session_id]


def test_a_21st_session_ends_the_oldest(anonymous: TestClient, sessions: Sessions, registered: str) -> None:
    credentials = [signed_in(anonymous, registered) for _ in range(21)]
    statuses = [anonymous.get("/v1/items", headers=with_token(each)).status_code for each in credentials]
    assert statuses == [401] + [200] * 20
    assert len(sessions_of(sessions, registered)) == 20


def test_a_password_changed_while_the_old_one_was_checked_lets_nobody_in(
    committing_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    with database.transaction() as session:
        user_id = users.create_user(session, email="lin@example.com", password=PASSWORD).id
    verdict = passwords.verdict

    def slow_verdict(password: str, stored: str | None) -> passwords.Verdict:
        found = verdict(password, stored)
        with database.transaction() as session:
            users.set_password(session, user_id=user_id, password="a heron sleeps at dusk")
        return found

    monkeypatch.setattr(passwords, "verdict", slow_verdict)
    with pytest.raises(UnauthenticatedError), database.transaction() as session:
        service.sign_in(session, email="lin@example.com", password=PASSWORD, network=HERE)
    assert sessions_of(committing_sessions, "lin@example.com") == []


def test_an_access_token_is_checked_with_one_query(sessions: Sessions, actor: Actor, queries: list[str]) -> None:
    token = bearer(actor)["Authorization"].removeprefix("Bearer ")
    with sessions() as session:
        assert service.actor_of(session, token=token, api_key=None) == actor
    assert len(queries) == 1


def test_no_credential_in_the_wrong_shape_reaches_the_database(sessions: Sessions, queries: list[str]) -> None:
    for token, api_key in [(None, None), ("x", None), ("x" * 5000, None), (None, "plinth_x"), (None, "x" * 5000)]:
        with sessions() as session, pytest.raises(UnauthenticatedError):
            service.actor_of(session, token=token, api_key=api_key)
    assert queries == []


def test_no_door_of_authentication_writes_a_credential_to_the_logs(
    anonymous: TestClient, registered: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    document = signed_in(anonymous, registered)
    refreshed = anonymous.post("/v1/auth/refresh", json={"refresh_token": document["refresh_token"]}).json()
    made = anonymous.post("/v1/api-keys", headers=with_token(refreshed), json={"name": "ci"}).json()
    anonymous.get("/v1/items", headers={"X-API-Key": made["key"]})
    anonymous.post("/v1/auth/token", data={"username": registered, "password": "wrong and long"})
    anonymous.post("/v1/auth/refresh", json={"refresh_token": document["refresh_token"]})
    written = "\n".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    secrets = [PASSWORD, "wrong and long", made["key"], document["access_token"], refreshed["refresh_token"]]
    assert [secret for secret in [*secrets, document["refresh_token"]] if secret in written] == []


def test_a_member_and_a_session_of_somebody_else_do_not_go_together(sessions: Sessions, actor: Actor) -> None:
    other = make_actor(sessions, email="grace@example.com")
    assert actor.session_id is not None
    crossed = tokens.issue(tokens.Claims(other.user_id, actor.session_id, other.scopes))
    with sessions() as session, pytest.raises(UnauthenticatedError, match="session has ended"):
        service.actor_of(session, token=crossed, api_key=None)
    nobody = tokens.issue(tokens.Claims(UUID(int=1), UUID(int=2), frozenset({"items:read"})))
    with sessions() as session, pytest.raises(UnauthenticatedError, match="session has ended"):
        service.actor_of(session, token=nobody, api_key=None)
