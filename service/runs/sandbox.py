"""The port to sandboxes: what the worker needs of any of them, and how they fail."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """A script and the event it is given."""

    code: str
    event: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunOutcome:
    """How a script ended. Texts come from the script: nothing in them is to be believed."""

    status: str
    """`succeeded`, `failed`, `timed_out`, `output_limit` or `out_of_memory`."""

    exit_code: int | None = None
    signal: int | None = None
    stdout: str = ""
    stderr: str = ""
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    result_truncated: bool = False
    result: Any = None
    duration_ms: int | None = None
    reason: str | None = None


class SandboxNotStartedError(Exception):
    """The sandbox could not be made or reached, and the script has certainly not begun: trying again is safe."""


class SandboxLostError(Exception):
    """The sandbox failed after the script may have begun: it must not be started again."""


class SandboxNotDestroyedError(Exception):
    """The sandbox may still exist."""


class SandboxRunner(Protocol):
    """Makes a sandbox for one run, runs one script in it, and destroys it."""

    def create(self, run_id: UUID) -> str:
        """A fresh sandbox, ready to run, by the name that the other methods take.

        Raises SandboxNotStartedError, leaving nothing behind that it can remove.
        """
        ...

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """Run the script to its end. Raises SandboxNotStartedError or SandboxLostError, each as its name says."""
        ...

    def destroy(self, sandbox: str) -> None:
        """Return once the sandbox is confirmed to be gone, also where it never was. Raises SandboxNotDestroyedError."""
        ...
