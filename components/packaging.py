"""What the functions are made of: folders staged once per content, which Pulumi zips the same way everywhere.

Two environment variables steer it. `PLINTH_PACKAGES=describe` stages nothing and returns the folder that `build`, the
default, would make. `PLINTH_PACKAGE_TARGET` says what machine dependencies are for: `<architecture>-<python>`, such as
`arm64-3.13` (the default, what the functions run on) or `x86_64-3.11`, both on Linux; or `host`, the machine and
Python that evaluate, whose wheels need not be Linux ones.
"""

import hashlib
import logging
import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pulumi

ARCHITECTURE = "arm64"
"""The instruction set of every function, and of the dependencies installed for it."""

PYTHON = "3.13"
"""The Python of every function, and of the dependencies installed for it."""

RUNTIME = f"python{PYTHON}"
"""The Lambda runtime of every function."""

_DIGEST = 20
"""Hexadecimal digits of SHA-256 in a package's name."""

_KEPT = 8
"""Packages kept of each name: enough for a few stacks and targets, and for the changes of an afternoon."""

_LIBC = "manylinux_2_28"
"""The oldest C library the wheels may need: Amazon Linux 2023, below the runtimes since python3.12, has glibc 2.34."""

_INSTALLATION = "3"
"""Counted up whenever what is left of an installation changes: a layer made before is then another one."""

_MACHINES = {"aarch64": "arm64", "arm64": "arm64", "amd64": "x86_64", "x86_64": "x86_64"}
_IGNORED_FOLDERS = ("tests", "__pycache__")
_IGNORED_SUFFIXES = (".pyc", ".pyo")

_UNIMPORTED = (".c", ".h", ".md", ".pxd", ".pyi", ".pyx", ".rst")
"""Files of wheels that nothing reads: sources of what is compiled, types for editors, and texts."""

_DOCKERFILE = "Dockerfile"
_SERVER = "server.py"
"""The front of the sandbox's runner where it is reached by HTTP: in its image, but not in its layer."""

_FOR_SCRIPTS = "sandbox_packages"
"""The folder beside the sandbox's runner from which scripts, and not the runner, import."""

_FOR_TESTS = ("testing", "tests")
"""Folders of wheels that only their own and their users' tests import: SQLAlchemy's and Alembic's are 1 MB."""


_log = logging.getLogger(__name__)

_contents: dict[Path, "Contents"] = {}
"""What the packages of this process are made of, by folder: known without building them."""


class PackagingError(Exception):
    """A package could not be made: which one, why, and what to try."""


@dataclass(frozen=True)
class Contents:
    """What a package is made of, as far as it is known before anything is installed."""

    files: Mapping[str, str]
    """SHA-256 by path, of the files of this checkout."""

    packages: Mapping[str, str]
    """Versions by name, of what a lock has installed into it."""


def contents_of(folder: Path) -> Contents | None:
    """What a package of this process is made of, whether it was built or only described; None for other folders."""
    return _contents.get(folder)


def source_package(name: str, root: Path, folder: str, prefix: str = "") -> pulumi.FileArchive:
    """The source below `root/folder`, as an archive with the folder itself (below `prefix`) at its top.

    Hidden files, caches, compiled files and tests stay out. The package's name ends in the digest of what is in it.
    """
    top = PurePosixPath(prefix) / PurePosixPath(folder).name
    files = {str(top / path): (root / folder / path).read_bytes() for path in _source_files(root / folder)}
    if not files:
        raise PackagingError(f"Package {name}: there is no source in {root / folder}.")
    return files_package(name, root, files)


def runner_layer(name: str, root: Path, folder: str, lock: str) -> pulumi.FileArchive:
    """The sandbox's runner in `root/folder` as a Lambda layer, with the packages that scripts may import.

    `root/lock` pins those; they lie beside the runner in a folder of their own, which is absent where it pins none.
    """
    return _runner_package(name, root, folder, root / lock, {})


def runner_image(name: str, root: Path, folder: str, lock: str) -> pulumi.FileArchive:
    """The same with the runner's server, and its Dockerfile at the top, to build the image of a MicroVM from."""
    places = {_DOCKERFILE: _DOCKERFILE, f"python/{folder}/{_SERVER}": _SERVER}
    beside = {place: (root / folder / name).read_bytes() for place, name in places.items()}
    return _runner_package(name, root, folder, root / lock, beside)


