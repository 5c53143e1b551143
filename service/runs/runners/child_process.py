"""A process on this machine for each run: for tests and for a developer's own machine, never for a deployed stack.

The sandbox's hardening is all that protects the machine here. There is no boundary around it.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Final
from uuid import UUID

from service.runs.runners.answers import MOST_BYTES, outcome_of
from service.runs.sandbox import (
    RunOutcome,
    RunRequest,
    SandboxLostError,
    SandboxNotDestroyedError,
    SandboxNotStartedError,
)

COMMAND: Final = (sys.executable, "-I", "-m", "sandbox_lambda")
"""Reads a request on its standard input and prints the answer; -I keeps out what this machine's environment sets."""

_RUN_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0
_INHERITED: Final = ("LD_LIBRARY_PATH", "PATH")


class ChildProcess:
    """A SandboxRunner that starts the sandbox's own program, in a session and with an environment of its own."""

    def __init__(self, command: tuple[str, ...] = COMMAND) -> None:
        self._command = command
        self._made: set[str] = set()
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:  # noqa: ARG002
        """A name: the process starts with the script."""
        name = f"process-{run_id.hex}"
        self._made.add(name)
        return name

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """Start the process and wait for its end, which comes whatever happens."""
        with tempfile.TemporaryFile() as told, tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as errors:
            told.write(json.dumps({"code": request.code, "event": request.event}).encode())
            told.seek(0)
            process = self._start(told, answer, errors)
            self._running[sandbox] = process
            try:
                exit_code = process.wait(_RUN_SECONDS)
            except subprocess.TimeoutExpired:
                raise SandboxLostError(f"{sandbox} gave no answer within {_RUN_SECONDS:g} s") from None
            finally:
                if _is_gone(process):
                    del self._running[sandbox]
            if exit_code != 0:
                raise SandboxLostError(f"{sandbox} ended with exit code {exit_code}: {_beginning_of(errors, 500)!r}")
            return outcome_of(_beginning_of(answer, MOST_BYTES + 1))

    def destroy(self, sandbox: str) -> bool:
        """Whether the process has ended with its whole group; False for one that another process of ours started."""
        process = self._running.get(sandbox)
        if process is not None:
            if not _is_gone(process):
                raise SandboxNotDestroyedError(f"{sandbox} still exists {_END_SECONDS:g} s after it was killed")
            del self._running[sandbox]
        known = sandbox in self._made
        self._made.discard(sandbox)
        return known

    def expired(self, now: datetime) -> Iterator[str]:  # noqa: ARG002
        """None: a process ends with its script, and a script has seconds."""
        return iter(())

    def _start(self, told: IO[bytes], answer: IO[bytes], errors: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self._command,
                stdin=told,
                stdout=answer,
                stderr=errors,
                cwd="/",
                env={name: os.environ[name] for name in _INHERITED if name in os.environ},
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxNotStartedError(f"no process could be started: {error}") from error


def _is_gone(process: subprocess.Popen[bytes]) -> bool:
    """Kill the process and its group; whether both are gone in time."""
    deadline = time.monotonic() + _END_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (PermissionError, ProcessLookupError):  # macOS, where the group holds only what has ended.
            if process.poll() is not None:
                return True
        process.poll()
        time.sleep(0.005)
    return False


def _beginning_of(file: IO[bytes], size: int) -> bytes:
    file.seek(0)
    return file.read(size)
