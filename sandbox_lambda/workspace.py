"""A run's private folder, and the removal of everything that a run leaves on disk."""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Generator
from pathlib import Path

from sandbox_lambda import kernel
from sandbox_lambda.containment import Containment

# Where anybody may write. Each is looked at only if it exists.
_SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue")  # noqa: S108

_OPEN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@contextlib.contextmanager
def workspace(user: int | None, containment: Containment) -> Generator[Path]:
    """A fresh folder that only `user` (None: this process's own uid) can enter; nothing of it remains afterwards.

    With a uid of its own, whatever else that uid owns in the shared temporary folders goes too, before and after: a
    runner that was killed leaves its run to the next holder of the uid. Files go once no process can add any.
    """
    containment.sweep()
    if user is not None:
        wipe_leftovers(user)
    # Not the TMPDIR of this process: it may lie where the run's uid cannot reach.
    folder = Path(tempfile.mkdtemp(prefix="plinth-run-", dir="/tmp"))
    try:
        if user is not None:
            os.chown(folder, user, user)
        yield folder
    finally:
        containment.sweep()
        wipe(folder)
        if user is not None:
            wipe_leftovers(user)


def wipe(folder: Path) -> None:
    """Remove a folder whatever the depth and the modes inside. No process that could change it may be left.

    Each nested folder is first moved to the top, so that neither recursion nor the length of a path sets a limit.
    """
    folder.chmod(0o700)
    top = os.open(folder, _OPEN_FOLDER)
    try:
        while entries := _entries(top):
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    _dissolve(entry.name, top)
                else:
                    os.unlink(entry.name, dir_fd=top)
    finally:
        os.close(top)
    folder.rmdir()


def wipe_leftovers(user: int) -> None:
    """Remove what `user` owns directly inside the folders that everybody may write to, and its shared memory."""
    kernel.remove_shared_memory(user)
    for shared in _SHARED_FOLDERS:
        with contextlib.suppress(FileNotFoundError), os.scandir(shared) as entries:
            owned = [entry for entry in entries if _owner(entry) == user]
            for entry in owned:
                if entry.is_dir(follow_symlinks=False):
                    wipe(Path(entry.path))
                else:
                    Path(entry.path).unlink()


def _dissolve(name: str, top: int) -> None:
    os.chmod(name, 0o700, dir_fd=top)
    inner = os.open(name, _OPEN_FOLDER, dir_fd=top)
    try:
        for entry in _entries(inner):
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.name, 0o700, dir_fd=inner)
                os.rename(entry.name, secrets.token_hex(16), src_dir_fd=inner, dst_dir_fd=top)
            else:
                os.unlink(entry.name, dir_fd=inner)
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=top)


def _entries(descriptor: int) -> list[os.DirEntry[str]]:
    with os.scandir(descriptor) as entries:
        return list(entries)


def _owner(entry: os.DirEntry[str]) -> int | None:
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except FileNotFoundError:
        return None
