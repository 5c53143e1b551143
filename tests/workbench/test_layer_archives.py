"""A layer is published with its modules compiled, and one that does not compile as it is."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.errors import UserError
from workbench.local.handlers.lambda_ import zipped
from workbench.manifest import Archive

TAG = sys.implementation.cache_tag


def test_compiled_modules_lie_where_python_looks_for_them_and_are_what_it_imports(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "python" / "tea").mkdir(parents=True)
    (source / "python" / "tea" / "__init__.py").write_text("")
    (source / "python" / "tea" / "pot.py").write_text("print('as compiled')\n")
    (source / "python" / "tea" / "broken.py").write_text("def (\n")
    (source / "python" / "tea" / "leaves.txt").write_text("green\n")

    with zipfile.ZipFile(io.BytesIO(zipped(Archive(source), compiled=True))) as archive:
        names = archive.namelist()
        archive.extractall(tmp_path / "layer")
    (tmp_path / "layer" / "python" / "tea" / "pot.py").write_text("print('as written since')\n")
    imported = subprocess.run(
        [sys.executable, "-c", "import tea.pot"],
        cwd=tmp_path / "layer" / "python",
        capture_output=True,
        text=True,
        check=True,
    )

    assert sorted(names) == [
        "python/tea/__init__.py",
        f"python/tea/__pycache__/__init__.{TAG}.pyc",
        f"python/tea/__pycache__/pot.{TAG}.pyc",
        "python/tea/broken.py",
        "python/tea/leaves.txt",
        "python/tea/pot.py",
    ]
    assert imported.stdout == "as compiled\n"


def test_nothing_is_compiled_unasked(tmp_path: Path) -> None:
    (tmp_path / "tea.py").write_text("")

    with zipfile.ZipFile(io.BytesIO(zipped(Archive(tmp_path)))) as archive:
        assert archive.namelist() == ["tea.py"]


def test_code_that_is_in_no_folder_is_refused() -> None:
    with pytest.raises(UserError, match=r"^Code that a program puts together runs on AWS only: write it to a folder"):
        zipped(Archive(Path(), {"assets": {}}))
