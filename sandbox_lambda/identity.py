"""Who a run is, and with what it starts: a uid of its own where the runner is root, and a Python and packages that it
can read.
"""

import contextlib
import fcntl
import functools
import os
import stat
import sys
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import NamedTuple

from sandbox_lambda import kernel

# systemd's list of uid ranges has 60578 to 61183 unused: https://systemd.io/UIDS-GIDS/
_FIRST_USER = 60600
_USERS = 512

_STATE = Path("/tmp/plinth-sandbox")  # noqa: S108

_PACKAGES = Path(__file__).parents[1] / "sandbox_packages"
"""What scripts may import beside the standard library; the folder is there only where something is offered."""

# Parts of a Python installation that no script needs, several of them large.
_LEFT_OUT = ("site-packages", "dist-packages", "test", "idlelib", "ensurepip", "tkinter", "turtledemo", "lib2to3")


class Lease(NamedTuple):
    """Who a run is, for as long as the run lasts."""

    user: int | None
    """A uid that no other run on this machine has; None where we are not root, and the run has ours."""

    left_clean: bool = False
    """Whether the uid's previous holder saw to it that nothing of the uid was left, and nobody has held it since."""


class Interpreter(NamedTuple):
    """A Python that the run's uid may execute, standard library included."""

    path: str
    library_path: str
    """Where its shared libraries are; the child's environment names it, because it holds nothing else."""

    copied: bool
    """Whether it is a copy, made because the original lies under a folder closed to others (/root)."""

    standard_library: str = ""

    @property
    def folders(self) -> tuple[str, ...]:
        """What must be readable for it to start and to import."""
        return tuple(filter(None, (self.path, self.library_path, self.standard_library)))


@contextlib.contextmanager
def own_user() -> Generator[Lease]:
    """Lease a uid. Whoever leaves the context without an error must have left nothing of the uid behind.

    Process limits do not bind root, and a run with its own uid can neither signal nor inspect anything else. The
    lease is a lock on a file, so it ends with the process that holds it. What the file says, that the uid was left
    clean, goes before anything is done with the uid and comes back only after all is undone: a holder that is killed
    or fails, at whatever moment, leaves it unsaid.
    """
    if not kernel.LINUX or os.geteuid() != 0:
        yield Lease(None)
        return
    leases = _state() / "users"
    leases.mkdir(mode=0o700, exist_ok=True)
    for user in range(_FIRST_USER, _FIRST_USER + _USERS):
        file = os.open(leases / str(user), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            clean = kernel.field_of_view()
            left_clean = clean is not None and os.pread(file, len(clean) + 1, 0) == clean
            os.ftruncate(file, 0)
            yield Lease(user, left_clean)
            if clean is not None:
                os.pwrite(file, clean, 0)
            return
        finally:
            os.close(file)
    raise RuntimeError(f"All {_USERS} uids for sandbox runs are in use on this machine.")


@functools.cache
def interpreter() -> Interpreter:
    """The interpreter that runs us, or a copy of it where we are root and others cannot read it."""
    path = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    prefix = Path(os.path.realpath(sys.base_prefix))
    standard_library = Path(os.path.realpath(os.__file__)).parent
    if not kernel.LINUX or os.geteuid() != 0 or (_open_to_others(path) and _open_to_others(standard_library)):
        return Interpreter(str(path), str(prefix / "lib"), copied=False, standard_library=str(standard_library))
    return _copy(path, prefix, standard_library)


@functools.cache
def packages() -> str | None:
    """The folder of the packages offered to scripts, or a copy of it where the run's uid cannot read it.

    It is put last on the script's import path, which forks share; an interpreter that the script starts anew does not
    have it.
    """
    if not _PACKAGES.is_dir():
        return None
    if not kernel.LINUX or os.geteuid() != 0 or _open_to_others(_PACKAGES):
        return str(_PACKAGES)
    import hashlib  # A copy is made where a developer is root, and not in a function that has to start soon.

    sources = sorted(_files(_PACKAGES))
    content = hashlib.sha256()
    for source in sources:
        found = source.stat()
        content.update(f"{source.relative_to(_PACKAGES)}\0{found.st_size}\0{found.st_mtime_ns}\0".encode())
    target = _state() / f"packages-{content.hexdigest()[:16]}"

    def fill() -> None:
        for source in sources:
            _share(source, target / source.relative_to(_PACKAGES))

    _once(target / "complete", fill)
    return str(target)


def _open_to_others(path: Path) -> bool:
    return all(step.stat().st_mode & stat.S_IXOTH for step in (path, *path.parents))


def _copy(path: Path, prefix: Path, standard_library: Path) -> Interpreter:
    """Made once per machine and installation, of hard links where the file system allows it."""
    installed = path.stat()
    target = _state() / f"python-{sys.version_info.major}.{sys.version_info.minor}-{installed.st_ino:x}"
    stamp = target / f"complete-{installed.st_mtime_ns:x}"
    binary = target / "bin" / path.name

    def fill() -> None:
        _share(path, binary)
        for library in sorted((prefix / "lib").glob("libpython*.so*")):
            _share(library, target / "lib" / library.name)
        for source in _files(standard_library):
            _share(source, target / source.relative_to(prefix))

    _once(stamp, fill)
    return Interpreter(
        str(binary),
        str(target / "lib"),
        copied=True,
        standard_library=str(target / standard_library.relative_to(prefix)),
    )


def _once(stamp: Path, fill: Callable[[], None]) -> None:
    """Fill the folder of `stamp`, one process at a time; a folder without its stamp was never finished."""
    with (_state() / "copying").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not stamp.exists():
            import shutil  # As above: rarely needed.

            shutil.rmtree(stamp.parent, ignore_errors=True)
            fill()
            stamp.touch()


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
    import shutil

    shutil.copyfile(source, target)
    target.chmod(stat.S_IMODE(readable) & ~(stat.S_IWGRP | stat.S_IWOTH))


def _state() -> Path:
    """A folder that only root can change. A stranger who got to its name first is refused, not trusted."""
    if not _STATE.exists():
        fresh = _STATE.with_name(f"{_STATE.name}-{os.urandom(8).hex()}")
        fresh.mkdir(mode=0o700)
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
