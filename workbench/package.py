"""What the stacks' functions are made of, built as AWS runs them: each archive of the manifests, once."""

import hashlib
import io
import logging
import os
import re
import zipfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from workbench.evaluate import evaluate_stack
from workbench.manifest import Archive, Manifest, rewritten
from workbench.placeholders import Placeholders
from workbench.project import ROOT, configuration, require_stack

Say = Callable[[str], None]
"""Tells what is being done."""


@dataclass(frozen=True)
class Artifact:
    """One archive that stacks deploy."""

    name: str
    digest: str
    """SHA-256 over all paths, modes and contents: the same wherever the same checkout is built."""

    files: int
    unpacked_bytes: int
    """What counts against Lambda's 250 MB for a function and its layers."""

    packed_bytes: int
    """What is uploaded: a zip, compressed about as Pulumi does it."""

    path: str
    stacks: Sequence[str]

    def document(self) -> dict[str, Any]:
        """The artifact as `plinth package --json` prints it."""
        return asdict(self)


def packaged(stacks: Sequence[str], say: Say, root: Path = ROOT) -> list[Artifact]:
    """Builds every archive of these stacks for the machine and the Python that the functions run on, by name."""
    for stack in stacks:
        require_stack(stack, root)
    os.environ["PLINTH_PACKAGES"] = "build"
    os.environ.pop("PLINTH_PACKAGE_TARGET", None)
    users: dict[Path, list[str]] = {}
    for stack in stacks:
        say(f"Evaluating {stack}")
        config = configuration(stack, root)
        with _telling_of_packages(say):
            manifest = evaluate_stack(stack, Placeholders(config.region, config.account), root)
        for path in sorted(set(_archives(manifest))):
            users.setdefault(path, []).append(stack)
    return [_looked_at(path, names, say) for path, names in sorted(users.items())]


def shown(artifacts: Sequence[Artifact]) -> Iterator[str]:
    """The artifacts as a table for a person, digests shortened."""
    row = "{:<22} {:<14} {:>6} {:>9} {:>9}  {}".format
    yield row("PACKAGE", "DIGEST", "FILES", "UNPACKED", "PACKED", "WHERE")
    for made in artifacts:
        sizes = decimal(made.unpacked_bytes), decimal(made.packed_bytes)
        yield row(made.name, made.digest[:12], made.files, *sizes, os.path.relpath(made.path))


def content_digest(folder: Path) -> str:
    """SHA-256 over the paths, the modes and the contents of a folder's files."""
    digest = hashlib.sha256()
    for place, path in _files(folder).items():
        content = path.read_bytes()
        digest.update(f"{place}\0{path.stat().st_mode & 0o7777:o}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def packed(folder: Path) -> bytes:
    """A folder as Pulumi zips it: sorted by path, contents alone, each file of the same day in 1990."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for place, path in _files(folder).items():
            entry = zipfile.ZipInfo(place, date_time=(1990, 1, 1, 0, 0, 0))
            file.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


@contextmanager
def _telling_of_packages(say: Say) -> Generator[None]:
    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(record.getMessage())

    log, told = logging.getLogger("components.packaging"), Told()
    before = log.level
    log.addHandler(told)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(told)
        log.setLevel(before)


def _archives(manifest: Manifest) -> list[Path]:
    found: list[Path] = []

    def look(leaf: Any) -> Any:
        if isinstance(leaf, Archive) and leaf.content is None:
            found.append(leaf.path)
        return leaf

    for resource in manifest.resources:
        rewritten(resource.inputs, look)
    return found


def _looked_at(folder: Path, stacks: Sequence[str], say: Say) -> Artifact:
    name = re.sub(r"-[0-9a-f]{16,64}$", "", folder.name)
    say(f"Packing {name}")
    sizes = [path.stat().st_size for path in _files(folder).values()]
    return Artifact(
        name=name,
        digest=content_digest(folder),
        files=len(sizes),
        unpacked_bytes=sum(sizes),
        packed_bytes=len(packed(folder)),
        path=str(folder),
        stacks=list(stacks),
    )


def _files(folder: Path) -> Mapping[str, Path]:
    """A folder's files by their paths in it, sorted."""
    paths = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return dict(sorted(paths.items()))
