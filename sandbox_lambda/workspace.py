"""A run's private folder, and the removal of everything that a run leaves on disk.

What a script built is only ever reached through descriptors and never through a link: it may have moved its folder
and put a link to somebody else's in the old place.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Generator
from pathlib import Path

from sandbox_lambda import kernel
from sandbox_lambda.containment import Containment
from sandbox_lambda.identity import Lease

# Where anybody may write. Each is looked at only if it exists.
_SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/var/crash")  # noqa: S108

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def workspace(lease: Lease, containment: Containment) -> Generator[Path]:
    """A fresh folder that only the run's user can enter; nothing of it remains afterwards.

    With a uid of its own, whatever else that uid owns in the shared temporary folders goes too, afterwards and, unless
    the uid was left clean, before: a runner that was killed leaves its run to the next holder of the uid. No process
    of the run may be left at the end.
    """
    user = lease.user
    if not lease.left_clean:
        containment.sweep()
        if user is not None:
            wipe_leftovers(user)
    # Not the TMPDIR of this process: it may lie where the run's uid cannot reach.
    folder = Path("/tmp", _prefix(user) + os.urandom(8).hex())  # noqa: S108
    folder.mkdir(mode=0o700)
    descriptor = os.open(folder, _OPEN_FOLDER)
    try:
        if user is not None:
            os.fchown(descriptor, user, user)
        yield folder
    finally:
        try:
            _discard(folder, descriptor)
            if user is not None:
                wipe_leftovers(user)
        finally:
            os.close(descriptor)


def wipe(folder: Path) -> None:
    """Remove a folder whatever the depth and the modes inside. No process that could change it may be left."""
    parent = os.open(folder.parent, _OPEN_FOLDER)
    try:
        _remove_tree(folder.name, parent)
    finally:
        os.close(parent)


def wipe_leftovers(user: int) -> None:
    """Remove what `user` owns in the folders that everybody may write to, and its shared memory."""
    kernel.remove_shared_memory(user)
    for shared in _SHARED_FOLDERS:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            descriptor = os.open(shared, _OPEN_FOLDER)
            try:
                _remove_owned(user, descriptor)
            finally:
                os.close(descriptor)


def _prefix(user: int | None) -> str:
    return "plinth-run-" if user is None else f"plinth-run-{user}-"


def _remove_owned(user: int, shared: int) -> None:
    for entry in _entries(shared):
        try:
            found = entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue
        # A runner may have been killed before it could hand the fresh folder over.
        never_handed_over = found.st_uid == os.geteuid() and entry.name.startswith(_prefix(user))
        with contextlib.suppress(FileNotFoundError):
            if found.st_uid == user or never_handed_over:
                _remove(entry, shared)
            elif stat.S_ISDIR(found.st_mode) and found.st_mode & stat.S_IWOTH:
                _look_into(entry.name, shared, user)


def _look_into(name: str, parent: int, user: int) -> None:
    """Another folder open to everybody. It may be somebody's link by now: then it is not followed."""
    try:
        inner = os.open(name, _OPEN_FOLDER, dir_fd=parent)
    except OSError:
        return
    try:
        _remove_owned(user, inner)
    finally:
        os.close(inner)


def _discard(folder: Path, descriptor: int) -> None:
    """Remove a run's folder, wherever the script has moved it, and what it may have put in its place."""
    os.fchmod(descriptor, 0o700)
    _empty(descriptor)
    # The script may have removed it, or moved it to where even its owner cannot reach: then nothing is left in it.
    with contextlib.suppress(OSError):
        (Path(f"/proc/self/fd/{descriptor}").readlink() if kernel.LINUX else folder).rmdir()
    parent = os.open(folder.parent, _OPEN_FOLDER)
    try:
        for entry in _entries(parent):
            if entry.name == folder.name:
                _remove(entry, parent)
    finally:
        os.close(parent)


def _remove(entry: os.DirEntry[str], parent: int) -> None:
    if entry.is_dir(follow_symlinks=False):
        _remove_tree(entry.name, parent)
    else:
        os.unlink(entry.name, dir_fd=parent)


def _remove_tree(name: str, parent: int) -> None:
    top = _open(name, parent)
    try:
        _empty(top)
    finally:
        os.close(top)
    os.rmdir(name, dir_fd=parent)


def _empty(top: int) -> None:
    """Each nested folder is first moved to the top, so that neither recursion nor the length of a path sets a limit."""
    while entries := _entries(top):
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                _dissolve(entry.name, top)
            else:
                os.unlink(entry.name, dir_fd=top)


def _dissolve(name: str, top: int) -> None:
    inner = _open(name, top)
    try:
        for entry in _entries(inner):
            if entry.is_dir(follow_symlinks=False):
                os.close(_open(entry.name, inner))  # To move a folder elsewhere, its owner must be able to write in it.
                os.rename(entry.name, os.urandom(16).hex(), src_dir_fd=inner, dst_dir_fd=top)
            else:
                os.unlink(entry.name, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)


def _open(name: str, parent: int) -> int:
    """A folder, made ours to change whatever its mode. NotADirectoryError or ELOOP where it is a link."""
    try:
        descriptor = os.open(name, _OPEN_FOLDER, dir_fd=parent)
    except PermissionError:
        _open_up(name, parent)
        descriptor = os.open(name, _OPEN_FOLDER, dir_fd=parent)
    if stat.S_IMODE(os.fstat(descriptor).st_mode) & stat.S_IRWXU != stat.S_IRWXU:
        os.fchmod(descriptor, 0o700)
    return descriptor


def _open_up(name: str, parent: int) -> None:
    if sys.platform != "linux":
        os.chmod(name, 0o700, dir_fd=parent, follow_symlinks=False)
        return
    # Linux changes a mode only through links; a descriptor that opens nothing holds the folder itself.
    place = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{place}", 0o700)  # noqa: PTH101
    finally:
        os.close(place)


def _entries(descriptor: int) -> list[os.DirEntry[str]]:
    with os.scandir(descriptor) as entries:
        return list(entries)
