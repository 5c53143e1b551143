"""Runs one untrusted script in a fresh, stripped interpreter, and says how it ended from what the kernel reports.

Process hardening is the second line of defence. The first is around the whole environment: a virtual machine used
once, a role without rights and a network without a way out. Where the runner is not root (on Lambda), the script has
the runner's uid: it cannot read the runner's memory or environment, but it can end it, and runs at the same time would
share one budget of processes.
"""

import functools
import marshal
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from sandbox_lambda import kernel
from sandbox_lambda.containment import Containment, marks_work
from sandbox_lambda.identity import Interpreter, interpreter, own_user
from sandbox_lambda.reading import Capture, clean_text, read_result
from sandbox_lambda.workspace import workspace

kernel.forbid_inspection()

Status = Literal["succeeded", "failed", "timed_out", "output_limit", "out_of_memory"]

_OPTIONS = ("-I", "-S", "-B", "-u", "-X", "utf8")
_STARTED = b"\x01"
_MEBIBYTE = 1 << 20
_SPARE_MEMORY = 32 * _MEBIBYTE
_EXIT_SECONDS = 5.0
_POLL_SECONDS = 0.02

_OUT_OF_MEMORY_SIGNAL = signal.SIGUSR2
"""How the child ends after an uncaught MemoryError. A script can send it to itself, and so only misreport itself."""


@dataclass(frozen=True)
class Limits:
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

    file_bytes: int = _MEBIBYTE
    """RLIMIT_FSIZE: the largest file that can be written."""

    stack_bytes: int = 8 * _MEBIBYTE
    """RLIMIT_STACK: Linux's usual default, fixed because thread stacks are sized by it."""


@dataclass(frozen=True)
class Truncated:
    """What was cut short or dropped."""

    stdout: bool = False
    stderr: bool = False
    result: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a run ended and what it left."""

    status: Status
    exit_code: int | None
    """None where a signal ended the script."""

    signal: int | None
    stdout: str
    stderr: str
    result: Any
    duration_ms: int
    truncated: Truncated = field(default_factory=Truncated)


@dataclass(frozen=True)
class Protections:
    """Which of the runner's protections this platform gives. None is relied on alone."""

    own_user: bool
    """Each run has a uid of its own: it can neither signal nor inspect the runner, and process limits bind it alone."""

    copied_interpreter: bool
    closed_to_inspection: bool
    """PR_SET_DUMPABLE is off, so that the script cannot read the runner's environment or memory."""

    orphans_found: bool
    """Daemons that left the session are found: by uid, or by an inherited mark and a subreaper."""

    exit_notice: bool
    """pidfd_open works; else the end of a script is noticed by polling."""


def run(code: str, event: dict[str, Any], limits: Limits = Limits()) -> Outcome:
    """Run `code` as `__main__` with one global, `event` (JSON values); nothing that it started is left afterwards.

    Raises ValueError for an event that is no plain data, and RuntimeError or OSError where the sandbox itself failed:
    the script is then not to blame. Safe to call from several threads at once.
    """
    with own_user() as user, Containment(user) as containment, workspace(user, containment) as folder:
        payload = _payload(code, event, limits, user, containment.mark)
        with _Child(payload, folder, user, limits) as child:
            child.watch()
            return child.finish(containment)


@functools.cache
def probe() -> Protections:
    """What holds on this machine, for logs and for the curious."""
    with own_user() as user:
        return Protections(
            own_user=user is not None,
            copied_interpreter=interpreter().copied,
            closed_to_inspection=kernel.forbid_inspection(),
            orphans_found=user is not None or marks_work(),
            exit_notice=_exit_notice(os.getpid()) is not None,
        )


