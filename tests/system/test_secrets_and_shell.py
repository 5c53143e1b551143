"""A stack's own secrets, its application's role, and the service's commands inside it."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.support.local_stack import PASSWORD, Plinth, Stack
from workbench.project import ROOT

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.timeout(240)]


def service(plinth: Plinth, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    """`plinth service dev …`, with that text piped into it."""
    return subprocess.run(
        [*plinth.command, "service", "dev", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        env=plinth.environment,
        cwd=ROOT,
    )


def invoke(stack: Stack, function: str, event: Any) -> Any:
    name = stack.outputs["function_names"][function]
    answer = stack.plinth.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    assert "FunctionError" not in answer
    return json.loads(answer["Payload"].read())


def test_a_command_inside_the_stack_prints_and_ends_as_it_does_in_a_shell(stack: Stack) -> None:
    listed = service(stack.plinth, "users", "list", "--json")
    assert (listed.returncode, listed.stderr) == (0, "")
    assert "ada@example.com" in [user["email"] for user in json.loads(listed.stdout)["items"]]
    shown = service(stack.plinth, "items", "show", "x")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "invalid UUID value: 'x'" in shown.stderr
    assert service(stack.plinth, "items", "--help").stdout.startswith("usage: python -m service items ")


def test_what_is_piped_into_a_command_reaches_it(stack: Stack) -> None:
    arguments = ("create-admin", "--email", "root@example.com", "--password-stdin")
    made = service(stack.plinth, *arguments, given=PASSWORD)
    assert made.returncode == 0, made.stderr
    answer = stack.http.post("/v1/auth/token", data={"username": "root@example.com", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    admin = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert stack.http.get("/v1/users", headers=admin).status_code == 200


def test_a_command_for_a_stack_that_is_down_is_refused_in_one_line(new_plinth: Callable[..., Plinth]) -> None:
    refused = service(new_plinth(), "users", "list")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "plinth: The dev stack is not up: run `plinth up dev`.\n"


def test_the_application_logs_in_as_a_role_that_cannot_change_the_schema(stack: Stack) -> None:
    secret = stack.plinth.client("secretsmanager").get_secret_value(SecretId="plinth-dev-database-app")
    login = json.loads(secret["SecretString"])
    assert login["username"] == "plinth_app"
    port = stack.plinth.processes()["database"]["port"]
    with psycopg.connect(
        host="127.0.0.1", port=port, dbname="plinth", user=login["username"], password=login["password"]
    ) as connection:
        used = "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name LIKE 'plinth-dev-%'"
        assert stack.http.get("/v1/items").status_code == 200
        assert connection.execute(used).fetchall() == [("plinth_app",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE mine (id int)")


def test_secrets_are_rotated_while_the_stack_is_used(stack: Stack) -> None:
    item = stack.create_item()
    for what in ("signing-keys", "database-password"):
        assert invoke(stack, "migrate", {"rotate": what}) == {"rotated": what}
        # Signed with the key of before, and read on a connection that may be older than the password.
        assert stack.http.get(f"/v1/items/{item['id']}").status_code == 200
        # A function that starts now reads what is stored now.
        assert service(stack.plinth, "users", "list").returncode == 0


def test_no_secret_is_in_the_state_of_the_stack(stack: Stack) -> None:
    client = stack.plinth.client("secretsmanager")
    state = (stack.plinth.state / "dev" / "state.json").read_text()
    for name in ("plinth-dev-database-app", "plinth-dev-signing-keys"):
        value = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
        known = [value["password"]] if "password" in value else [*value["keys"].values(), value["api_key_pepper"]]
        assert [secret for secret in known if secret in state] == []
