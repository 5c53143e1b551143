"""Who gets what: two members and an administrator, with either kind of credential, against every route there is.

The routes come from the application itself. One that has no rule here fails the first test.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import text

from service.auth import passwords
from service.automations.models import Automation
from service.core.actor import ROLE_SCOPES, Actor
from service.items.models import Item
from service.main import create_app
from service.runs import service as runs
from service.users.models import User
from tests.service.conftest import PASSWORD, Sessions, bearer, make_actor, signed_in

Of = Literal["everybody", "an owner", "the caller", "administrators"]


@dataclass(frozen=True)
class Rule:
    """Whom a route serves, and how it is called so that it succeeds."""

    of: Of
    """`an owner`: the path names an object, or the body does. `the caller`: it concerns what the caller has."""

    status: int
    """What success answers."""

    body: Mapping[str, Any] | None = None
    """JSON to send; `{item}` and the like in a text are replaced."""

    form: Mapping[str, str] | None = None

    status_with_key: int | None = None
    """What it answers to an API key, where that is something else: a key has no session to end."""

    def answers(self, credential: "Credential") -> int:
        """What success answers to that kind of credential."""
        return self.status_with_key or self.status if credential == "api key" else self.status


ITEM = {"name": "Grinder", "description": None}
AUTOMATION = {"name": "Tell", "code": "print('told')", "item_id": "{item}", "enabled": True}

RULES: Mapping[str, Rule] = {
    "POST /v1/auth/register": Rule("everybody", 201, {"email": "new@example.com", "password": "correct horse battery"}),
    "POST /v1/auth/token": Rule("everybody", 200, form={"username": "{email}", "password": "{password}"}),
    "POST /v1/auth/refresh": Rule("everybody", 200, {"refresh_token": "{refresh_token}"}),
    "POST /v1/auth/logout": Rule("the caller", 204, status_with_key=409),
    "GET /v1/users/me": Rule("the caller", 200),
    "PATCH /v1/users/me": Rule("the caller", 200, {"current_password": "{password}", "password": "another long one"}),
    "DELETE /v1/users/me": Rule("the caller", 204),
    "GET /v1/users": Rule("administrators", 200),
    "POST /v1/api-keys": Rule("the caller", 201, {"name": "robot"}),
    "GET /v1/api-keys": Rule("the caller", 200),
    "DELETE /v1/api-keys/{api_key_id}": Rule("an owner", 204),
    "POST /v1/items": Rule("the caller", 201, ITEM),
    "GET /v1/items": Rule("the caller", 200),
    "GET /v1/items/{item_id}": Rule("an owner", 200),
    "PUT /v1/items/{item_id}": Rule("an owner", 200, ITEM),
    "PATCH /v1/items/{item_id}": Rule("an owner", 200, ITEM),
    "DELETE /v1/items/{item_id}": Rule("an owner", 204),
    "GET /v1/items/{item_id}/automations": Rule("an owner", 200),
    "POST /v1/automations": Rule("an owner", 201, AUTOMATION),
    "GET /v1/automations": Rule("the caller", 200),
    "GET /v1/automations/{automation_id}": Rule("an owner", 200),
    "PUT /v1/automations/{automation_id}": Rule("an owner", 200, AUTOMATION),
    "PATCH /v1/automations/{automation_id}": Rule("an owner", 200, {"enabled": False}),
    "DELETE /v1/automations/{automation_id}": Rule("an owner", 204),
    "POST /v1/automations/{automation_id}/runs": Rule("an owner", 202),
    "GET /v1/automations/{automation_id}/runs": Rule("an owner", 200),
    "GET /v1/runs": Rule("the caller", 200),
    "GET /v1/runs/{run_id}": Rule("an owner", 200),
    "POST /v1/runs/{run_id}/cancel": Rule("an owner", 200),
    "POST /v1/runs/{run_id}/rerun": Rule("an owner", 202),
    "GET /health/live": Rule("everybody", 200),
    "GET /health/ready": Rule("everybody", 200),
}

DOCUMENT = create_app().openapi()
OPERATIONS: Mapping[str, Mapping[str, Any]] = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
PROTECTED = sorted(route for route, rule in RULES.items() if rule.of != "everybody")
OWNED = sorted(route for route, rule in RULES.items() if rule.of == "an owner")
OWN_LISTS = ["GET /v1/api-keys", "GET /v1/automations", "GET /v1/items", "GET /v1/runs"]

NEEDS_NO_SCOPE = {"POST /v1/auth/logout"}
"""Whoever has a session may end it."""

TABLES = ("items", "automations", "runs", "api_keys")

Credential = Literal["token", "api key"]


@dataclass(frozen=True)
class World:
    """What exists: everything belongs to `actor`. `names` fills the paths and bodies of calls."""

    anonymous: TestClient
    actor: Actor
    names: Mapping[str, str]
    sessions: Sessions

    def call(self, route: str, headers: Mapping[str, str]) -> Any:
        """Calls the route as its rule says, about the actor's objects."""
        method, path = route.split(" ")
        rule = RULES[route]
        return self.anonymous.request(
            method,
            path.format(**self.names),
            json=self._filled(rule.body),
            data=self._filled(rule.form),
            headers=dict(headers),
        )

    def credential(self, actor: Actor, kind: Credential, scopes: frozenset[str] | None = None) -> dict[str, str]:
        """The header that an actor sends: an access token or an API key, with all scopes of the role or with these."""
        with self.sessions.begin() as session:
            session.get_one(User, actor.user_id).password_hash = passwords.hashed(PASSWORD)
        limited = replace(actor, scopes=ROLE_SCOPES[actor.role] if scopes is None else scopes)
        if kind == "token":
            return bearer(limited)
        made = self.anonymous.post(
            "/v1/api-keys", json={"name": "robot", "scopes": sorted(limited.scopes)}, headers=bearer(actor)
        )
        assert made.status_code == 201, made.text
        return {"X-API-Key": made.json()["key"]}

    def contents(self) -> dict[str, list[Any]]:
        """Every row of what belongs to the actor."""
        with self.sessions() as session:
            return {
                table: [
                    tuple(row)
                    for row in session.execute(
                        text(f"SELECT * FROM {table} WHERE {_OWNER[table]} = :owner ORDER BY id"),  # noqa: S608
                        {"owner": self.actor.user_id},
                    )
                ]
                for table in TABLES
            }

    def _filled(self, values: Mapping[str, Any] | None) -> dict[str, Any] | None:
        if values is None:
            return None
        return {key: value.format(**self.names) if isinstance(value, str) else value for key, value in values.items()}


