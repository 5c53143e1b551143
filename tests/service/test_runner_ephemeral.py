"""The adapter that makes a Lambda function for each run, against botocore's stubbed Lambda."""

import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from botocore.response import StreamingBody
from botocore.stub import ANY, Stubber

from service.runs.runners import ephemeral
from service.runs.runners.ephemeral import EphemeralFunction
from service.runs.runners.invocation import LambdaClients
from service.runs.sandbox import RunOutcome, RunRequest, SandboxLostError, SandboxNotDestroyedError
from service.runs.sandbox import SandboxNotStartedError as NotStarted
from tests.support.sandbox_answers import ANSWER, OUTCOME

RUN = UUID("01890000-0000-7000-8000-000000000001")
NAME = "plinth-dev-sandbox-run-01890000000070008000000000000001"
EXPIRES_AT = datetime(2026, 7, 1, 14, 10, 7, 999, tzinfo=timezone(timedelta(hours=2)))
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
REQUEST = RunRequest(code="1", event={"trigger": "manual"})
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
    "Tags": {"plinth:run-id": str(RUN), "plinth:expires-at": "2026-07-01T12:10:07+00:00"},
}


class Cloud:
    """A sandbox runner with a scripted Lambda behind it."""

    def __init__(self) -> None:
        control, invoke = (
            boto3.client("lambda", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
            for _ in range(2)
        )
        self.control, self.invoke = Stubber(control), Stubber(invoke)
        self.runner = EphemeralFunction("plinth-dev-sandbox", LambdaClients(control, invoke))

    def create(self) -> str:
        return self.runner.create(RUN, expires_at=EXPIRES_AT)

    def answers(
        self,
        operation: str,
        answer: dict[str, Any] | str,
        expected: dict[str, Any] | None = None,
        *,
        status: int = 400,
    ) -> None:
        stub = self.invoke if operation == "invoke" else self.control
        if isinstance(answer, str):
            stub.add_client_error(operation, answer, answer, http_status_code=status, expected_params=expected)
        else:
            stub.add_response(operation, answer, expected)

    def tells_of(self, name: str, **configuration: Any) -> None:
        self.answers("get_function", {"Configuration": configuration}, {"FunctionName": name})


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    cloud = Cloud()
    with cloud.control, cloud.invoke:
        yield cloud
        cloud.control.assert_no_pending_responses()
        cloud.invoke.assert_no_pending_responses()


def test_a_clone_has_the_templates_settings_and_nothing_else_of_it(cloud: Cloud) -> None:
    cloud.tells_of("plinth-dev-sandbox", **TEMPLATE)
    cloud.answers("create_function", {"State": "Pending"}, CLONE)
    assert cloud.create() == NAME


def test_a_template_without_a_vpc_makes_a_clone_without_one(cloud: Cloud) -> None:
    cloud.tells_of("plinth-dev-sandbox", **{**TEMPLATE, "VpcConfig": {"SubnetIds": [], "VpcId": ""}})
    cloud.answers("create_function", {}, {key: value for key, value in CLONE.items() if key != "VpcConfig"})
    assert cloud.create() == NAME


def test_a_clone_left_by_a_lost_worker_is_replaced(cloud: Cloud) -> None:
    cloud.tells_of("plinth-dev-sandbox", **TEMPLATE)
    cloud.answers("create_function", "ResourceConflictException", CLONE)
    cloud.answers("delete_function", {}, {"FunctionName": NAME})
    cloud.answers("get_function", "ResourceNotFoundException", {"FunctionName": NAME})
    cloud.answers("create_function", {"State": "Pending"}, CLONE)
    assert cloud.create() == NAME


def test_a_refused_clone_says_why(cloud: Cloud) -> None:
    cloud.answers("get_function", "AccessDeniedException")
    with pytest.raises(NotStarted, match=r"cloning plinth-dev-sandbox failed: .*AccessDeniedException"):
        cloud.create()


def test_a_refused_creation_leaves_nothing_to_remove(cloud: Cloud) -> None:
    cloud.tells_of("plinth-dev-sandbox", **TEMPLATE)
    cloud.answers("create_function", "TooManyRequestsException", status=429)
    with pytest.raises(NotStarted, match=r"TooManyRequestsException$"):
        cloud.create()


def test_a_creation_of_which_nobody_knows_whether_it_worked_is_undone(cloud: Cloud) -> None:
    cloud.tells_of("plinth-dev-sandbox", **TEMPLATE)
    cloud.answers("create_function", "ServiceException", status=500)
    cloud.answers("delete_function", "AccessDeniedException", {"FunctionName": NAME})
    cloud.tells_of(NAME, State="Active")
    with pytest.raises(NotStarted, match=r"ServiceException.*; deleting .* failed: .*AccessDeniedException"):
        cloud.create()


def test_an_answer_becomes_the_outcome(cloud: Cloud) -> None:
    sent = json.dumps({"code": "1", "event": {"trigger": "manual"}}).encode()
    cloud.answers("invoke", {"Payload": _stream(ANSWER)}, {"FunctionName": NAME, "Payload": sent})
    assert cloud.runner.run(NAME, REQUEST) == OUTCOME


@pytest.mark.parametrize("refusal", ["ResourceConflictException", "ResourceNotReadyException", "ENINotReadyException"])
def test_a_clone_that_is_not_ready_is_waited_for_and_then_invoked(cloud: Cloud, refusal: str) -> None:
    cloud.answers("invoke", refusal, {"FunctionName": NAME, "Payload": ANY})
    cloud.tells_of(NAME, State="Pending")
    cloud.tells_of(NAME, State="Active")
    # Lambda's parts do not learn of it at the same moment.
    cloud.answers("invoke", refusal, {"FunctionName": NAME, "Payload": ANY})
    cloud.tells_of(NAME, State="Active")
    cloud.answers("invoke", {"Payload": _stream(ANSWER)}, {"FunctionName": NAME, "Payload": ANY})
    assert cloud.runner.run(NAME, REQUEST).status == "succeeded"


def test_a_clone_that_fails_to_start_says_why(cloud: Cloud) -> None:
    cloud.answers("invoke", "ResourceConflictException")
    cloud.tells_of(NAME, State="Failed", StateReason="no address is left in the subnet")
    with pytest.raises(NotStarted, match=f"{NAME} could not be made: no address is left in the subnet"):
        cloud.runner.run(NAME, REQUEST)


def test_a_clone_whose_state_nobody_tells_has_not_started(cloud: Cloud) -> None:
    cloud.answers("invoke", "ResourceConflictException")
    cloud.answers("get_function", "TooManyRequestsException")
    with pytest.raises(NotStarted, match="TooManyRequestsException"):
        cloud.runner.run(NAME, REQUEST)


def test_a_clone_is_not_waited_for_longer_than_a_minute(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ephemeral._START_SECONDS == 60  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(ephemeral, "_START_SECONDS", 0)
    cloud.answers("invoke", "ResourceConflictException")
    with pytest.raises(NotStarted, match=r"was not ready within 0 s: .*ResourceConflictException"):
        cloud.runner.run(NAME, REQUEST)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("TooManyRequestsException", NotStarted),
        ("ResourceNotFoundException", NotStarted),
        ("AccessDeniedException", NotStarted),
        ("EC2ThrottledException", NotStarted),
        ("ServiceException", SandboxLostError),
        ("EC2UnexpectedException", SandboxLostError),
    ],
)
def test_only_a_refused_invocation_counts_as_not_started(cloud: Cloud, code: str, error: type[Exception]) -> None:
    cloud.answers("invoke", code)
    with pytest.raises(error, match=code):
        cloud.runner.run(NAME, REQUEST)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (EndpointConnectionError(endpoint_url="https://lambda"), NotStarted),
        (ReadTimeoutError(endpoint_url="https://lambda"), SandboxLostError),
        (ConnectionClosedError(endpoint_url="https://lambda"), SandboxLostError),
    ],
)
def test_only_a_call_that_was_never_sent_counts_as_not_started(failure: Exception, error: type[Exception]) -> None:
    def fail(**_kwargs: Any) -> None:
        raise failure

    cloud = Cloud()
    cloud.invoke.client.meta.events.register("before-send.lambda.Invoke", fail)
    with pytest.raises(error, match="https://lambda"):
        cloud.runner.run(NAME, REQUEST)


