"""A Lambda function for each run: cloned from a template, invoked once, deleted."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, cast
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from service.runs.runners.invocation import FunctionNotReadyError, LambdaClients, invoke
from service.runs.runners.waiting import attempts
from service.runs.sandbox import RunOutcome, RunRequest, SandboxNotDestroyedError, SandboxNotStartedError

LONGEST_LIFE: Final = timedelta(minutes=15)
"""After this a clone that does not say when it expires is an orphan: no invocation of Lambda lasts longer."""

RUN_ID_TAG: Final = "plinth:run-id"
EXPIRY_TAG: Final = "plinth:expires-at"

_START_SECONDS: Final = 60.0
_DESTROY_SECONDS: Final = 30.0

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


class EphemeralFunction:
    """A SandboxRunner that clones the template function for each run.

    What runs is the template's layer; the clone's own archive is a placeholder. A clone has no environment
    variables and no tags of the template's, only the run's id and when it expires.

    State and configuration are read by GetFunction alone, which an account may call 100 times a second. All other
    control calls share 15 a second; a run needs two of those, CreateFunction and DeleteFunction.
    """

    def __init__(self, template: str, clients: LambdaClients) -> None:
        self._template = template
        self._clients = clients

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:
        """Make the clone. Lambda may still be preparing it when this returns."""
        name = f"{self._template}-run-{run_id.hex}"
        control = self._clients.control
        try:
            template = control.get_function(FunctionName=self._template)["Configuration"]
            settings = _clone_of(cast("Mapping[str, Any]", template), name, run_id, expires_at)
            try:
                control.create_function(**settings)
            except control.exceptions.ResourceConflictException:
                # A worker that was lost left it behind, or botocore asked twice because no answer came.
                self.destroy(name)
                control.create_function(**settings)
        except (ClientError, BotoCoreError, SandboxNotDestroyedError) as error:
            reason = f"cloning {self._template} failed: {error}"
            if _may_have_worked(error):
                reason += self._removed(name)
            raise SandboxNotStartedError(reason) from error
        return name

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """Invoke the clone once. Until it is ready Lambda refuses, and nothing runs."""
        refusal: Exception | None = None
        for _ in attempts(_START_SECONDS):
            if refusal is None or self._is_prepared(sandbox):
                try:
                    return invoke(self._clients.invoke, sandbox, request)
                except FunctionNotReadyError as error:
                    refusal = error
        raise SandboxNotStartedError(f"{sandbox} was not ready within {_START_SECONDS:g} s: {refusal}")

    def destroy(self, sandbox: str) -> bool:
        """Delete the clone until Lambda no longer knows it."""
        try:
            for _ in attempts(_DESTROY_SECONDS):
                if self._is_deleted(sandbox):
                    return True
        except (ClientError, BotoCoreError) as error:
            raise SandboxNotDestroyedError(f"deleting {sandbox} failed: {error}") from error
        raise SandboxNotDestroyedError(f"{sandbox} still exists {_DESTROY_SECONDS:g} s after its deletion")

    def expired(self, now: datetime) -> Iterator[str]:
        """The clones whose tag says that their time is over, and those that are old and do not say."""
        try:
            # First all names, since the functions that the caller deletes would shift the pages.
            pages = self._clients.control.get_paginator("list_functions").paginate()
            functions = [function for page in pages for function in page["Functions"]]
            for function in functions:
                name = function.get("FunctionName", "")
                if name.startswith(f"{self._template}-run-") and self._is_expired(name, now):
                    yield name
        except (ClientError, BotoCoreError) as error:
            raise SandboxNotDestroyedError(f"listing the sandboxes failed: {error}") from error

    def _is_prepared(self, name: str) -> bool:
        try:
            state = self._clients.control.get_function(FunctionName=name)["Configuration"]
        except (ClientError, BotoCoreError) as error:
            raise SandboxNotStartedError(f"nobody knows whether {name} is ready: {error}") from error
        if state.get("State") == "Failed":
            raise SandboxNotStartedError(f"{name} could not be made: {state.get('StateReason')}")
        return state.get("State") != "Pending"

    def _is_deleted(self, name: str) -> bool:
        """Delete the function, if it is there; whether Lambda says that it is not."""
        control = self._clients.control
        try:
            control.delete_function(FunctionName=name)
        except control.exceptions.ResourceNotFoundException:
            return True
        except control.exceptions.ResourceConflictException:
            # It is still being created or already being deleted.
            return False
        except ClientError as error:
            # One may delete what has a clone's tags, and a function that is gone has none: then this is refused, too.
            if error.response.get("Error", {}).get("Code") != "AccessDeniedException" or self._is_known(name):
                raise
            return True
        return not self._is_known(name)

    def _is_known(self, name: str) -> bool:
        try:
            self._clients.control.get_function(FunctionName=name)
        except self._clients.control.exceptions.ResourceNotFoundException:
            return False
        return True

    def _removed(self, name: str) -> str:
        """Remove a clone of which nobody knows whether it was made; what to add to the reason."""
        try:
            self.destroy(name)
        except SandboxNotDestroyedError as error:
            return f"; {error}"
        return ""

    def _is_expired(self, name: str, now: datetime) -> bool:
        control = self._clients.control
        try:
            # It tells the tags to whoever may list them.
            found = control.get_function(FunctionName=name)
        except control.exceptions.ResourceNotFoundException:
            return False
        expires_at = _time(found.get("Tags", {}).get(EXPIRY_TAG))
        if expires_at is None:
            modified_at = _time(found["Configuration"].get("LastModified"))
            expires_at = None if modified_at is None else modified_at + LONGEST_LIFE
        return expires_at is None or expires_at <= now


def _clone_of(template: Mapping[str, Any], name: str, run_id: UUID, expires_at: datetime) -> Any:
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
    expiry = expires_at.astimezone(UTC).isoformat(timespec="seconds")
    settings["Tags"] = {RUN_ID_TAG: str(run_id), EXPIRY_TAG: expiry}
    return settings


@lru_cache
def _placeholder() -> bytes:
    """An archive of one fixed file: Lambda wants one, and the code comes from the layer."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr(zipfile.ZipInfo("README"), "The code of this function is in its layer.\n")
    return archive.getvalue()


def _may_have_worked(error: Exception) -> bool:
    """Whether AWS may have done what it did not confirm."""
    if isinstance(error, ClientError):
        return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500
    return isinstance(error, BotoCoreError)


def _time(text: str | None) -> datetime | None:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if time.tzinfo is None else time
