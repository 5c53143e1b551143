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
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType
from typing import Any, Literal, NamedTuple, Self, cast

from sandbox_lambda import confinement, kernel
from sandbox_lambda.containment import Containment
from sandbox_lambda.identity import Interpreter, interpreter, own_user, packages
from sandbox_lambda.outcome import MEBIBYTE, USUAL, Limits, Outcome, Protections, Status, Truncated
from sandbox_lambda.reading import Capture, clean_text, read_result
from sandbox_lambda.workspace import workspace

kernel.forbid_inspection()

_LOADER = "import marshal, sys; exec(marshal.load(sys.stdin.buffer))"
"""The child's first code: it runs bootstrap.py, which comes before the task."""

_OPTIONS = ("-I", "-S", "-B", "-u", "-X", "utf8")
_STARTED = b"\x01"
_GREETING_BYTES = 3
"""The child's first words, all of them before the script begins: started, filter of system calls, Landlock's ABI."""

_SPARE_MEMORY = 32 * MEBIBYTE
_EXIT_SECONDS = 5.0
_POLL_SECONDS = 0.02

_OUT_OF_MEMORY_SIGNAL = signal.SIGUSR2
"""How the child ends after an uncaught MemoryError. A script can send it to itself, and so only misreport itself."""


def run(code: str, event: dict[str, Any], limits: Limits = USUAL) -> Outcome:
    """Run `code` as `__main__` with one global, `event` (JSON values); nothing that it started is left afterwards.

    Raises ValueError for an event that is no plain data, and RuntimeError or OSError where the sandbox itself failed:
    the script is then not to blame. Safe to call from several threads at once.
    """
    with own_user() as lease, Containment(lease.user) as containment, workspace(lease, containment) as folder:
        rlimits = list(_rlimits(limits, lease.user, containment.mark))
        with _Child(folder, lease.user, limits, containment) as child:
            # Made while the interpreter starts, which takes longer.
            child.watch(_payload(code, event, limits, lease.user, rlimits, folder))
            return child.finish()


def probe() -> Protections:
    """What protects a run here, as an empty one finds it."""
    return run("", {}).protections


def _rlimits(limits: Limits, user: int | None, mark: int | None) -> Iterator[tuple[int, int, int]]:
    """Each limit with its soft and its hard value."""
    yield (resource.RLIMIT_CORE, 0, 0)
    yield (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + 1)
    yield (resource.RLIMIT_FSIZE, limits.file_bytes, limits.file_bytes)
    yield (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files)
    if kernel.LINUX:  # macOS refuses the first and counts the others differently.
        memory = limits.memory_mb * MEBIBYTE
        processes = limits.processes + (0 if user is not None else _tasks(os.getuid()))
        yield (resource.RLIMIT_AS, memory, memory + _SPARE_MEMORY)
        yield (resource.RLIMIT_NPROC, processes, processes)
        yield (resource.RLIMIT_STACK, limits.stack_bytes, limits.stack_bytes)
        # A queue outlives its maker, and none is needed.
        yield (resource.RLIMIT_MSGQUEUE, mark or 0, mark or 0)


def _tasks(user: int) -> int:
    return sum(process.threads for process in kernel.processes(user))


def _payload(
    code: str,
    event: dict[str, Any],
    limits: Limits,
    user: int | None,
    rlimits: list[tuple[int, int, int]],
    folder: Path,
) -> bytes:
    offered = packages()
    readable = [*interpreter().folders, *([] if offered is None else [offered])]
    return _bootstrap() + marshal.dumps(
        {
            "code": code,
            "event": event,
            "rlimits": rlimits,
            "result_bytes": limits.result_bytes,
            "spare_memory": limits.memory_mb * MEBIBYTE + _SPARE_MEMORY,
            "out_of_memory_signal": int(_OUT_OF_MEMORY_SIGNAL),
            "packages": [] if offered is None else [offered],
            "own_user": user is not None,
            "keyctl": confinement.keyctl_number(),
            "started": _STARTED,
            **confinement.prepare(folder, user, readable),
        }
    )