_OWNER = {"items": "owner_id", "automations": "owner_id", "runs": "owner_id", "api_keys": "user_id"}


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    sessions: Sessions,
    anonymous: TestClient,
    actor: Actor,
    item: Item,
    automation: Automation,
) -> World:
    with sessions.begin() as session:
        run = runs.queue_now(session, actor=actor, automation_id=automation.id)
        if "rerun" in request.node.name:
            run.status = "failed"
    names = {"item": str(item.id), "item_id": str(item.id), "automation_id": str(automation.id), "run_id": str(run.id)}
    names |= {"email": "lovelace@example.com", "password": PASSWORD}
    if "/auth/" in request.node.name:
        registered = anonymous.post("/v1/auth/register", json={"email": names["email"], "password": PASSWORD})
        assert registered.status_code == 201, registered.text
        names["refresh_token"] = signed_in(anonymous, names["email"])["refresh_token"]
    key = anonymous.post("/v1/api-keys", json={"name": "spare"}, headers=bearer(actor))
    names["api_key_id"] = key.json()["id"]
    return World(anonymous, actor, names, sessions)


def required_scopes(route: str) -> frozenset[str]:
    """The scopes that the OpenAPI document says the route takes, the same for either credential."""
    alternatives = OPERATIONS[route]["security"]
    assert [list(alternative) for alternative in alternatives] == [["OAuth2"], ["ApiKey"]], route
    first, second = ({*next(iter(alternative.values()))} for alternative in alternatives)
    assert first == second, route
    return frozenset(first)


def test_every_route_of_the_application_has_a_rule_here() -> None:
    assert set(RULES) == set(OPERATIONS)


@pytest.mark.parametrize("route", sorted(RULES))
def test_what_is_for_everybody_says_so_and_everything_else_names_a_scope(route: str) -> None:
    if RULES[route].of == "everybody":
        assert "security" not in OPERATIONS[route]
    else:
        assert bool(required_scopes(route)) == (route not in NEEDS_NO_SCOPE)


