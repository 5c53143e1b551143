"""The system calls that a script cannot make, and the program by which the kernel refuses them.

A list of what is denied, not of what is allowed: scripts use the whole standard library and programs of the system,
and a new kernel's calls for ordinary work must not break them. The program is classic BPF, see
https://www.kernel.org/doc/html/latest/userspace-api/seccomp_filter.html.
"""

import errno
import functools
import struct
from collections.abc import Iterator
from typing import NamedTuple

from sandbox_lambda import syscalls
from sandbox_lambda.syscalls import Machine

DENIED = (
    # Talking to anything outside. A pair of connected sockets remains, below: event loops wake themselves with it.
    *("socket", "bind", "connect"),
    # Looking into other processes, or having the kernel do so.
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd", "kcmp"),
    *("move_pages", "migrate_pages", "perf_event_open", "lookup_dcookie"),
    # What outlives its process: keys, System V objects, POSIX message queues.
    *("add_key", "request_key", "keyctl"),
    *("shmget", "shmat", "shmctl", "semget", "semop", "semtimedop", "semctl", "msgget", "msgsnd", "msgrcv", "msgctl"),
    *("mq_open", "mq_unlink"),
    # Parts of the kernel with a long record of faults, and none of use to a script.
    *("bpf", "userfaultfd", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_secret"),
    *("personality", "modify_ldt", "uselib", "sysfs", "ustat", "_sysctl", "nfsservctl", "vhangup"),
    *("name_to_handle_at", "open_by_handle_at", "fanotify_init", "fanotify_mark"),
    # Namespaces and mounts: in a user namespace of its own anybody is root to the rest of the kernel.
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "move_mount", "mount_setattr"),
    *("open_tree", "open_tree_attr", "fsopen", "fsconfig", "fsmount", "fspick"),
    # The machine as a whole.
    *("init_module", "finit_module", "delete_module", "create_module", "kexec_load", "kexec_file_load", "reboot"),
    *("swapon", "swapoff", "sethostname", "setdomainname", "acct", "quotactl", "quotactl_fd", "syslog"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "iopl", "ioperm"),
)

_WORD = 0xFFFF_FFFF


class Check(NamedTuple):
    """A call denied for one of its arguments, of which the kernel looks at the lower 32 bits."""

    name: str
    argument: int
    value: int
    denied_if_equal: bool
    mask: int = _WORD


def _denied_if(name: str, argument: int, value: int) -> Check:
    return Check(name, argument, value & _WORD, denied_if_equal=True)


def _denied_unless(name: str, argument: int, value: int, mask: int = _WORD) -> Check:
    return Check(name, argument, value, denied_if_equal=False, mask=mask)


# linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
_CLONE_NEW = 0x0002_0000 | 0x0200_0000 | 0x0400_0000 | 0x0800_0000 | 0x1000_0000 | 0x2000_0000 | 0x4000_0000

_AF_UNIX = 1
_SOCK_STREAM, _SOCK_TYPE_MASK = 1, 0xF

CHECKS = (
    _denied_unless("clone", 0, 0, _CLONE_NEW),
    # A pair of datagram sockets could still send to any address; one of streams is tied to itself for good.
    _denied_unless("socketpair", 0, _AF_UNIX),
    _denied_unless("socketpair", 1, _SOCK_STREAM, _SOCK_TYPE_MASK),
    # With the runner's uid a script could set these for the runner. Zero is the caller itself.
    *(
        _denied_unless(name, 0, 0)
        for name in ("prlimit64", "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler")
    ),
    _denied_unless("setpriority", 1, 0),
    _denied_unless("ioprio_set", 1, 0),
)

# Ways to a signal that name their target by more than its process id.
_DENIED_TO_GUARD = ("tkill", "pidfd_send_signal")

# linux/fcntl.h and asm/sockios.h: whom the kernel signals when a file or socket is ready, with a signal of choice.
_F_SETOWN, _F_SETOWN_EX, _FIOSETOWN, _SIOCSPGRP = 8, 15, 0x8901, 0x8902


