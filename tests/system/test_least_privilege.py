"""Every right of every role is used, or listed here with the reason why no use of it is seen on this machine."""

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx2
import psycopg
import pytest

from service.runs.models import MAX_RUNNING_RUNS
from tests.support.evaluation import policy, stack_manifest
from tests.support.folders import server_folder
from tests.support.local_stack import Plinth, Stack, sign_up
from workbench.local import postgres
from workbench.local.processes import free_port
from workbench.project import configuration

# Each brings up a stack of its own, and so may run beside the tests of the other.
pytestmark = [pytest.mark.xdist_group("evaluation"), pytest.mark.timeout(300)]

FUNCTIONS = ("api", "worker", "reaper", "migrate", "shell")

STACKS = ("dev", "prod")

OF_AWS: Mapping[str, str] = {
    "network-flow-logs-role": "VPC Flow Logs takes it to write its log; nothing is routed here",
    "reaper-schedules-role": "EventBridge Scheduler takes it to invoke the reaper; the emulator's invokes without",
    "sandbox-role": "everything is denied to what runs with it; tests/security tries",
}
"""Roles that no code of the service takes: what each may do is asserted in tests/components, word for word."""

AWS_ASKS = "AWS asks it of the role while it does what the role asked for; the emulator does not"
UNSEEN: Mapping[str, str] = {
    "ec2:DescribeSecurityGroups": AWS_ASKS,
    "ec2:DescribeSubnets": AWS_ASKS,
    "ec2:DescribeVpcs": AWS_ASKS,
    "iam:PassRole": AWS_ASKS,
    "lambda:GetLayerVersion": AWS_ASKS,
    "lambda:TagResource": AWS_ASKS,
    "logs:CreateLogStream": "Lambda writes the function's log with it; the emulator writes it by itself",
    "logs:PutLogEvents": "Lambda writes the function's log with it; the emulator writes it by itself",
    "rds-db:connect": "the database checks it when the function logs in; PostgreSQL here cannot",
    "sqs:DeleteMessage": "the event source mapping does it with the role's rights; the emulator's with none",
    "sqs:ReceiveMessage": "the event source mapping does it with the role's rights; the emulator's with none",
    "xray:PutTelemetryRecords": "there is no X-Ray here",
    "xray:PutTraceSegments": "there is no X-Ray here",
}
"""Actions that are granted and that no call on this machine shows."""

UNSEEN_OF: Mapping[tuple[str, str], str] = {
    ("reaper", "lambda:ListTags"): "GetFunction tells the tags to those who may list them, and here to everybody",
    ("worker", "sqs:GetQueueAttributes"): "the event source mapping does it with the role's rights",
}
"""The same of one function, where others are seen to use the action."""

EVENTS: Mapping[str, str] = {
    "Invoke": "lambda:InvokeFunction",
    "SendMessageBatch": "sqs:SendMessage",
}
"""What the emulator calls a call, where it is not the action's own name."""


@dataclass(frozen=True)
class Used:
    """A stack in which everything was done once that takes a right."""

    plinth: Plinth
    stack: str

    def actions_of(self, function: str) -> set[str]:
        """The actions of the calls that came with the function's credentials."""
        return {action for key in self._keys(function) for action in self._latest(key) | self._granted(key, function)}

    def _keys(self, function: str) -> list[str]:
        """The emulator derives the key of a function's credentials from how it was invoked and the role it has."""
        config = configuration(self.stack)
        name = f"plinth-{self.stack}-{function}"
        arn = f"arn:aws:lambda:{config.region}:{config.account}:function:{name}"
        role = f"arn:aws:iam::{config.account}:role/{name}"
        digests = [hashlib.sha256(f"{arn}{by}:{role}".encode()).hexdigest() for by in ("", ":live")]
        return [f"ASIA{digest[:16].upper()}" for digest in digests]

    def _latest(self, key: str) -> set[str]:
        return {action_of(event) for event in self._events(AccessKeyId=key)}

    def _granted(self, key: str, function: str) -> set[str]:
        """The emulator answers with the last fifty of a kind: asks for those that should be there, one by one."""
        names = [name for name, action in EVENTS.items() if action in granted(self.stack, function)]
        names += [action.partition(":")[2] for action in granted(self.stack, function)]
        return {action_of(event) for name in names for event in self._events(AccessKeyId=key, EventName=name)}

    def _events(self, **wanted: str) -> list[dict[str, Any]]:
        attributes = [{"AttributeKey": name, "AttributeValue": value} for name, value in wanted.items()]
        return self._trail.lookup_events(LookupAttributes=attributes)["Events"]

    @cached_property
    def _trail(self) -> Any:
        return self.plinth.client("cloudtrail", self.stack)


def action_of(event: Mapping[str, Any]) -> str:
    service = event["EventSource"].partition(".")[0]
    return EVENTS.get(event["EventName"], f"{service}:{event['EventName']}")


@pytest.fixture(scope="module", params=STACKS)
def used(request: pytest.FixtureRequest) -> Generator[Used]:
    with brought_up(request.param) as stack:
        yield stack