def _payload(code: str, event: dict[str, Any], limits: Limits, user: int | None, mark: int | None) -> bytes:
    memory = limits.memory_mb * _MEBIBYTE
    processes = limits.processes + (0 if user is not None else _tasks(os.getuid()))
    rlimits = [
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1),
        (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
    ]
    if kernel.LINUX:  # macOS refuses the first and counts the others differently.
        rlimits += [
            (resource.RLIMIT_AS, memory, memory + _SPARE_MEMORY),
            (resource.RLIMIT_NPROC, processes, processes),
            (resource.RLIMIT_STACK, limits.stack_bytes, limits.stack_bytes),
        ]
        # A queue outlives its maker, and none is needed.
        rlimits.append((resource.RLIMIT_MSGQUEUE, mark or 0, mark or 0))
    return marshal.dumps(
        {
            "code": code,
            "event": event,
            "rlimits": rlimits,
            "result_bytes": limits.result_bytes,
            "spare_memory": memory + _SPARE_MEMORY,
            "out_of_memory_signal": int(_OUT_OF_MEMORY_SIGNAL),
            "started": _STARTED,
        }
    )


def _tasks(user: int) -> int:
    return sum(process.threads for process in kernel.processes() if process.user == user)


class _Child:
    """One interpreter with the script in it, from start to wait status."""

    def __init__(self, payload: bytes, folder: Path, user: int | None, limits: Limits) -> None:
        self._limits = limits
        self._unsent = memoryview(payload)
        self._stopped_for: Literal["timed_out", "output_limit"] | None = None
        self._kills_before = kernel.out_of_memory_kills()
        self._started = time.monotonic()
        self._process, pipes = _spawn(folder, user)
        self._input: int | None = pipes.task
        self._stdout = Capture(pipes.stdout, limits.output_bytes)
        self._stderr = Capture(pipes.stderr, limits.output_bytes)
        # The start byte and the four of the length come on top of the result.
        self._report = Capture(pipes.report, limits.result_bytes + 5)
        self._exit_notice = _exit_notice(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._kill()
            self._reap()
        for capture in (self._stdout, self._stderr, self._report):
            os.close(capture.descriptor)
        for descriptor in (self._input, self._exit_notice):
            if descriptor is not None:
                os.close(descriptor)

    def watch(self) -> None:
        """Feed and read the child until it has ended, has said too much, or its time is up."""
        deadline = self._started + self._limits.wall_seconds
        with selectors.DefaultSelector() as selector:
            if self._input is not None:
                selector.register(self._input, selectors.EVENT_WRITE)
            for capture in (self._stdout, self._stderr, self._report):
                selector.register(capture.descriptor, selectors.EVENT_READ, capture)
            if self._exit_notice is not None:
                selector.register(self._exit_notice, selectors.EVENT_READ)

            while True:
                left = deadline - time.monotonic()
                if left <= 0:
                    self._stopped_for = "timed_out"
                    return
                for key, _ in selector.select(left if self._exit_notice is not None else min(left, _POLL_SECONDS)):
                    if key.fd == self._input:
                        if not self._feed(key.fd):
                            selector.unregister(key.fd)
                            os.close(key.fd)
                            self._input = None
                    elif isinstance(key.data, Capture) and not key.data.read():
                        selector.unregister(key.fd)
                if self._stdout.overflowed or self._stderr.overflowed:
                    self._stopped_for = "output_limit"
                    return
                if self._has_ended():
                    return

    def finish(self, containment: Containment) -> Outcome:
        """End whatever still runs, then judge by the wait status."""
        # Before the wait, while the process still holds its id and with it the name of its group.
        self._kill()
        wait_status, usage = self._reap()
        duration = time.monotonic() - self._started
        containment.sweep()
        for capture in (self._stdout, self._stderr, self._report):
            capture.drain()

        if not self._report.content.startswith(_STARTED):
            said = clean_text(bytes(self._stderr.content), cut=False).strip()[-500:]
            raise RuntimeError(f"The interpreter ended before the script began (wait status {wait_status}): {said}")
        result, result_dropped = read_result(
            bytes(self._report.content[1:]), self._limits.result_bytes, self._limits.result_depth
        )
        exit_code = os.WEXITSTATUS(wait_status) if os.WIFEXITED(wait_status) else None
        return Outcome(
            status=self._verdict(wait_status, usage.ru_utime + usage.ru_stime),
            exit_code=exit_code,
            signal=os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else None,
            stdout=self._stdout.text(),
            stderr=self._stderr.text(),
            result=result,
            duration_ms=round(duration * 1000),
            truncated=Truncated(self._stdout.overflowed, self._stderr.overflowed, result_dropped),
        )

    def _verdict(self, wait_status: int, cpu_seconds: float) -> Status:
        if self._stdout.overflowed or self._stderr.overflowed:
            return "output_limit"
        if os.WIFEXITED(wait_status):
            return "succeeded" if os.WEXITSTATUS(wait_status) == 0 else "failed"
        ended_by = os.WTERMSIG(wait_status)
        if ended_by == signal.SIGKILL and self._stopped_for == "timed_out":
            return "timed_out"
        # For the limit the kernel counts whole ticks, for the account precise times: on a busy machine they differ by
        # a tenth and more. A script that sends itself the signal has used next to nothing.
        if ended_by in (signal.SIGXCPU, signal.SIGKILL) and cpu_seconds >= self._limits.cpu_seconds / 2:
            return "timed_out"
        if ended_by == signal.SIGKILL and kernel.out_of_memory_kills() > self._kills_before:
            return "out_of_memory"
        return "out_of_memory" if ended_by == _OUT_OF_MEMORY_SIGNAL else "failed"

    def _feed(self, pipe: int) -> bool:
        """Write what the pipe takes; whether there is more to come."""
        try:
            self._unsent = self._unsent[os.write(pipe, self._unsent) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return bool(self._unsent)

    def _has_ended(self) -> bool:
        # WNOWAIT leaves the process to be reaped, so that its id stays its own until the group is killed.
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (PermissionError, ProcessLookupError):  # macOS, where the group holds only what has ended.
            self._process.kill()

    def _reap(self) -> tuple[int, resource.struct_rusage]:
        deadline = time.monotonic() + _EXIT_SECONDS
        while True:
            pid, wait_status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if pid:
                self._process.returncode = os.waitstatus_to_exitcode(wait_status)
                return wait_status, usage
            if time.monotonic() > deadline:
                raise RuntimeError("The script's process did not end when killed: use this environment no more.")
            time.sleep(0.001)


@dataclass(frozen=True)
class _Pipes:
    """The runner's ends, none of which blocks."""

    task: int
    stdout: int
    stderr: int
    report: int


def _spawn(folder: Path, user: int | None) -> tuple[subprocess.Popen[bytes], _Pipes]:
    """Start the interpreter.

    -I: neither environment nor user site nor current folder on sys.path. -S: no site-packages, so that what the
    runner's installation holds is not the script's to import. -B: no bytecode files. -u: what is printed is not lost
    to a kill.
    """
    python: Interpreter = interpreter()
    theirs_task, task = os.pipe()
    (stdout, theirs_stdout), (stderr, theirs_stderr), (report, theirs_report) = os.pipe(), os.pipe(), os.pipe()
    ours = _Pipes(task, stdout, stderr, report)
    try:
        for descriptor in (task, stdout, stderr, report):
            os.set_blocking(descriptor, False)
        process = subprocess.Popen(
            [python.path, *_OPTIONS, "-c", _bootstrap(), str(theirs_report), str(os.getpid())],
            stdin=theirs_task,
            stdout=theirs_stdout,
            stderr=theirs_stderr,
            cwd=folder,
            env={
                "HOME": str(folder),
                "LANG": "C.UTF-8",
                "LD_LIBRARY_PATH": python.library_path,
                "PATH": "/usr/local/bin:/usr/bin:/bin",
                "TMPDIR": str(folder),
            },
            close_fds=True,
            pass_fds=(theirs_report,),
            start_new_session=True,
            umask=0o077,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
    except BaseException:
        for descriptor in (task, stdout, stderr, report):
            os.close(descriptor)
        raise
    finally:
        for descriptor in (theirs_task, theirs_stdout, theirs_stderr, theirs_report):
            os.close(descriptor)
    return process, ours


@functools.cache
def _bootstrap() -> str:
    return Path(__file__).with_name("bootstrap.py").read_text(encoding="utf-8")


def _exit_notice(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends, where the kernel has such a thing."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
