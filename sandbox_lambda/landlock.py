"""What a script may reach of the file system, in the terms of Landlock: a list of folders and the rights beneath each.

See https://docs.kernel.org/userspace-api/landlock.html. The network is closed with it from ABI 4 on, and signals and
abstract UNIX sockets of other processes from ABI 6 on.
"""

import functools
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

# linux/landlock.h
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_MAKE_SOCK, _MAKE_FIFO, _MAKE_SYM = 1 << 9, 1 << 10, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15
_FIRST_RIGHTS = (1 << 13) - 1
_ALL_TCP = 0b11  # Binding and connecting.
_ALL_SCOPES = 0b11  # Abstract UNIX sockets and signals.

OLDEST_ABI = 2
"""Under the first, no file could be moved to another folder at all: ordinary scripts would fail."""

NEWEST_ABI = 6
"""The newest of which anything is used here; a newer kernel honours it all the same."""

_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = (
    _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM
) | (_REFER | _TRUNCATE)
_USE_DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE
_OF_FILES = _EXECUTE | _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV

# Programs, libraries and their settings; /var/lang and /var/runtime are Lambda's. Other files of the system, and
# every home, stay closed.
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc"),
    *("/var/lang", "/var/runtime", "/nix/store", "/gnu/store"),
)

# What programs ask of the kernel. Not /proc whole: other processes' command lines are no business of a script.
_KERNEL = (
    *("/proc/cpuinfo", "/proc/filesystems", "/proc/loadavg", "/proc/meminfo", "/proc/stat", "/proc/sys"),
    *("/proc/uptime", "/proc/version", "/sys/devices/system/cpu"),
)
_OWN_PROCESS = "/proc/self"

_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


class Ruleset(NamedTuple):
    """Ready for the child, which cannot be kept waiting: all that is left to it is to open the paths."""

    abi: int
    attributes: bytes
    """`struct landlock_ruleset_attr`, as long as the ABI knows it."""

    rules: tuple[tuple[str, int], ...]
    """Paths, and the rights beneath. A path that cannot be opened gives no right."""


def ruleset(kernel_abi: int, readable: Iterable[str], writable: Iterable[str]) -> Ruleset | None:
    """Reading and execution beneath the system's folders and `readable`, everything beneath `writable`, no more."""
    abi = min(kernel_abi, NEWEST_ABI)
    if abi < OLDEST_ABI:
        return None
    handled = _FIRST_RIGHTS | _REFER | (_TRUNCATE if abi >= 3 else 0) | (_IOCTL_DEV if abi >= 5 else 0)
    fields = [handled, *([_ALL_TCP] if abi >= 4 else []), *([_ALL_SCOPES] if abi >= 6 else [])]
    own = [(path, rights & handled) for path in writable if (rights := _rights(path, _WRITE))]
    return Ruleset(
        abi=abi,
        attributes=struct.pack(f"={len(fields)}Q", *fields),
        rules=(*_common(handled, tuple(readable)), *own),
    )


@functools.cache
def _common(handled: int, readable: tuple[str, ...]) -> tuple[tuple[str, int], ...]:
    wanted = {Path(os.path.realpath(path)) for path in (*_SYSTEM, *_KERNEL, *readable)}
    reading = [str(path) for path in sorted(wanted) if wanted.isdisjoint(path.parents)]
    rights = [*((path, _rights(path, _READ)) for path in reading), *((path, _USE_DEVICE) for path in _DEVICES)]
    # Which process it names shows only once the child opens it.
    return (*((path, allowed & handled) for path, allowed in rights if allowed), (_OWN_PROCESS, _READ & handled))


def _rights(path: str, rights: int) -> int:
    """Those of `rights` that the kernel accepts for what is there; none where nothing is."""
    place = Path(path)
    if not place.exists():
        return 0
    return rights if place.is_dir() else rights & _OF_FILES
