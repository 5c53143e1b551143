"""What the runner asks of the Linux kernel: process attributes, the process table. Elsewhere every answer is "no"."""

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

LINUX = sys.platform == "linux"

# linux/prctl.h
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

# linux/ipc.h
_IPC_RMID = 0

# The first line holds a name of the process's own choosing, in which the kernel escapes line ends.
_FIELDS = re.compile(
    rb"\nState:\t(?P<state>.).*?\nPPid:\t(?P<parent>\d+).*?\nUid:\t(?P<user>\d+)(?:.*?\nThreads:\t(?P<threads>\d+))?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Process:
    """One row of the process table."""

    pid: int
    parent: int
    user: int
    """The real uid, from the kernel's own account: the owner of /proc/PID can be changed by the process itself."""

    threads: int
    zombie: bool


def processes() -> Iterator[Process]:
    """Every process that /proc shows; those that end meanwhile are left out."""
    if not LINUX:
        return
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            row = _process(int(entry.name))
            if row is not None:
                yield row


def forbid_inspection() -> bool:
    """Make this process unreadable to others of its uid: /proc/PID/environ, mem, fd, and ptrace. Root still may."""
    return _prctl(_PR_SET_DUMPABLE, 0)


def become_subreaper(wanted: bool) -> bool:
    """Let orphaned descendants come to this process rather than to init, or stop that."""
    return _prctl(_PR_SET_CHILD_SUBREAPER, int(wanted))


def is_subreaper() -> bool:
    answer = ctypes.c_int(0)
    return _prctl(_PR_GET_CHILD_SUBREAPER, ctypes.addressof(answer)) and bool(answer.value)


def hard_limit(pid: int, title: str) -> int | None:
    """A hard resource limit of another process, by its title in /proc/PID/limits; None where unlimited or gone."""
    try:
        text = Path(f"/proc/{pid}/limits").read_text()
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith(title):
            hard = line[len(title) :].split()[1]
            return int(hard) if hard.isdecimal() else None
    return None


def out_of_memory_kills() -> int:
    """How many processes the kernel has killed for lack of memory so far, also within control groups."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


def remove_shared_memory(user: int) -> None:
    """Remove the System V shared memory, semaphores and queues of `user`: no process need be left to keep them."""
    libc = ctypes.CDLL(None)
    # What follows the id in each kind's control call.
    for kind, remove, arguments in (
        ("shm", libc.shmctl, (_IPC_RMID, None)),
        ("sem", libc.semctl, (0, _IPC_RMID, None)),
        ("msg", libc.msgctl, (_IPC_RMID, None)),
    ):
        try:
            titles, *rows = (line.split() for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines())
        except OSError:
            continue
        owner = titles.index("uid")
        for row in rows:
            if int(row[owner]) == user:
                remove(int(row[1]), *arguments)


def _process(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/status", "rb") as status:  # noqa: PTH123  Read for every process: a Path costs more.
            fields = _FIELDS.search(status.read())
    except OSError:
        return None
    if fields is None:
        return None
    return Process(
        pid=pid,
        parent=int(fields["parent"]),
        user=int(fields["user"]),
        threads=int(fields["threads"] or 1),
        zombie=fields["state"] in (b"Z", b"X"),
    )


def _prctl(option: int, argument: int) -> bool:
    if not LINUX:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) == 0