def files_package(name: str, root: Path, files: Mapping[str, bytes]) -> pulumi.FileArchive:
    """An archive of exactly these files, by their path in it."""
    contents = _contents_of(files)
    return _staged(root, name, _digest(files), contents, lambda staging: _write(staging, files))


def dependencies_layer(name: str, root: Path, lock: str, unimported: Collection[str] = ()) -> pulumi.FileArchive:
    """The packages pinned in `root/lock`, installed for the target, as a Lambda layer: an archive with `python/`.

    Its name ends in a digest of the lock and the target, so nothing is installed to know it. Installs from wheels
    alone, with their hashes checked, and leaves out what no import needs: a fifth of it all. `unimported` are further
    files and folders that the functions can do without, such as `sqlalchemy/dialects/oracle`.
    """
    target = _target()
    content = (root / lock).read_bytes()
    without = "".join(f"{path}\0" for path in sorted(unimported))
    digest = hashlib.sha256(f"{_INSTALLATION}\0{target.name}\0{without}".encode() + content).hexdigest()

    def fill(staging: Path) -> None:
        _install(name, staging / "python", root / lock, target)
        _leave_out(name, staging / "python", unimported)

    return _staged(root, name, digest, _contents_of({}, content), fill)


def _runner_package(name: str, root: Path, folder: str, lock: Path, beside: Mapping[str, bytes]) -> pulumi.FileArchive:
    source = [path for path in _source_files(root / folder) if path not in (_DOCKERFILE, _SERVER)]
    files = {**beside, **{f"python/{folder}/{path}": (root / folder / path).read_bytes() for path in source}}
    pinned = lock.read_bytes()
    if not any(line.strip() and not line.startswith(b"#") for line in pinned.splitlines()):
        return files_package(name, root, files)
    target = _target()

    def fill(staging: Path) -> None:
        _write(staging, files)
        _install(name, staging / "python" / _FOR_SCRIPTS, lock, target)

    identity = f"{_INSTALLATION}\0{target.name}\0{_digest(files)}\0".encode() + pinned
    return _staged(root, name, hashlib.sha256(identity).hexdigest(), _contents_of(files, pinned), fill)


@dataclass(frozen=True)
class _Target:
    """The machine that dependencies are installed for, and how to tell uv."""

    name: str
    options: list[str]


def _target() -> _Target:
    asked = os.environ.get("PLINTH_PACKAGE_TARGET") or f"{ARCHITECTURE}-{PYTHON}"
    if asked == "host":
        machine = _MACHINES.get(platform.machine().lower(), platform.machine().lower())
        name = f"host-{sys.platform}-{machine}-{sys.version_info.major}.{sys.version_info.minor}"
        return _Target(name, ["--python", sys.executable])
    match = re.fullmatch(r"(arm64|x86_64)-(3\.\d+)", asked)
    if match is None:
        raise PackagingError(f"PLINTH_PACKAGE_TARGET is {asked!r}: give arm64-3.13, x86_64-3.11 or alike, or host.")
    architecture, python = match.groups()
    machine = {"arm64": "aarch64"}.get(architecture, architecture)
    # Which interpreter makes no difference to what is installed; without one uv looks for one, and may find none.
    options = ["--python", sys.executable, "--python-platform", f"{machine}-{_LIBC}", "--python-version", python]
    return _Target(f"linux-{architecture}-{python}", options)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for path, content in sorted(files.items()):
        digest.update(f"{path}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _contents_of(files: Mapping[str, bytes], lock: bytes = b"") -> Contents:
    return Contents(
        files={path: hashlib.sha256(content).hexdigest() for path, content in files.items()},
        packages=dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.decode(), re.MULTILINE)),
    )


def _source_files(folder: Path) -> Iterator[str]:
    """Relative paths of what belongs in a package, sorted."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") or part in _IGNORED_FOLDERS for part in relative.parts)
        if path.is_file() and not hidden and path.suffix not in _IGNORED_SUFFIXES:
            yield relative.as_posix()


def _staged(root: Path, name: str, digest: str, contents: Contents, fill: Callable[[Path], None]) -> pulumi.FileArchive:
    """The package's folder; filled by `fill` unless it is there already or is only to be described."""
    mode = os.environ.get("PLINTH_PACKAGES") or "build"
    if mode not in ("build", "describe"):
        raise PackagingError(f"PLINTH_PACKAGES is {mode!r}: give build or describe.")
    folder = root / ".plinth" / "packages" / f"{name}-{digest[:_DIGEST]}"
    _contents[folder] = contents
    if mode == "build" and folder.exists():
        os.utime(folder)  # in use: not among the oldest, which go
    elif mode == "build":
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
        _log.info("Building package %s", name)
        try:
            fill(staging)
            _normalise_modes(staging)
            _publish(staging, folder)
            _forget_old(folder.parent, name)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    return pulumi.FileArchive(str(folder))


