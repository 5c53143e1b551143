"""A Lambda function for each run: cloned from a template, invoked once, deleted."""

import io
import json
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from service.core import aws
from service.runs.sandbox import (
    RunOutcome,
    RunRequest,
    SandboxLostError,
    SandboxNotDestroyedError,
    SandboxNotStartedError,
)

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationResponseTypeDef

CLONE_LIFETIME: Final = timedelta(minutes=15)
"""After this a clone is an orphan: no invocation of Lambda lasts longer."""

_COPIED: Final = (
    "Runtime",
    "Role",
    "Handler",
    "Timeout",
    "MemorySize",
    "EphemeralStorage",
    "Architectures",
    "LoggingConfig",
)
_ANSWERED: Final = ("succeeded", "failed", "timed_out", "output_limit", "out_of_memory")
_NEVER_STARTED: Final = (
    "TooManyRequestsException",
    "ResourceNotFoundException",
    "ResourceConflictException",
    "ResourceNotReadyException",
    "AccessDeniedException",
    "InvalidRequestContentException",
    "RequestTooLargeException",
    "SubnetIPAddressLimitReachedException",
    "ENILimitReachedException",
)
"""Errors by which Lambda refuses an invocation before any code of the function runs."""

_BROKEN_FUNCTION: Final = ("Runtime.ImportModuleError", "Runtime.HandlerNotFound", "Runtime.UserCodeSyntaxError")
"""What Lambda says of a function whose handler cannot be loaded."""


@dataclass(frozen=True)
class LambdaClients:
    """Two clients, because only one of them may repeat a call."""

    control: "LambdaClient"
    invoke: "LambdaClient"

    @staticmethod
    def make() -> "LambdaClients":
        """Clients with bounded waits; the one that invokes never does so twice, so that no script runs twice."""
        return LambdaClients(
            control=aws.client("lambda", read_timeout=15, attempts=4),
            # Longer than a sandbox may run: a worker that stops listening loses an outcome.
            invoke=aws.client("lambda", read_timeout=120, attempts=1),
        )


class EphemeralFunction:
    """A SandboxRunner that clones the template function for each run.

    What runs is the template's layer; the clone's own archive is a placeholder. A clone has no environment
    variables and no tags of the template's, only the run's id and when it expires.
    """

    def __init__(self, template: str, clients: LambdaClients, *, poll_seconds: float = 0.2) -> None:
        self._template = template
        self._clients = clients
        self._poll_seconds = poll_seconds

    def create(self, run_id: UUID) -> str:
        name = f"{self._template}-run-{run_id.hex}"
        try:
            template = self._clients.control.get_function_configuration(FunctionName=self._template)
            settings = _clone_of(template, name, run_id)
            try:
                created = self._clients.control.create_function(**settings)
            except self._clients.control.exceptions.ResourceConflictException:
                # A worker that was lost left it behind.
                self.destroy(name)
                created = self._clients.control.create_function(**settings)
        except (ClientError, BotoCoreError, SandboxNotDestroyedError) as error:
            raise SandboxNotStartedError(f"cloning {self._template} failed: {error}") from error
        if created.get("State") != "Active":
            self._wait_until_active(name)
        return name

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        payload = json.dumps({"code": request.code, "event": request.event})
        try:
            answer = self._clients.invoke.invoke(FunctionName=sandbox, Payload=payload.encode())
            body = answer["Payload"].read()
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _NEVER_STARTED:
                raise SandboxNotStartedError(str(error)) from error
            raise SandboxLostError(str(error)) from error
        except BotoCoreError as error:
            raise SandboxLostError(str(error)) from error
        return failure_of(body) if "FunctionError" in answer else outcome_of(body)

    def destroy(self, sandbox: str) -> None:
        control = self._clients.control
        deadline = time.monotonic() + 30
        try:
            while not self._is_gone(lambda: control.delete_function(FunctionName=sandbox)):
                if self._is_gone(lambda: control.get_function_configuration(FunctionName=sandbox)):
                    return
                if time.monotonic() > deadline:
                    raise SandboxNotDestroyedError(f"{sandbox} still exists 30 seconds after its deletion")
                time.sleep(self._poll_seconds)
            if not self._is_gone(lambda: control.get_function_configuration(FunctionName=sandbox)):
                raise SandboxNotDestroyedError(f"{sandbox} cannot be deleted and yet exists")
        except (ClientError, BotoCoreError) as error:
            raise SandboxNotDestroyedError(f"deleting {sandbox} failed: {error}") from error

    def _wait_until_active(self, name: str) -> None:
        waiter = self._clients.control.get_waiter("function_active")
        try:
            waiter.wait(FunctionName=name, WaiterConfig=cast("Any", {"Delay": self._poll_seconds, "MaxAttempts": 150}))
        except (WaiterError, ClientError, BotoCoreError) as error:
            reason = f"{name} did not become active: {error}"
            try:
                self.destroy(name)
            except SandboxNotDestroyedError as left:
                reason = f"{reason}; {left}"
            raise SandboxNotStartedError(reason) from error

    def _is_gone(self, call: Callable[[], object]) -> bool:
        """Whether Lambda answers the call by saying that there is no such function."""
        try:
            call()
        except self._clients.control.exceptions.ResourceNotFoundException:
            return True
        except self._clients.control.exceptions.ResourceConflictException:
            # It is still being created or already being deleted.
            return False
        return False


