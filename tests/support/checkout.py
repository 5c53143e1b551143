"""A copy of the project that a test may change: its settings, its code, anything."""

import shutil
from pathlib import Path

from workbench.project import ROOT

_BUILT = ("packages", "layers")


def copy_of_checkout(folder: Path) -> Path:
    """Copies what `plinth up` needs into a folder; what was built and installed is shared with the original."""
    for name in ("components", "policies", "sandbox_lambda", "service", "stacks", "workbench"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Pulumi.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "locks", folder / "locks")
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / ".plinth").mkdir()
    for name in _BUILT:
        (ROOT / ".plinth" / name).mkdir(parents=True, exist_ok=True)
        (folder / ".plinth" / name).symlink_to(ROOT / ".plinth" / name)
    return folder


def edit(file: Path, old: str, new: str) -> None:
    """Replaces a text that the file must hold."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