def _publish(staging: Path, folder: Path) -> None:
    try:
        staging.rename(folder)
    except OSError:
        # Another process made the same package meanwhile: same name, same content.
        if not folder.is_dir():
            raise


def _forget_old(packages: Path, name: str) -> None:
    """Removes all but the newest packages of a name: each saved change of the source makes one."""
    shape = re.compile(rf"{re.escape(name)}-[0-9a-f]{{{_DIGEST}}}")
    found = [path for path in packages.iterdir() if shape.fullmatch(path.name)]
    for path in sorted(found, key=lambda path: path.stat().st_mtime_ns)[:-_KEPT]:
        shutil.rmtree(path, ignore_errors=True)


def _write(staging: Path, files: Mapping[str, bytes]) -> None:
    for path, content in files.items():
        (staging / path).parent.mkdir(parents=True, exist_ok=True)
        (staging / path).write_bytes(content)


def _install(name: str, destination: Path, lock: Path, target: _Target) -> None:
    # Only an installation needs uv: whoever builds nothing can do without.
    from uv import find_uv_bin

    command = [
        *(find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--link-mode", "copy", "--no-compile-bytecode"),
        *("--only-binary", ":all:", "--require-hashes", "--no-deps"),
        *("--target", str(destination), *target.options, "--requirement", str(lock)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode:
        reason = " / ".join(line.strip() for line in done.stderr.strip().splitlines()[-3:])
        raise PackagingError(f"Package {name}: uv could not install {lock.name} for {target.name}: {reason}")
    _remove_traces(destination)
    _remove_unimported(destination)


def _remove_traces(destination: Path) -> None:
    """Takes out what depends on the machine that installed: scripts with its paths, and the record of their hashes."""
    shutil.rmtree(destination / "bin", ignore_errors=True)
    (destination / ".lock").unlink(missing_ok=True)
    for cache in list(destination.rglob("__pycache__")):
        shutil.rmtree(cache)
    for metadata in destination.glob("*.dist-info"):
        for trace in ("RECORD", "REQUESTED", "INSTALLER", "direct_url.json", "uv_cache.json", "uv_build.json"):
            (metadata / trace).unlink(missing_ok=True)


def _remove_unimported(destination: Path) -> None:
    """Takes out files and folders that nothing imports, and debug information that nobody reads on Lambda."""
    for path in sorted(destination.rglob("*")):
        if path.is_dir() and (path.name in _FOR_TESTS or path.name.startswith(".")):
            shutil.rmtree(path)
        elif path.is_file() and path.suffix in _UNIMPORTED and not _is_metadata(path.relative_to(destination)):
            path.unlink()
        elif path.is_file() and (path.suffix == ".so" or ".so." in path.name):
            path.write_bytes(without_sections(path.read_bytes()))


def _leave_out(name: str, destination: Path, unimported: Collection[str]) -> None:
    for path in sorted(unimported):
        left_out = destination / path
        if not left_out.exists():
            raise PackagingError(f"Package {name}: it has no {path} to leave out: take it off the list.")
        shutil.rmtree(left_out) if left_out.is_dir() else left_out.unlink()


def _is_metadata(path: Path) -> bool:
    # Among it the licences.
    return path.parts[0].endswith(".dist-info")


def without_sections(library: bytes) -> bytes:
    """A shared library without what lies behind its last segment: sections, debug information for the most part.

    The loader maps segments and reads no section (System V ABI, "Program Header"). What is no 64-bit little-endian
    ELF file stays as it is.
    """
    if library[:6] != b"\x7fELF\x02\x01":
        return library
    (headers,) = struct.unpack_from("<Q", library, 0x20)
    size, count = struct.unpack_from("<HH", library, 0x36)
    segments = [struct.unpack_from("<Q16xQ", library, headers + index * size + 8) for index in range(count)]
    end = max((offset + length for offset, length in segments), default=len(library))
    kept = bytearray(library[:end])
    struct.pack_into("<Q", kept, 0x28, 0)  # no section headers,
    struct.pack_into("<HH", kept, 0x3C, 0, 0)  # none of them, and no names for them
    return bytes(kept)


def _normalise_modes(folder: Path) -> None:
    """The same modes whatever the umask: readable by the functions' user, which does not own the files."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
