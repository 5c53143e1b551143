"""The corpus: pairs of programs in tests/diff/programs, each a module with what is expected of their comparison."""

import importlib.util
from pathlib import Path
from types import ModuleType

_FOLDER = Path(__file__).parents[1] / "diff" / "programs"

PAIRS = sorted(path.relative_to(_FOLDER).with_suffix("").as_posix() for path in _FOLDER.glob("*/*.py"))
"""Every pair, as `topic/name`."""


def loaded(pair: str) -> ModuleType:
    """The module of a pair: `before` and `after`, `CHANGES` and `RISKS`."""
    spec = importlib.util.spec_from_file_location(f"programs.{pair.replace('/', '.')}", _FOLDER / f"{pair}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
