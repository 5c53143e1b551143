"""The adapter that makes a Lambda function for each run, against botocore's stubbed Lambda."""

import io
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from service.runs.ephemeral import EphemeralFunction, LambdaClients, failure_of, outcome_of
from service.runs.sandbox import RunOutcome, RunRequest, SandboxLostError, SandboxNotDestroyedError
from service.runs.sandbox import SandboxNotStartedError as NotStarted

RUN = UUID("01890000-0000-7000-8000-000000000001")
NAME = "plinth-dev-sandbox-run-01890000000070008000000000000001"
TEMPLATE = {
    "FunctionName": "plinth-dev-sandbox",
    "FunctionArn": "arn:aws:lambda:eu-central-1:123456789012:function:plinth-dev-sandbox",
    "Runtime": "python3.13",
    "Role": "arn:aws:iam::123456789012:role/sandbox",
    "Handler": "sandbox_lambda.handler.handle",
    "Timeout": 20,
    "MemorySize": 512,
    "EphemeralStorage": {"Size": 512},
    "Architectures": ["arm64"],
    "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/plinth/sandbox"},
    "Layers": [{"Arn": "arn:aws:lambda:eu-central-1:123456789012:layer:sandbox:7", "CodeSize": 9}],
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1"},
    "Environment": {"Variables": {"NOT": "copied"}},
    "State": "Active",
}
CLONE = {
    **{key: TEMPLATE[key] for key in ("Runtime", "Role", "Handler", "Timeout", "MemorySize", "EphemeralStorage")},
    **{key: TEMPLATE[key] for key in ("Architectures", "LoggingConfig")},
    "FunctionName": NAME,
    "Code": {"ZipFile": ANY},
    "Layers": ["arn:aws:lambda:eu-central-1:123456789012:layer:sandbox:7"],
    "VpcConfig": {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]},
    "Tags": {"plinth:run-id": str(RUN), "plinth:expires-at": ANY},
}
ANSWER: dict[str, Any] = {
    "status": "succeeded",
    "exit_code": 0,
    "signal": None,
    "stdout": "told\n",
    "stderr": "",
    "truncated": {"stdout": False, "stderr": True, "result": False},
    "result": [1],
    "duration_ms": 3,
}


class Cloud:
    """A sandbox runner with a scripted Lambda behind it."""

    def __init__(self) -> None:
        control, invoke = (boto3.client("lambda", aws_access_key_id="x", aws_secret_access_key="x") for _ in range(2))
        self.control, self.invoke = Stubber(control), Stubber(invoke)
        self.runner = EphemeralFunction("plinth-dev-sandbox", LambdaClients(control, invoke), poll_seconds=0.001)

    def answers(self, operation: str, answer: dict[str, Any] | str, expected: dict[str, Any] | None = None) -> None:
        stub = self.invoke if operation == "invoke" else self.control
        if isinstance(answer, str):
            stub.add_client_error(operation, answer, answer, expected_params=expected)
        else:
            stub.add_response(operation, answer, expected)


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    with cloud.control, cloud.invoke:
        yield cloud
        cloud.control.assert_no_pending_responses()
        cloud.invoke.assert_no_pending_responses()


def test_a_clone_has_the_templates_settings_and_nothing_else_of_it(cloud: Cloud) -> None:
    cloud.answers("get_function_configuration", TEMPLATE, {"FunctionName": "plinth-dev-sandbox"})
    cloud.answers("create_function", {"State": "Active"}, CLONE)
    assert cloud.runner.create(RUN) == NAME


def test_a_template_without_a_vpc_makes_a_clone_without_one(cloud: Cloud) -> None:
    cloud.answers("get_function_configuration", {**TEMPLATE, "VpcConfig": {"SubnetIds": [], "VpcId": ""}})
    expected = {key: value for key, value in CLONE.items() if key != "VpcConfig"}
    cloud.answers("create_function", {"State": "Active"}, expected)
    assert cloud.runner.create(RUN) == NAME


def test_a_pending_clone_is_waited_for(cloud: Cloud) -> None:
    cloud.answers("get_function_configuration", TEMPLATE)
    cloud.answers("create_function", {"State": "Pending"})
    cloud.answers("get_function_configuration", {"State": "Pending"}, {"FunctionName": NAME})
    cloud.answers("get_function_configuration", {"State": "Active"}, {"FunctionName": NAME})
    assert cloud.runner.create(RUN) == NAME


def test_a_clone_that_fails_to_start_is_deleted_again(cloud: Cloud) -> None:
    cloud.answers("get_function_configuration", TEMPLATE)
    cloud.answers("create_function", {"State": "Pending"})
    cloud.answers("get_function_configuration", {"State": "Failed"}, {"FunctionName": NAME})
    cloud.answers("delete_function", {}, {"FunctionName": NAME})
    cloud.answers("get_function_configuration", "ResourceNotFoundException", {"FunctionName": NAME})
    with pytest.raises(NotStarted, match="did not become active"):
        cloud.runner.create(RUN)


