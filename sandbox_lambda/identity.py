"""Who a run is, and with what it starts: a uid of its own where the runner is root, and a Python that it can read."""

import contextlib
import fcntl
import functools
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox_lambda import kernel

# systemd's list of uid ranges has 60578 to 61183 unused: https://systemd.io/UIDS-GIDS/
_FIRST_USER = 60600
_USERS = 512

_STATE = Path("/tmp/plinth-sandbox")  # noqa: S108

# Parts of a Python installation that no script needs, several of them large.
_LEFT_OUT = ("site-packages", "dist-packages", "test", "idlelib", "ensurepip", "tkinter", "turtledemo", "lib2to3")


@dataclass(frozen=True)
class Interpreter:
    """A Python that the run's uid may execute, standard library included."""

    path: str
    library_path: str
    """Where its shared libraries are; the child's environment names it, because it holds nothing else."""

    copied: bool
    """Whether it is a copy, made because the original lies under a folder closed to others (/root)."""


@contextlib.contextmanager
def own_user() -> Generator[int | None]:
    """A uid that no other run on this machine has, for as long as the context lasts; None where we are not root.

    Process limits do not bind root, and a run with its own uid can neither signal nor inspect anything else. The
    lease is a lock on a file, so it ends with the process that holds it.
    """
    if not kernel.LINUX or os.geteuid() != 0:
        yield None
        return
    leases = _state() / "users"
    leases.mkdir(mode=0o700, exist_ok=True)
    for user in range(_FIRST_USER, _FIRST_USER + _USERS):
        with (leases / str(user)).open("w") as lease:
            try:
                fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield user
            return
    raise RuntimeError(f"All {_USERS} uids for sandbox runs are in use on this machine.")


@functools.cache
def interpreter() -> Interpreter:
    """The interpreter that runs us, or a copy of it where we are root and others cannot read it."""
    path = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    prefix = Path(os.path.realpath(sys.base_prefix))
    standard_library = Path(os.path.realpath(os.__file__)).parent
    if not kernel.LINUX or os.geteuid() != 0 or (_open_to_others(path) and _open_to_others(standard_library)):
        return Interpreter(str(path), str(prefix / "lib"), copied=False)
    return _copy(path, prefix, standard_library)


def _open_to_others(path: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))


def _copy(path: Path, prefix: Path, standard_library: Path) -> Interpreter:
    """Made once per machine and installation, of hard links where the file system allows it."""
    installed = path.stat()
    target = _state() / f"python-{sys.version_info.major}.{sys.version_info.minor}-{installed.st_ino:x}"
    stamp = target / f"complete-{installed.st_mtime_ns:x}"
    binary = target / "bin" / path.name
    with (_state() / "copying").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not stamp.exists():
            shutil.rmtree(target, ignore_errors=True)
            _share(path, binary)
            for library in sorted((prefix / "lib").glob("libpython*.so*")):
                _share(library, target / "lib" / library.name)
            folder = target / standard_library.relative_to(prefix)
            for source in _files(standard_library):
                _share(source, folder / source.relative_to(standard_library))
            stamp.touch()
    return Interpreter(str(binary), str(target / "lib"), copied=True)


def _files(standard_library: Path) -> Iterator[Path]:
    for folder, inner, names in os.walk(standard_library):
        if Path(folder) == standard_library:
            inner[:] = [name for name in inner if name not in _LEFT_OUT and not name.startswith("config-")]
        yield from (Path(folder, name) for name in names)


def _share(source: Path, target: Path) -> None:
    for folder in reversed(target.parents):
        if not folder.exists():
            folder.mkdir()
            folder.chmod(0o755)
    readable = source.stat().st_mode | stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH
    if not source.is_symlink() and readable == source.stat().st_mode:
        with contextlib.suppress(OSError):  # Another file system, or one without hard links.
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    target.chmod(stat.S_IMODE(readable) & ~(stat.S_IWGRP | stat.S_IWOTH))


def _state() -> Path:
    """A folder that only root can change. A stranger who got to its name first is refused, not trusted."""
    if not _STATE.exists():
        fresh = Path(tempfile.mkdtemp(prefix=f"{_STATE.name}-", dir=_STATE.parent))
        fresh.chmod(0o755)
        try:
            fresh.rename(_STATE)
        except OSError:  # Another runner was quicker.
            fresh.rmdir()
    found = _STATE.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise RuntimeError(
            f"{_STATE} is not a folder that only uid {os.geteuid()} can change. Remove it and try again."
        )
    return _STATE