class Guarded(NamedTuple):
    """A process that the script has the uid of, but shall not signal."""

    pid: int
    group: int


def _guards(guarded: Guarded) -> tuple[Check, ...]:
    return (
        *(_denied_if("kill", 0, target) for target in (guarded.pid, -guarded.group, -1)),
        *(_denied_if(name, 0, guarded.pid) for name in ("tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")),
        *(_denied_if("fcntl", 1, command) for command in (_F_SETOWN, _F_SETOWN_EX)),
        *(_denied_if("ioctl", 1, command) for command in (_FIOSETOWN, _SIOCSPGRP)),
    )


# linux/audit.h
_AUDIT_ARCH = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
_X32_BIT = 0x4000_0000

# linux/bpf_common.h and linux/seccomp.h
_LOAD, _AND, _JUMP_IF_EQUAL, _JUMP_IF_AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_RET_KILL_PROCESS, _RET_ERRNO, _RET_ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
_NUMBER_OFFSET, _ARCH_OFFSET, _ARGUMENTS_OFFSET = 0, 4, 16

_Instruction = tuple[int, int, int, int]
"""Code, distance if true, distance if false, operand."""


@functools.cache
def program(machine: Machine, guarded: Guarded | None = None) -> bytes:
    """The filter as an array of `struct sock_filter`. Denied calls fail with EPERM.

    A call through another architecture's table (a 32-bit program, `int 0x80`) ends the process: its numbers mean
    other calls than the ones named here.
    """
    checks = CHECKS if guarded is None else (*CHECKS, *_guards(guarded))
    denied = DENIED if guarded is None else (*DENIED, *_DENIED_TO_GUARD)
    numbers = [number for name in denied if (number := syscalls.number(name, machine)) is not None]
    instructions = [
        (_LOAD, 0, 0, _ARCH_OFFSET),
        (_JUMP_IF_EQUAL, 1, 0, _AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _RET_KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_OFFSET),
        *(_denied_x32() if machine == "x86_64" else ()),
        *_denied_as_missing(syscalls.number("clone3", machine)),
        *(instruction for check in checks for instruction in _checked(check, machine)),
        # Each jumps to the last instruction, over those after it and the one that allows.
        *((_JUMP_IF_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)),
        (_RETURN, 0, 0, _RET_ALLOW),
        (_RETURN, 0, 0, _RET_ERRNO | errno.EPERM),
    ]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def _denied_x32() -> Iterator[_Instruction]:
    yield (_JUMP_IF_AT_LEAST, 0, 1, _X32_BIT)
    yield (_RETURN, 0, 0, _RET_ERRNO | errno.EPERM)


def _denied_as_missing(number: int | None) -> Iterator[_Instruction]:
    """Its flags lie in memory, where no filter can look. The C library then takes the older call."""
    if number is not None:
        yield (_JUMP_IF_EQUAL, 0, 1, number)
        yield (_RETURN, 0, 0, _RET_ERRNO | errno.ENOSYS)


def _checked(check: Check, machine: Machine) -> Iterator[_Instruction]:
    number = syscalls.number(check.name, machine)
    if number is None:
        return
    masking: list[_Instruction] = [] if check.mask == _WORD else [(_AND, 0, 0, check.mask)]
    yield (_JUMP_IF_EQUAL, 0, 4 + len(masking), number)
    yield (_LOAD, 0, 0, _ARGUMENTS_OFFSET + 8 * check.argument)
    yield from masking
    yield (_JUMP_IF_EQUAL, 0, 1, check.value) if check.denied_if_equal else (_JUMP_IF_EQUAL, 1, 0, check.value)
    yield (_RETURN, 0, 0, _RET_ERRNO | errno.EPERM)
    yield (_LOAD, 0, 0, _NUMBER_OFFSET)
