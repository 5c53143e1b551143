"""A folder of packages beside the runner is offered to scripts, and to nobody to change."""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from sandbox_lambda import identity
from sandbox_lambda.runner import run

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("either_way")]

needs_own_user = pytest.mark.skipif(os.geteuid() != 0, reason="A run has a uid of its own only under root.")


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A folder with one package, and a module that would hide one of the standard library."""
    folder = Path(tempfile.mkdtemp(prefix="plinth-test-", dir="/tmp"))
    (folder / "beans").mkdir()
    (folder / "beans" / "__init__.py").write_text("from beans.kinds import KINDS\n")
    (folder / "beans" / "kinds.py").write_text("KINDS = ['arabica']\n")
    (folder / "json.py").write_text("raise AssertionError('the standard library comes first')\n")
    monkeypatch.setattr(identity, "_PACKAGES", folder)
    identity.packages.cache_clear()
    yield folder
    identity.packages.cache_clear()
    shutil.rmtree(folder)


IMPORT = "import beans, json, sys\nprint(beans.KINDS, sys.path[-1])"


def test_a_script_imports_what_is_offered_after_the_standard_library(offered: Path) -> None:
    offered.chmod(0o755)
    outcome = run(IMPORT, {})

    assert (outcome.stderr, outcome.stdout) == ("", f"['arabica'] {offered}\n")


@needs_own_user
def test_packages_closed_to_others_are_copied(offered: Path) -> None:
    offered.chmod(0o700)
    outcome = run(IMPORT, {})

    copy = identity.packages()
    assert copy is not None
    assert (outcome.stderr, outcome.stdout) == ("", f"['arabica'] {copy}\n")
    assert Path(copy).parent == Path("/tmp/plinth-sandbox")
    shutil.rmtree(copy)


@needs_own_user
def test_changed_packages_are_copied_anew(offered: Path) -> None:
    offered.chmod(0o700)
    first = identity.packages()
    (offered / "beans" / "kinds.py").write_text("KINDS = ['robusta', 'arabica']\n")
    identity.packages.cache_clear()
    outcome = run(IMPORT, {})

    second = identity.packages()
    assert first is not None
    assert second is not None
    assert first != second
    assert outcome.stdout == f"['robusta', 'arabica'] {second}\n"
    for copy in (first, second):
        shutil.rmtree(copy)


@needs_own_user
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_script_cannot_change_what_is_offered(offered: Path, mode: int) -> None:
    offered.chmod(mode)
    outcome = run("import beans\nopen(beans.__file__, 'a')", {})

    assert outcome.stderr.splitlines()[-1].split(":")[0] == "PermissionError"


def test_nothing_is_offered_where_there_is_no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(identity, "_PACKAGES", tmp_path / "missing")
    identity.packages.cache_clear()
    try:
        outcome = run("import sys\nprint(sys.path[-1].endswith('lib-dynload'))", {})
    finally:
        identity.packages.cache_clear()

    assert outcome.stdout == "True\n"