@contextmanager
def brought_up(stack: str) -> Generator[Used]:
    with server_folder() as state, pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUDTRAIL_RECORDING", "1")
        plinth = Plinth(state)
        answer = plinth("up", stack, "--detach", "--json", "--port", str(free_port()))
        assert answer.returncode == 0, answer.stderr
        outputs = json.loads(answer.stdout)
        with httpx2.Client(base_url=outputs["api_url"], timeout=40) as http:
            http.headers["Authorization"] = sign_up(http, "ada@example.com")
            use(Stack(plinth, outputs, http), stack)
        yield Used(plinth, stack)


def use(stack: Stack, name: str) -> None:
    """Whatever takes a right: of the API, a run, a command, a rotation, what a lost worker leaves, what AWS refuses."""
    item = stack.create_item()
    automation = stack.automate(item, "print('ran')")
    # One more than may run at once: the first that ends wakes the last.
    for _ in range(MAX_RUNNING_RUNS):
        stack.automate(item, "print('ran')")
    runs = stack.http.patch(f"/v1/items/{item['id']}", json={"name": "Grinder"}).json()["runs"]
    assert [stack.finished(run)["status"] for run in runs] == ["succeeded"] * (1 + MAX_RUNNING_RUNS)

    command = stack.plinth("service", name, "--as", "ada@example.com", "run-automation", automation["id"])
    assert command.returncode == 0, command.stderr

    made = stack.plinth("service", name, "--as", "ada@example.com", "api-keys", "create", "--name", "deploys")
    assert made.returncode == 0, made.stderr

    functions = stack.plinth.client("lambda", name)
    invoke = invoker(functions)
    assert "errorType" not in invoke(f"plinth-{name}-migrate", {"rotate": "signing-keys"})

    template = f"plinth-{name}-sandbox"
    left_behind = f"{template}-run-{'0' * 32}"
    role = functions.get_function_configuration(FunctionName=template)["Role"]
    functions.create_function(
        FunctionName=left_behind,
        Runtime="python3.13",
        Role=role,
        Handler="main.handler",
        Code={"ZipFile": empty_archive()},
        Tags={"plinth:run-id": "0" * 32, "plinth:expires-at": "2020-01-01T00:00:00+00:00"},
    )
    assert "errorType" not in invoke(f"plinth-{name}-reaper", {})
    assert left_behind not in stack.sandboxes(name)

    # A failure of ours puts runs off: there is nothing to make their sandboxes from. Then their messages are lost.
    functions.delete_function(FunctionName=template)
    run, *_ = stack.http.patch(f"/v1/items/{item['id']}", json={"name": "Kettle"}).json()["runs"]
    used = Used(stack.plinth, name)
    stack.waited_for(run, lambda _run: "sqs:ChangeMessageVisibility" in used.actions_of("worker"))
    stack.waited_for(run, lambda _run: "sqs:SendMessage" in lost_and_reaped(used, invoke))


def lost_and_reaped(used: Used, invoke: Callable[[str, Mapping[str, Any]], str]) -> set[str]:
    """What the reaper has used after a pass that found runs waiting for longer than any message takes."""
    port = used.plinth.processes(used.stack)["database"]["port"]
    url = postgres.url(used.plinth.state / used.stack, port)
    with psycopg.connect(url, dbname="plinth", autocommit=True) as database:
        database.execute("UPDATE runs SET claimed_until = now() - interval '1 hour' WHERE status = 'queued'")
    invoke(f"plinth-{used.stack}-reaper", {})
    return used.actions_of("reaper")


def invoker(functions: Any) -> Callable[[str, Mapping[str, Any]], str]:
    def invoke(name: str, payload: Mapping[str, Any]) -> str:
        answer = functions.invoke(FunctionName=name, Qualifier="live", Payload=json.dumps(payload))
        return answer["Payload"].read().decode()

    return invoke


def empty_archive() -> bytes:
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("main.py", "")
        return file.getvalue()


def granted(stack: str, function: str) -> set[str]:
    statements = policy(stack_manifest(stack), f"{function}-policy")
    return {action for entry in statements if entry["Effect"] == "Allow" for action in entry["Action"]}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_uses_every_right_that_it_has_and_none_that_it_has_not(used: Used, function: str) -> None:
    unseen = UNSEEN.keys() | {action for holder, action in UNSEEN_OF if holder == function}
    assert used.actions_of(function) == granted(used.stack, function) - unseen


def test_no_right_is_listed_as_unseen_that_nobody_has() -> None:
    rights = {(function, action) for stack in STACKS for function in FUNCTIONS for action in granted(stack, function)}
    assert UNSEEN.keys() - {action for _, action in rights} == set()
    assert UNSEEN_OF.keys() - rights == set()


@pytest.mark.parametrize("stack", STACKS)
def test_all_roles_are_looked_at(stack: str) -> None:
    roles = {role.name for role in stack_manifest(stack).of_type("aws:iam/role:Role")}
    assert roles - {f"{function}-role" for function in FUNCTIONS} == OF_AWS.keys() & roles
    assert {f"{function}-role" for function in FUNCTIONS} <= roles