class _Child:
    """One interpreter with the script in it, from start to wait status."""

    def __init__(self, folder: Path, user: int | None, limits: Limits, containment: Containment) -> None:
        self._limits = limits
        self._containment = containment
        self._swept = False
        self._own_user = user is not None
        self._unsent = memoryview(b"")
        self._stopped_for: Literal["timed_out", "output_limit"] | None = None
        self._kills_before = kernel.out_of_memory_kills()
        self._started = time.monotonic()
        self._process, pipes = _spawn(folder, user)
        self._input: int | None = pipes.task
        self._stdout = Capture(pipes.stdout, limits.output_bytes)
        self._stderr = Capture(pipes.stderr, limits.output_bytes)
        # The greeting and the four bytes of the length come on top of the result.
        self._report = Capture(pipes.report, limits.result_bytes + _GREETING_BYTES + 4)
        self._exit_notice = _exit_notice(self._process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._process.returncode is None:
                self._kill()
                self._reap()
            if not self._swept:
                self._sweep()
        finally:
            self._close()

    def _close(self) -> None:
        for capture in (self._stdout, self._stderr, self._report):
            os.close(capture.descriptor)
        for descriptor in (self._input, self._exit_notice):
            if descriptor is not None:
                os.close(descriptor)

    def watch(self, payload: bytes) -> None:
        """Feed and read the child until it has ended, has said too much, or its time is up."""
        self._unsent = memoryview(payload)
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

    def finish(self) -> Outcome:
        """End whatever still runs, then judge by the wait status."""
        # Before the wait, while the process still holds its id and with it the name of its group.
        self._kill()
        wait_status, usage = self._reap()
        duration = time.monotonic() - self._started
        self._sweep()
        for capture in (self._stdout, self._stderr, self._report):
            capture.drain()

        report = bytes(self._report.content)
        if len(report) < _GREETING_BYTES or not report.startswith(_STARTED):
            said = clean_text(bytes(self._stderr.content), cut=False).strip()[-500:]
            raise RuntimeError(f"The interpreter ended before the script began (wait status {wait_status}): {said}")
        result, result_dropped = read_result(
            report[_GREETING_BYTES:], self._limits.result_bytes, self._limits.result_depth
        )
        status, reason = self._verdict(wait_status, usage.ru_utime + usage.ru_stime)
        return Outcome(
            status=status,
            exit_code=os.WEXITSTATUS(wait_status) if os.WIFEXITED(wait_status) else None,
            signal=os.WTERMSIG(wait_status) if os.WIFSIGNALED(wait_status) else None,
            reason=reason,
            stdout=self._stdout.text(),
            stderr=self._stderr.text(),
            result=result,
            duration_ms=round(duration * 1000),
            truncated=Truncated(self._stdout.overflowed, self._stderr.overflowed, result_dropped),
            protections=Protections(
                own_user=self._own_user,
                copied_interpreter=interpreter().copied,
                closed_to_inspection=kernel.forbid_inspection(),
                orphans_found=self._own_user or self._containment.mark is not None,
                exit_notice=self._exit_notice is not None,
                seccomp=bool(report[1]),
                landlock=report[2],
            ),
        )

    def _verdict(self, wait_status: int, cpu_seconds: float) -> tuple[Status, str | None]:
        limits = self._limits
        if self._stdout.overflowed or self._stderr.overflowed:
            stream = "stdout" if self._stdout.overflowed else "stderr"
            return "output_limit", f"the script wrote more than {limits.output_bytes:,} bytes to {stream}"
        if os.WIFEXITED(wait_status):
            exit_code = os.WEXITSTATUS(wait_status)
            return ("failed", f"the script ended with exit code {exit_code}") if exit_code else ("succeeded", None)
        ended_by = os.WTERMSIG(wait_status)
        if ended_by == signal.SIGKILL and self._stopped_for == "timed_out":
            return "timed_out", f"the script was still running after {round(limits.wall_seconds, 1):g} s"
        # For the limit the kernel counts whole ticks, for the account precise times: on a busy machine they differ by
        # a tenth and more. A script that sends itself the signal has used next to nothing.
        if ended_by in (signal.SIGXCPU, signal.SIGKILL) and cpu_seconds >= limits.cpu_seconds / 2:
            return "timed_out", f"the script used up its {limits.cpu_seconds} s of processor time"
        killed_for_memory = ended_by == signal.SIGKILL and kernel.out_of_memory_kills() > self._kills_before
        if killed_for_memory or ended_by == _OUT_OF_MEMORY_SIGNAL:
            return "out_of_memory", f"the script needed more than {limits.memory_mb} MB of memory"
        return "failed", f"signal {ended_by}{_name_of(ended_by)} ended the script"

    def _feed(self, pipe: int) -> bool:
        """Write what the pipe takes; whether there is more to come."""
        try:
            self._unsent = self._unsent[os.write(pipe, self._unsent) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return bool(self._unsent)

    def _sweep(self) -> None:
        self._containment.sweep()
        self._swept = True

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


def _name_of(number: int) -> str:
    try:
        return f" ({signal.Signals(number).name})"
    except ValueError:  # One of the real-time signals, most of which have none.
        return ""


class _Pipes(NamedTuple):
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
            [python.path, *_OPTIONS, "-c", _LOADER, str(theirs_report), str(os.getpid())],
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
def _bootstrap() -> bytes:
    """bootstrap.py, compiled: the child is the same interpreter, and only it keeps anybody waiting."""
    name = "sandbox_lambda.bootstrap"
    code = SourceFileLoader(name, str(Path(__file__).with_name("bootstrap.py"))).get_code(name)
    return marshal.dumps(_unplaced(cast("CodeType", code)))


def _unplaced(code: CodeType) -> CodeType:
    """The same code, which does not tell where it lies: a script can look at its callers."""
    constants = (_unplaced(constant) if isinstance(constant, CodeType) else constant for constant in code.co_consts)
    return code.replace(co_filename="<sandbox>", co_consts=tuple(constants))


def _exit_notice(pid: int) -> int | None:
    """A descriptor that becomes readable when the process ends, where the kernel has such a thing."""
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None