def test_a_clone_left_by_a_lost_worker_is_replaced(cloud: Cloud) -> None:
    cloud.answers("get_function_configuration", TEMPLATE)
    cloud.answers("create_function", "ResourceConflictException")
    cloud.answers("delete_function", {}, {"FunctionName": NAME})
    cloud.answers("get_function_configuration", "ResourceNotFoundException", {"FunctionName": NAME})
    cloud.answers("create_function", {"State": "Active"}, CLONE)
    assert cloud.runner.create(RUN) == NAME


def test_a_refused_clone_says_why(cloud: Cloud) -> None:
    cloud.answers("get_function_configuration", "AccessDeniedException")
    with pytest.raises(NotStarted, match=r"cloning plinth-dev-sandbox failed: .*AccessDeniedException"):
        cloud.runner.create(RUN)


def test_destroyed_means_that_lambda_no_longer_knows_the_function(cloud: Cloud) -> None:
    cloud.answers("delete_function", {}, {"FunctionName": NAME})
    cloud.answers("get_function_configuration", {"State": "Active"}, {"FunctionName": NAME})
    cloud.answers("delete_function", "ResourceConflictException", {"FunctionName": NAME})
    cloud.answers("get_function_configuration", {"State": "Active"}, {"FunctionName": NAME})
    cloud.answers("delete_function", "ResourceNotFoundException", {"FunctionName": NAME})
    cloud.answers("get_function_configuration", "ResourceNotFoundException", {"FunctionName": NAME})
    cloud.runner.destroy(NAME)


def test_a_refused_deletion_is_not_a_destruction(cloud: Cloud) -> None:
    cloud.answers("delete_function", "AccessDeniedException")
    with pytest.raises(SandboxNotDestroyedError, match="AccessDeniedException"):
        cloud.runner.destroy(NAME)


def test_an_answer_becomes_the_outcome(cloud: Cloud) -> None:
    sent = json.dumps({"code": "1", "event": {"trigger": "manual"}}).encode()
    cloud.answers("invoke", {"Payload": _stream(ANSWER)}, {"FunctionName": NAME, "Payload": sent})
    outcome = cloud.runner.run(NAME, RunRequest(code="1", event={"trigger": "manual"}))
    assert outcome == RunOutcome(
        status="succeeded", exit_code=0, stdout="told\n", stderr_truncated=True, result=[1], duration_ms=3
    )


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("TooManyRequestsException", NotStarted),
        ("ResourceNotFoundException", NotStarted),
        ("ServiceException", SandboxLostError),
        ("EC2UnexpectedException", SandboxLostError),
    ],
)
def test_only_a_refused_invocation_counts_as_not_started(cloud: Cloud, code: str, error: type[Exception]) -> None:
    cloud.answers("invoke", code)
    with pytest.raises(error):
        cloud.runner.run(NAME, RunRequest(code="1", event={}))


def test_a_function_error_is_read_for_who_is_to_blame(cloud: Cloud) -> None:
    timed_out = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 20.00 seconds"}
    cloud.answers("invoke", {"FunctionError": "Unhandled", "Payload": _stream(timed_out)})
    outcome = cloud.runner.run(NAME, RunRequest(code="1", event={}))
    assert outcome == RunOutcome(status="timed_out", reason="Task timed out after 20.00 seconds")


@pytest.mark.parametrize(
    ("kind", "message", "status"),
    [
        ("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: signal: killed", "out_of_memory"),
        ("Runtime.OutOfMemory", "out of memory", "out_of_memory"),
        ("Runtime.ExitError", "RequestId: 1 Error: Runtime exited with error: exit status 3", "failed"),
    ],
)
def test_what_only_a_script_can_do_to_the_runtime_is_the_scripts_failure(kind: str, message: str, status: str) -> None:
    body = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    assert failure_of(body) == RunOutcome(status=status, reason=message)


def test_a_broken_function_never_started_a_script() -> None:
    with pytest.raises(NotStarted):
        failure_of(b'{"errorType": "Runtime.ImportModuleError", "errorMessage": "No module named x"}')
    with pytest.raises(SandboxLostError):
        failure_of(b'{"errorType": "ValueError", "errorMessage": "no code"}')


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"status": NaN}',
        b"[" * 100000,
        json.dumps({**ANSWER, "status": "cancelled"}).encode(),
        json.dumps({**ANSWER, "stdout": None}).encode(),
        json.dumps({**ANSWER, "exit_code": 2**31}).encode(),
        json.dumps({**ANSWER, "exit_code": True}).encode(),
        json.dumps({**ANSWER, "truncated": None}).encode(),
    ],
)
def test_an_answer_outside_the_contract_is_a_lost_sandbox(body: bytes) -> None:
    with pytest.raises(SandboxLostError):
        outcome_of(body)


def test_the_client_that_invokes_tries_once_and_waits_longer_than_a_sandbox_may_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config: Any = LambdaClients.make().invoke.meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert config.read_timeout == 120


def _stream(document: dict[str, Any]) -> StreamingBody:
    body = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(body), len(body))