@pytest.mark.parametrize("route", sorted(set(RULES) - set(PROTECTED) - {"GET /health/ready"}))
def test_what_is_for_everybody_asks_for_no_credential(world: World, route: str) -> None:
    assert world.call(route, {}).status_code == RULES[route].status


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer nonsense"},
        {"Authorization": "Basic YWRhOmFkYQ=="},
        {"X-API-Key": "plinth_nonsense"},
    ],
    ids=["nothing", "bad token", "basic", "bad key"],
)
@pytest.mark.parametrize("route", PROTECTED)
def test_nobody_known_is_told_to_sign_in(world: World, route: str, headers: dict[str, str]) -> None:
    before = world.contents()
    answer = world.call(route, headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert world.contents() == before


@pytest.mark.parametrize("credential", ["token", "api key"])
@pytest.mark.parametrize("route", PROTECTED)
def test_a_member_gets_their_own_with_either_credential(world: World, route: str, credential: Credential) -> None:
    answer = world.call(route, world.credential(world.actor, credential))
    expected = 403 if RULES[route].of == "administrators" else RULES[route].answers(credential)
    assert answer.status_code == expected, answer.text


@pytest.mark.parametrize("credential", ["token", "api key"])
@pytest.mark.parametrize("route", PROTECTED)
def test_another_member_finds_nothing_of_it_and_changes_nothing(
    world: World, other: Actor, route: str, credential: Credential
) -> None:
    expected = {"an owner": 404, "the caller": RULES[route].answers(credential), "administrators": 403}[RULES[route].of]
    headers, before = world.credential(other, credential), world.contents()
    assert world.call(route, headers).status_code == expected
    assert world.contents() == before


@pytest.mark.parametrize("credential", ["token", "api key"])
@pytest.mark.parametrize("route", PROTECTED)
def test_an_administrator_is_no_owner_but_sees_the_users(
    world: World, admin: Actor, route: str, credential: Credential
) -> None:
    expected = 404 if RULES[route].of == "an owner" else RULES[route].answers(credential)
    # The last administrator may not delete themselves.
    make_actor(world.sessions, email="second-root@example.com", role="admin")
    headers, before = world.credential(admin, credential), world.contents()
    assert world.call(route, headers).status_code == expected
    assert world.contents() == before


@pytest.mark.parametrize("credential", ["token", "api key"])
@pytest.mark.parametrize("route", sorted(set(PROTECTED) - NEEDS_NO_SCOPE))
def test_a_credential_needs_the_scopes_of_the_route_and_no_others(
    world: World, admin: Actor, route: str, credential: Credential
) -> None:
    actor = admin if RULES[route].of == "administrators" else world.actor
    required = required_scopes(route)
    refused = world.call(route, world.credential(actor, credential, ROLE_SCOPES[actor.role] - required))
    assert (refused.status_code, refused.json()["code"]) == (403, "missing-scope")
    assert world.call(route, world.credential(actor, credential, required)).status_code == RULES[route].status


@pytest.mark.parametrize("route", OWN_LISTS)
def test_a_list_holds_what_is_ones_own_and_nothing_else(world: World, other: Actor, admin: Actor, route: str) -> None:
    mine = world.call(route, bearer(world.actor)).json()["items"]
    assert len(mine) == 1
    assert world.call(route, bearer(other)).json()["items"] == []
    assert world.call(route, bearer(admin)).json()["items"] == []


@pytest.mark.parametrize("route", OWNED)
def test_a_foreign_object_and_one_that_never_was_are_told_alike(world: World, other: Actor, route: str) -> None:
    headers = bearer(other)
    foreign = world.call(route, headers).json()
    unknown = dict.fromkeys(world.names, "01890000-0000-7000-8000-000000000000")
    never = replace(world, names={**world.names, **unknown}).call(route, headers).json()
    ids = (*world.names.values(), *unknown.values())
    assert _without(foreign, ids) == _without(never, ids)


def _without(problem: Mapping[str, Any], ids: tuple[str, ...]) -> dict[str, str]:
    told = {key: str(value) for key, value in problem.items() if key != "request_id"}
    for known in ids:
        told = {key: value.replace(known, "ID") for key, value in told.items()}
    return told
