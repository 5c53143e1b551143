"""The terms of a run: what it may use, and how it ended.

Tuples with names here and beside this, not dataclasses: each of those takes longer to make than most modules to load.
"""

from typing import Any, Literal, NamedTuple

Status = Literal["succeeded", "failed", "timed_out", "output_limit", "out_of_memory"]

MEBIBYTE = 1 << 20


class Limits(NamedTuple):
    """What one run may use. A process, not the run as a whole, is what CPU, memory and file limits bind."""

    wall_seconds: float = 10.0
    """From the start of the interpreter to its end, by a monotonic clock; then everything is killed."""

    cpu_seconds: int = 5
    """RLIMIT_CPU: SIGXCPU at this many seconds of processor time, SIGKILL a second later."""

    memory_mb: int = 256
    """RLIMIT_AS in MiB of address space. A bare interpreter takes about 30; each thread maps its stack on top."""

    output_bytes: int = 65_536
    """Kept of stdout and of stderr each. The first byte beyond ends the run."""

    result_bytes: int = 32_768
    """The largest `result`, as UTF-8 JSON. A larger one is dropped and marked as truncated."""

    result_depth: int = 64
    """How deep lists and objects may nest in `result`. A deeper one is dropped and marked as truncated."""

    processes: int = 16
    """RLIMIT_NPROC: processes and threads at once; where the uid is shared, on top of those it already has."""

    open_files: int = 64
    """RLIMIT_NOFILE."""

    file_bytes: int = MEBIBYTE
    """RLIMIT_FSIZE: the largest file that can be written."""

    stack_bytes: int = 8 * MEBIBYTE
    """RLIMIT_STACK: Linux's usual default, fixed because thread stacks are sized by it."""


USUAL = Limits()


class Truncated(NamedTuple):
    """What was cut short or dropped."""

    stdout: bool = False
    stderr: bool = False
    result: bool = False


class Protections(NamedTuple):
    """Which of the runner's protections were in force. None is relied on alone."""

    own_user: bool
    """Each run has a uid of its own: it can neither signal nor inspect the runner, and process limits bind it alone."""

    copied_interpreter: bool
    """The script runs a copy of this Python, because the original lies where its uid cannot go."""

    closed_to_inspection: bool
    """PR_SET_DUMPABLE is off, so that the script cannot read the runner's environment or memory."""

    orphans_found: bool
    """Daemons that left the session are found: by uid, or by an inherited mark and a subreaper."""

    exit_notice: bool
    """pidfd_open works; else the end of a script is noticed by polling."""

    seccomp: bool
    """A filter of system calls holds: no sockets, no way into other processes, nothing that outlives its process."""

    landlock: int
    """The version of Landlock's rules in force, 0 for none: files from 2 on, TCP from 4 on, signals from 6 on."""


class Outcome(NamedTuple):
    """How a run ended and what it left."""

    status: Status
    exit_code: int | None
    """None where a signal ended the script."""

    signal: int | None
    reason: str | None
    """Why it did not succeed, in a few words for the script's owner; None exactly where it did."""

    stdout: str
    stderr: str
    result: Any
    duration_ms: int
    truncated: Truncated
    protections: Protections

    def document(self) -> dict[str, Any]:
        """The answer as JSON has it: objects by name, where a tuple would become a list."""
        return {
            **self._asdict(),
            "truncated": self.truncated._asdict(),
            "protections": self.protections._asdict(),
        }
