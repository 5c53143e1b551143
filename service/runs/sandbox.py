"""The port to sandboxes: what the worker and the reaper need of any of them, and how they fail.

A run is three steps rather than one call, so that the worker can commit where the sandbox is before the script in it
may begin: whoever finds the run after a crash then knows what to destroy and what not to start again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
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
    """Why the script ended otherwise than by succeeding, in a sentence for its owner."""

    protections: Mapping[str, Any] | None = None
    """What hardened the runner's process where it ran, as `sandbox_lambda.runner.Protections` names it. For logs."""


class SandboxNotStartedError(Exception):
    """The sandbox could not be made or reached, and the script has certainly not begun: trying again is safe."""


class SandboxLostError(Exception):
    """The sandbox failed after the script may have begun: it must not be started again."""


class SandboxNotDestroyedError(Exception):
    """The sandbox may still exist."""


class SandboxRunner(Protocol):
    """Makes a sandbox for one run, runs one script in it, and destroys it."""

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:
        """A fresh sandbox, by the name that the other methods take. After `expires_at` nobody uses it any more.

        Raises SandboxNotStartedError, leaving nothing behind that it can remove.
        """
        ...

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """Run the script to its end. Raises SandboxNotStartedError or SandboxLostError, each as its name says."""
        ...

    def destroy(self, sandbox: str) -> bool:
        """Destroy the sandbox, also one that never was or is gone; whether the platform confirms that it is gone.

        False means that there is nothing to destroy: the platform ends such a sandbox in its own time, and gives it to
        nobody else. Raises SandboxNotDestroyedError where it may still exist, after some attempts.
        """
        ...

    def expired(self, now: datetime) -> Iterator[str]:
        """The sandboxes of this stack that exist although their time is over: what lost workers left behind.

        Raises SandboxNotDestroyedError where they cannot be listed.
        """
        ...
