"""Finds and ends every process that a run started, however it tried to slip away, and no other process."""

import contextlib
import os
import resource
import signal
import threading
import time
from types import TracebackType
from typing import Self

from sandbox_lambda import kernel

_SWEEP_SECONDS = 3.0
_PAUSE_SECONDS = 0.002

_MARKED_LIMIT = "Max msgqueue size"
_MARKS = 1 << 19  # Below Linux's default hard limit of 819200, so that only marked processes are in the range.

_lock = threading.Lock()
_active_marks: set[int | None] = set()
_runs_under_way = 0
_was_subreaper = False


class Containment:
    """The processes of one run, told apart by their uid where the run has one of its own, else by a mark.

    The mark is a hard resource limit that nothing here uses (bytes of POSIX message queues): children inherit it, and
    nobody without privileges can raise one. A process that lowers its own falls among the unknown marks, and those
    are ended as orphans by whichever run ends next.
    """

    mark: int | None
    """The limit to set in the child, or None where a uid tells enough or the platform has no such limit."""

    def __init__(self, user: int | None) -> None:
        self._user = user
        self.mark = None

    def __enter__(self) -> Self:
        global _runs_under_way, _was_subreaper
        with _lock:
            if _runs_under_way == 0:
                _was_subreaper = kernel.is_subreaper()
                kernel.become_subreaper(True)
            _runs_under_way += 1
            if self._user is None and marks_work():
                while self.mark is None or self.mark in _active_marks:
                    self.mark = int.from_bytes(os.urandom(8)) % (_MARKS - 1) + 1
                _active_marks.add(self.mark)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _runs_under_way
        with _lock:
            _active_marks.discard(self.mark)
            _runs_under_way -= 1
            if _runs_under_way == 0:
                kernel.become_subreaper(_was_subreaper)

    def sweep(self) -> None:
        """Kill and reap until none is left. RuntimeError if some survive three seconds of that.

        Once the script has been waited for, a pass over a uid that finds nothing is proof. A process that ends during
        the pass stays in the table until its parent waits for it; orphans become ours, and we wait only for those that
        a pass has found. So none can move on unseen by forking and ending.
        """
        deadline = time.monotonic() + _SWEEP_SECONDS
        while self._strike():
            if time.monotonic() > deadline:
                raise RuntimeError("Processes of a run could not be ended: this environment must not be used again.")
            time.sleep(_PAUSE_SECONDS)

    def _strike(self) -> bool:
        """One pass over the process table; whether anything of the run was still in it."""
        found = False
        for process in kernel.processes(os.getuid() if self._user is None else self._user):
            if not self._owns(process):
                continue
            if not process.zombie:
                found = True
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGKILL)
            elif process.parent == os.getpid():
                found = True
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(process.pid, os.WNOHANG)
        return found

    def _owns(self, process: kernel.Process) -> bool:
        if self._user is not None:
            return True
        if self.mark is None:
            return False
        mark = kernel.hard_limit(process.pid, _MARKED_LIMIT)
        if mark is None or mark >= _MARKS:
            return False
        with _lock:
            return mark == self.mark or (process.parent == os.getpid() and mark not in _active_marks)


def marks_work() -> bool:
    """Whether processes can be marked here: on Linux, unless this process's own limit is already among the marks."""
    if not kernel.LINUX:
        return False
    _, hard = resource.getrlimit(resource.RLIMIT_MSGQUEUE)
    return hard == resource.RLIM_INFINITY or hard >= _MARKS
