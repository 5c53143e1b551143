"""A second Python of this machine, with what building packages needs: nothing of them may depend on which one it is."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

from workbench.project import ROOT


@dataclass(frozen=True)
class OtherPython:
    """An interpreter of another minor version than this one's, in an environment of its own."""

    executable: Path

    def run(self, program: str) -> str:
        """What a program prints. It sees no environment variables that steer this project or this Python."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLINTH_", "PYTHON"))}
        done = subprocess.run(
            [str(self.executable), "-c", program], capture_output=True, text=True, timeout=100, env=kept, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def other_python(folder: Path) -> OtherPython:
    """Makes the environment in a folder. The calling test is skipped where the machine has no second Python."""
    found = next(_interpreters(), None)
    if found is None:
        pytest.skip(
            f"there is no Python beside {sys.version_info.major}.{sys.version_info.minor} that is 3.11 or newer"
        )
    locks = [f"--constraint={ROOT / 'locks' / name}" for name in ("dev.txt", "installer.txt")]
    for command in (
        ["venv", "--quiet", "--no-config", "--python", found, str(folder)],
        ["pip", "install", "--quiet", "--no-config", f"--python={folder / 'bin' / 'python'}", *locks, "pulumi", "uv"],
    ):
        done = subprocess.run([find_uv_bin(), *command], capture_output=True, text=True, timeout=100, check=False)
        assert done.returncode == 0, done.stderr
    return OtherPython(folder / "bin" / "python")


def _interpreters() -> Iterator[str]:
    """Pythons that Plinth runs on, of another minor version than this one: on PATH, of pyenv, and of uv."""
    report = "import json, sys; print(json.dumps(sys.version_info[:2]))"
    for candidate in _candidates():
        try:
            said = subprocess.run([candidate, "-c", report], capture_output=True, text=True, timeout=20, check=False)
        except OSError:
            continue
        version: list[int] = json.loads(said.stdout) if said.returncode == 0 else [0]
        if version >= [3, 11] and version != [*sys.version_info[:2]]:
            yield candidate


def _candidates() -> Iterator[str]:
    names = [f"python3.{minor}" for minor in (13, 12, 14, 11)]
    yield from filter(None, map(shutil.which, names))
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for pattern in (pyenv / "versions", Path.home() / ".local" / "share" / "uv" / "python"):
        for folder in sorted(pattern.glob("*3.1[1-9]*"), reverse=True):
            if re.search(r"3\.1[1-9]", folder.name):
                yield str(folder / "bin" / "python3")
