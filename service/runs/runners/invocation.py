"""One invocation of a Lambda function that runs a script: never repeated, its failures told apart."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProxyConnectionError,
)

from service.core import aws
from service.runs.runners.answers import MOST_BYTES, failure_of, outcome_of
from service.runs.sandbox import RunOutcome, RunRequest, SandboxLostError, SandboxNotStartedError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_NOT_READY: Final = ("ResourceConflictException", "ResourceNotReadyException", "ENINotReadyException")
"""Errors by which Lambda refuses to invoke a function that it is still making."""

_REFUSED: Final = (
    "TooManyRequestsException",
    "ResourceNotFoundException",
    "AccessDeniedException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "RequestTooLargeException",
    "EC2ThrottledException",
    "SubnetIPAddressLimitReachedException",
    "ENILimitReachedException",
)
"""Errors by which Lambda refuses an invocation before any code of the function runs."""

_NOTHING_SENT: Final = (ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ProxyConnectionError)


class FunctionNotReadyError(SandboxNotStartedError):
    """The function is still being made. It may be ready in a moment."""


@dataclass(frozen=True)
class LambdaClients:
    """Two clients, because only one of them may repeat a call."""

    control: "LambdaClient"
    invoke: "LambdaClient"

    @staticmethod
    def make() -> "LambdaClients":
        """Clients with bounded waits; the one that invokes never does so twice, so that no script runs twice."""
        return LambdaClients(
            # All control calls of an account share 15 a second: botocore spreads its attempts over half a minute.
            control=aws.client("lambda", read_timeout=15, attempts=6),
            # Longer than a sandbox may run: a worker that stops listening loses an outcome.
            invoke=aws.client("lambda", read_timeout=120, attempts=1),
        )


def invoke(client: "LambdaClient", function: str, request: RunRequest, *, tenant: str | None = None) -> RunOutcome:
    """Run the script in the function. Raises SandboxLostError wherever the script may have begun.

    Raises SandboxNotStartedError where it has not, and FunctionNotReadyError where it will soon be worth another try.
    """
    payload = json.dumps({"code": request.code, "event": request.event}).encode()
    try:
        if tenant is None:
            answer = client.invoke(FunctionName=function, Payload=payload)
        else:
            answer = client.invoke(FunctionName=function, Payload=payload, TenantId=tenant)
        body = answer["Payload"].read(MOST_BYTES + 1)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        if code in _NOT_READY:
            raise FunctionNotReadyError(str(error)) from error
        if code in _REFUSED:
            raise SandboxNotStartedError(str(error)) from error
        raise SandboxLostError(str(error)) from error
    except _NOTHING_SENT as error:
        raise SandboxNotStartedError(str(error)) from error
    except BotoCoreError as error:
        raise SandboxLostError(str(error)) from error
    return failure_of(body) if "FunctionError" in answer else outcome_of(body)
