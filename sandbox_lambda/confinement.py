"""What the kernel takes from a script where it offers to: system calls (seccomp), and files, sockets and signals
(Landlock).

Prepared here, applied by the child before it runs anything of the user's, and reported as it turned out. Nothing else
relies on either: a kernel or a container that refuses them changes no other promise.
"""

import functools
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sandbox_lambda import kernel, landlock, seccomp, syscalls
from sandbox_lambda.syscalls import Machine

ENABLED = True
"""Read when a run starts. Tests turn it off to try the other protections alone."""

SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108


def prepare(folder: Path, user: int | None, readable: Iterable[str]) -> dict[str, Any]:
    """What bootstrap.py needs to confine itself, as plain values. `readable`: beside the system's own folders.

    Where the script shares the runner's uid (`user` is None), its filter also guards the runner from its signals.
    """
    if not ENABLED or not kernel.LINUX:
        return {"seccomp": b"", "landlock": None}
    ruleset = landlock.ruleset(kernel.landlock_abi(), readable, [str(folder), *_shared_folders(user)])
    return {
        "seccomp": _filter(user),
        "landlock": None if ruleset is None else (ruleset.abi, ruleset.attributes, ruleset.rules),
    }


def _shared_folders(user: int | None) -> tuple[str, ...]:
    """Where a script may leave files beside its folder.

    With a uid of its own they are found and removed, and a function's environment on Lambda serves one run. Elsewhere
    a shared uid means a developer's own machine, and their own files in these folders.
    """
    return SHARED_FOLDERS if user is not None or "AWS_LAMBDA_FUNCTION_NAME" in os.environ else ()


def _filter(user: int | None) -> bytes:
    machine = _machine()
    if machine is None:
        return b""
    guarded = seccomp.Guarded(os.getpid(), os.getpgid(0)) if user is None else None
    return seccomp.program(machine, guarded)


@functools.cache
def _machine() -> Machine | None:
    """The architecture whose calls this interpreter makes; None for one that the filter does not know."""
    machine = os.uname().machine
    if sys.maxsize < 2**32 or sys.byteorder != "little":
        return None
    return machine if machine in ("x86_64", "aarch64") else None


def keyctl_number() -> int | None:
    """The system call by which the child gives up its keyrings; None where it is not known."""
    machine = _machine() if kernel.LINUX else None
    return None if machine is None else syscalls.number("keyctl", machine)
