"""The Dockerfile, followed without Docker: its stages become folders, by its own steps, on this machine's Python.

What the first stage would download, the pinned installer, stands in for itself: `make setup` installed it from the same
lock. Everything else is done as it is written, with the image's absolute paths below the folder of the stage.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from sandbox_lambda.identity import interpreter
from workbench.project import ROOT

DOCKERFILE = ROOT / "Dockerfile"

INSTALLER = (
    "python -m venv /opt/installer/venv && /opt/installer/venv/bin/python -m pip install --no-cache-dir"
    " --disable-pip-version-check --require-hashes --only-binary :all: -r installer.txt"
)
"""What `make setup` does, too."""

_ABSOLUTE = re.compile(r"(?<![\w./-])/(?=opt/)")


class Instruction(NamedTuple):
    """One instruction of a Dockerfile, its lines joined."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words, or the elements of its JSON list."""
        return json.loads(self.text) if self.text.startswith("[") else self.text.split()


@dataclass
class Stage:
    """One stage of a Dockerfile, and what following it came to."""

    name: str
    parent: str
    instructions: list[Instruction] = field(default_factory=list[Instruction])
    folder: Path = Path()
    environment: dict[str, str] = field(default_factory=dict[str, str])
    directory: str = "/"

    def only(self, name: str) -> Instruction:
        """The one instruction of that name."""
        [found] = [each for each in self.instructions if each.name == name]
        return found

    def inside(self, path: str) -> Path:
        """Where a path of the image is on this machine."""
        return self.folder / os.path.normpath(os.path.join("/", self.directory, path)).lstrip("/")  # noqa: PTH118


def stages(text: str) -> dict[str, Stage]:
    """The stages of a Dockerfile by name, in their order."""
    found: dict[str, Stage] = {}
    for instruction in _instructions(text):
        if instruction.name == "FROM":
            parent, _, name = instruction.words
            found[name] = Stage(name, parent)
        else:
            found[list(found)[-1]].instructions.append(instruction)
    return found


def sent_to_docker(context: Path = ROOT) -> Iterator[str]:
    """The files that .dockerignore lets through, by their paths: of several patterns that match, the last decides."""
    patterns = [
        (not line.startswith("!"), _pattern(line.removeprefix("!").rstrip("/")))
        for line in (context / ".dockerignore").read_text().splitlines()
        if line.strip() and not line.startswith("#")
    ]
    for folder, inner, names in os.walk(context):
        relative = Path(folder).relative_to(context)
        # What is never let through, and large.
        inner[:] = [name for name in inner if name not in (".venv", ".git", ".plinth")]
        for path in (relative / name for name in names):
            ways = [path.as_posix(), *(parent.as_posix() for parent in path.parents if parent.name)]
            kept_out = False
            for keeps_out, pattern in patterns:
                if any(pattern.fullmatch(way) for way in ways):
                    kept_out = keeps_out
            if not kept_out:
                yield path.as_posix()


def build(folder: Path) -> dict[str, Stage]:
    """Follow all stages, each below `folder`."""
    python = interpreter()
    tools = folder / "tools"
    tools.mkdir()
    _script(tools / "python", f'exec {python.path} "$@"')
    environment = {
        "PATH": f"{tools}:{os.defpath}",
        "LD_LIBRARY_PATH": python.library_path,
    }
    sent = list(sent_to_docker())
    done: dict[str, Stage] = {}
    for stage in stages(DOCKERFILE.read_text()).values():
        stage.folder = folder / stage.name
        if stage.parent in done:
            shutil.copytree(done[stage.parent].folder, stage.folder, symlinks=True)
            stage.environment = {**done[stage.parent].environment}
        else:
            stage.folder.mkdir()
            stage.environment = {**environment}
        for instruction in stage.instructions:
            _follow(instruction, stage, done, sent)
        done[stage.name] = stage
    return done


def _follow(instruction: Instruction, stage: Stage, done: Mapping[str, Stage], sent: Sequence[str]) -> None:
    match instruction.name:
        case "WORKDIR":
            stage.directory = instruction.text
            stage.inside(".").mkdir(parents=True, exist_ok=True)
        case "ENV":
            for name, _, value in (word.partition("=") for word in instruction.words):
                stage.environment[name] = _located(value, stage).replace("$PATH", stage.environment["PATH"])
        case "COPY":
            _copy(instruction.words, stage, done, sent)
        case "RUN":
            _run(instruction.text, stage)
        case _:
            pass


def _copy(words: list[str], stage: Stage, done: Mapping[str, Stage], sent: Sequence[str]) -> None:
    *sources, target = words
    if sources[0].startswith("--from="):
        origin, source = done[sources[0].removeprefix("--from=")], sources[1]
        shutil.copytree(origin.inside(source), stage.inside(target), symlinks=True, dirs_exist_ok=True)
        return
    for source in sources:
        files = [path for path in sent if path == source or path.startswith(f"{source.rstrip('/')}/")]
        assert files, f"COPY {source}: .dockerignore lets nothing of it through"
        for path in files:
            inner = Path(path).name if path == source else os.path.relpath(path, source)
            place = stage.inside(target) / inner
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / path, place)


def _run(command: str, stage: Stage) -> None:
    if command == INSTALLER:
        binaries = stage.inside("/opt/installer/venv/bin")
        binaries.mkdir(parents=True)
        _script(binaries / "uv", f'exec {ROOT}/.venv/bin/uv "$@"')
        return
    # What was installed here before needs no network; what was not is fetched as this machine does it.
    environment = {**os.environ, **stage.environment}
    environment.pop("UV_NO_CACHE", None)
    done = subprocess.run(
        ["sh", "-ec", _located(command, stage)],
        cwd=stage.inside("."),
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"RUN {command}\n{done.stderr}"


def _located(text: str, stage: Stage) -> str:
    """The image's paths, where they are on this machine."""
    return _ABSOLUTE.sub(f"{stage.folder}/", text)


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for joined in "\n".join(lines).replace("\\\n", " ").splitlines():
        name, _, rest = joined.partition(" ")
        yield Instruction(name, " ".join(rest.split()))


def _pattern(text: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*)", text)
    means = {"**/": "(?:.*/)?", "*": "[^/]*"}
    return re.compile("".join(means.get(part, re.escape(part)) for part in parts))


def _script(path: Path, command: str) -> None:
    path.write_text(f"#!/bin/sh\n{command}\n")
    path.chmod(0o755)