def test_a_function_error_is_read_for_who_is_to_blame(cloud: Cloud) -> None:
    timed_out = {"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out after 20.00 seconds"}
    cloud.answers("invoke", {"FunctionError": "Unhandled", "Payload": _stream(timed_out)})
    assert cloud.runner.run(NAME, REQUEST) == RunOutcome(
        status="timed_out", reason="the script was still running when its time was over"
    )


def test_an_answer_without_end_is_not_read_to_its_end(cloud: Cloud) -> None:
    body = io.BytesIO(b" " * 6_000_000)
    cloud.answers("invoke", {"Payload": StreamingBody(body, 6_000_000)})
    with pytest.raises(SandboxLostError):
        cloud.runner.run(NAME, REQUEST)
    assert body.tell() == (1 << 20) + 1


def test_destroyed_means_that_lambda_no_longer_knows_the_function(cloud: Cloud) -> None:
    cloud.answers("delete_function", {}, {"FunctionName": NAME})
    cloud.tells_of(NAME, State="Active")
    cloud.answers("delete_function", "ResourceConflictException", {"FunctionName": NAME})
    cloud.answers("delete_function", {}, {"FunctionName": NAME})
    cloud.answers("get_function", "ResourceNotFoundException", {"FunctionName": NAME})
    assert cloud.runner.destroy(NAME) is True


