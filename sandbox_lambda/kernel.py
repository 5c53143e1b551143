"""What the runner asks of the Linux kernel: process attributes, the process table. Elsewhere every answer is "no"."""

import ctypes
import functools
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from sandbox_lambda import syscalls

LINUX = sys.platform == "linux"

# linux/prctl.h
_PR_SET_DUMPABLE = 4
_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37

# linux/ipc.h
_IPC_RMID = 0

# linux/landlock.h
_LANDLOCK_CREATE_RULESET_VERSION = 1

_STATUS_BYTES = 1 << 16
"""The kernel gives all of it in one piece. Only a long list of groups makes it longer than two kilobytes."""

# The first line holds a name of the process's own choosing, in which the kernel escapes line ends.
_FIELDS = re.compile(
    rb"\nState:\t(?P<state>.).*?\nPPid:\t(?P<parent>\d+).*?\nUid:\t(?P<user>\d+)(?:.*?\nThreads:\t(?P<threads>\d+))?",
    re.DOTALL,
)


class Process(NamedTuple):
    """One row of the process table."""

    pid: int
    parent: int
    user: int
    """The real uid, from the kernel's own account: the owner of /proc/PID can be changed by the process itself."""

    threads: int
    zombie: bool


def processes(user: int | None = None) -> Iterator[Process]:
    """Every process that /proc shows, or every one of `user`; those that end meanwhile are left out."""
    if not LINUX:
        return
    wanted = b"" if user is None else b"\nUid:\t%d\t" % user
    for name in os.listdir("/proc"):  # noqa: PTH208  As below.
        if name.isdecimal() and (row := _process(int(name), wanted)) is not None:
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


def field_of_view() -> bytes | None:
    """Names the processes and files that this process can see at all: the boot and the namespaces. None if unknown."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        spaces = [os.readlink(f"/proc/self/ns/{kind}") for kind in ("pid", "mnt", "ipc")]  # noqa: PTH115
    except OSError:
        return None
    return " ".join((boot, *spaces)).encode()


def out_of_memory_kills() -> int:
    """How many processes the kernel has killed for lack of memory so far, also within control groups."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)


@functools.cache
def landlock_abi() -> int:
    """The version of Landlock that the kernel offers; 0 for none."""
    if not LINUX:
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    answer = libc.syscall(syscalls.LANDLOCK_CREATE_RULESET, None, ctypes.c_size_t(0), _LANDLOCK_CREATE_RULESET_VERSION)
    return max(answer, 0)


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


def _process(pid: int, wanted: bytes) -> Process | None:
    """The row of a process, if it has ended neither now nor before and `wanted` is in its status."""
    # Read for every process of the machine at the end of every run: a Path or a file object would double the time.
    try:
        file = os.open(f"/proc/{pid}/status", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        status = os.read(file, _STATUS_BYTES)
    except OSError:
        return None
    finally:
        os.close(file)
    if wanted not in status or (fields := _FIELDS.search(status)) is None:
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