def outcome_of(body: bytes) -> RunOutcome:
    """What the sandbox's handler answered. Raises SandboxLostError for anything but its contract."""
    answer = _parsed(body)
    truncated = answer.get("truncated")
    if answer.get("status") not in _ANSWERED or not isinstance(truncated, dict):
        _malformed(body)
    return RunOutcome(
        status=answer["status"],
        exit_code=_integer(answer, "exit_code", body),
        signal=_integer(answer, "signal", body),
        stdout=_text(answer, "stdout", body),
        stderr=_text(answer, "stderr", body),
        stdout_truncated=bool(cast("Any", truncated).get("stdout")),
        stderr_truncated=bool(cast("Any", truncated).get("stderr")),
        result_truncated=bool(cast("Any", truncated).get("result")),
        result=answer.get("result"),
        duration_ms=_integer(answer, "duration_ms", body),
    )


def failure_of(body: bytes) -> RunOutcome:
    """What Lambda said in place of an answer, where the script is to blame for it.

    Raises SandboxNotStartedError where the function is broken, SandboxLostError where nothing tells.
    """
    failure = _parsed(body)
    kind, message = str(failure.get("errorType")), str(failure.get("errorMessage"))
    if "Task timed out" in message:
        return RunOutcome(status="timed_out", reason=message)
    if "signal: killed" in message or kind == "Runtime.OutOfMemory":
        return RunOutcome(status="out_of_memory", reason=message)
    if kind in _BROKEN_FUNCTION:
        raise SandboxNotStartedError(f"{kind}: {message}")
    if "Runtime exited" in message:
        # Nothing but the script runs there that could end the runtime.
        return RunOutcome(status="failed", reason=message)
    raise SandboxLostError(f"{kind}: {message}")


def _clone_of(template: "FunctionConfigurationResponseTypeDef", name: str, run_id: UUID) -> Any:
    settings: dict[str, Any] = {key: template[key] for key in _COPIED if key in template}
    settings["FunctionName"] = name
    settings["Code"] = {"ZipFile": _placeholder()}
    settings["Layers"] = [layer["Arn"] for layer in template.get("Layers", []) if "Arn" in layer]
    network = template.get("VpcConfig", {})
    if network.get("SubnetIds"):
        settings["VpcConfig"] = {
            "SubnetIds": network.get("SubnetIds"),
            "SecurityGroupIds": network.get("SecurityGroupIds", []),
        }
    expires = (datetime.now(UTC) + CLONE_LIFETIME).isoformat(timespec="seconds")
    settings["Tags"] = {"plinth:run-id": str(run_id), "plinth:expires-at": expires}
    return settings


@lru_cache
def _placeholder() -> bytes:
    """An archive of one fixed file: Lambda wants one, and the code comes from the layer."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr(zipfile.ZipInfo("README"), "The code of this function is in its layer.\n")
    return archive.getvalue()


def _parsed(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        _malformed(body)
    return cast("Mapping[str, Any]", answer) if isinstance(answer, dict) else _malformed(body)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _integer(answer: Mapping[str, Any], key: str, body: bytes) -> int | None:
    value = answer.get(key)
    # The columns are 32 bits wide.
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31):
        return value
    return _malformed(body)


def _text(answer: Mapping[str, Any], key: str, body: bytes) -> str:
    value = answer.get(key)
    return value if isinstance(value, str) else _malformed(body)


def _malformed(body: bytes) -> NoReturn:
    raise SandboxLostError(f"the sandbox's answer is not of its contract: {body[:200]!r}")
