"""The adapter that leaves it to Lambda's tenant isolation to keep runs apart, against botocore's stubbed Lambda."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from service.runs.runners.invocation import LambdaClients
from service.runs.runners.tenant import TenantFunction
from service.runs.sandbox import RunRequest, SandboxLostError, SandboxNotStartedError
from tests.support.sandbox_answers import ANSWER, OUTCOME

RUN = UUID("01890000-0000-7000-8000-000000000001")
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
REQUEST = RunRequest(code="1", event={"trigger": "manual"})


@pytest.fixture
def stubs() -> Iterator[tuple[Stubber, TenantFunction]]:
    """The invoking client, scripted; the other one refuses every call."""
    clients = LambdaClients(
        *(
            boto3.client("lambda", region_name="eu-central-1", aws_access_key_id="x", aws_secret_access_key="x")
            for _ in range(2)
        )
    )
    with Stubber(clients.control), Stubber(clients.invoke) as invoke:
        yield invoke, TenantFunction("plinth-dev-sandbox", clients)
        invoke.assert_no_pending_responses()


def test_a_run_is_one_invocation_with_its_id_as_the_tenant(stubs: tuple[Stubber, TenantFunction]) -> None:
    invoke, runner = stubs
    body = json.dumps(ANSWER).encode()
    sent: dict[str, Any] = {
        "FunctionName": "plinth-dev-sandbox",
        "Payload": json.dumps({"code": "1", "event": {"trigger": "manual"}}).encode(),
        "TenantId": str(RUN),
    }
    invoke.add_response("invoke", {"Payload": StreamingBody(io.BytesIO(body), len(body))}, sent)
    sandbox = runner.create(RUN, expires_at=NOW)
    assert runner.run(sandbox, REQUEST) == OUTCOME


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("TooManyRequestsException", SandboxNotStartedError),
        ("InvalidParameterValueException", SandboxNotStartedError),
        ("ServiceException", SandboxLostError),
    ],
)
def test_only_a_refused_invocation_counts_as_not_started(
    stubs: tuple[Stubber, TenantFunction], code: str, error: type[Exception]
) -> None:
    invoke, runner = stubs
    invoke.add_client_error("invoke", code, code)
    with pytest.raises(error, match=code):
        runner.run(str(RUN), REQUEST)


def test_nobody_confirms_the_end_of_an_environment_and_none_is_listed(stubs: tuple[Stubber, TenantFunction]) -> None:
    _invoke, runner = stubs
    assert runner.destroy(str(RUN)) is False
    assert list(runner.expired(NOW)) == []