def test_a_function_that_lambda_does_not_know_is_destroyed(cloud: Cloud) -> None:
    cloud.answers("delete_function", "ResourceNotFoundException", {"FunctionName": NAME})
    assert cloud.runner.destroy(NAME) is True


def test_a_refused_deletion_is_not_a_destruction(cloud: Cloud) -> None:
    cloud.answers("delete_function", "AccessDeniedException")
    cloud.tells_of(NAME, State="Active")
    with pytest.raises(SandboxNotDestroyedError, match="AccessDeniedException"):
        cloud.runner.destroy(NAME)


def test_a_function_that_is_gone_with_the_tags_that_allow_its_deletion_is_destroyed(cloud: Cloud) -> None:
    cloud.answers("delete_function", "AccessDeniedException", {"FunctionName": NAME})
    cloud.answers("get_function", "ResourceNotFoundException", {"FunctionName": NAME})
    assert cloud.runner.destroy(NAME) is True


def test_a_function_that_stays_is_not_destroyed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ephemeral, "_DESTROY_SECONDS", 0)
    cloud.answers("delete_function", {}, {"FunctionName": NAME})
    cloud.tells_of(NAME, State="Active")
    with pytest.raises(SandboxNotDestroyedError, match=f"{NAME} still exists 0 s after its deletion"):
        cloud.runner.destroy(NAME)


def test_the_expired_are_this_templates_clones_whose_time_is_over(cloud: Cloud) -> None:
    def found(name: str, expires_at: str | None, modified_at: str = "2026-07-01T11:59:00.000+0000") -> None:
        tags = {} if expires_at is None else {"Tags": {"plinth:expires-at": expires_at}}
        configuration = {"LastModified": modified_at}
        cloud.answers("get_function", {"Configuration": configuration, **tags}, {"FunctionName": name})

    run = "plinth-dev-sandbox-run-"
    names = ["plinth-dev-sandbox", "plinth-dev-worker", f"{run}over", f"{run}now", f"{run}running", f"{run}gone"]
    second = ["plinth-dev-sandbox2-run-over", f"{run}untagged", f"{run}garbled", f"{run}silent", f"{run}new"]
    cloud.answers("list_functions", {"Functions": [{"FunctionName": name} for name in names], "NextMarker": "2"}, {})
    cloud.answers("list_functions", {"Functions": [{"FunctionName": name} for name in second]}, {"Marker": "2"})
    found(f"{run}over", "2026-07-01T11:59:59+00:00")
    found(f"{run}now", "2026-07-01T14:00:00+02:00")
    found(f"{run}running", "2026-07-01T12:00:01+00:00")
    cloud.answers("get_function", "ResourceNotFoundException", {"FunctionName": f"{run}gone"})
    found(f"{run}untagged", None, "2026-07-01T11:45:00.000+0000")
    found(f"{run}garbled", "soon", "2026-07-01T11:45:00.000+0000")
    found(f"{run}silent", None, "")
    found(f"{run}new", "2026-07-01T11:00:00", "2026-07-01T11:45:01.000+0000")
    expected = [f"{run}over", f"{run}now", f"{run}untagged", f"{run}garbled", f"{run}silent"]
    assert list(cloud.runner.expired(NOW)) == expected


def test_a_list_that_lambda_refuses_is_no_empty_list(cloud: Cloud) -> None:
    cloud.answers("list_functions", "TooManyRequestsException")
    with pytest.raises(SandboxNotDestroyedError, match=r"listing the sandboxes failed: .*TooManyRequestsException"):
        list(cloud.runner.expired(NOW))


def test_the_client_that_invokes_tries_once_and_waits_longer_than_a_sandbox_may_run() -> None:
    config: Any = LambdaClients.make().invoke.meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 1}
    assert config.read_timeout == 120


def test_the_client_that_controls_backs_off_and_tries_again() -> None:
    config: Any = LambdaClients.make().control.meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": 6}
    assert config.read_timeout == 15


def _stream(document: Mapping[str, Any]) -> StreamingBody:
    body = json.dumps(document).encode()
    return StreamingBody(io.BytesIO(body), len(body))
