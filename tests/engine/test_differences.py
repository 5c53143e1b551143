"""What the comparison says of two programs is what the real engine previews for the second over the first."""

import json
from pathlib import Path

import pytest

from tests.support.diffs import difference
from tests.support.engine import Pulumi, installed, needs_engine
from tests.support.pairs import PAIRS, loaded
from workbench.diff.model import Action, ResourceChange

pytestmark = [needs_engine, pytest.mark.xdist_group("engine"), pytest.mark.timeout(600)]

_PROGRAM = """
import os, sys
from pathlib import Path

from tests.support.pairs import loaded

getattr(loaded(os.environ["PAIR"]), os.environ["SIDE"])()
"""


@pytest.fixture(scope="module")
def pulumi(tmp_path_factory: pytest.TempPathFactory) -> Pulumi:
    made = installed(tmp_path_factory.mktemp("engine-differences"))
    (made.checkout / "tests").symlink_to(Path(__file__).parents[1])
    project = made.folder / "pair"
    project.mkdir()
    (project / "__main__.py").write_text(_PROGRAM)
    (project / "Pulumi.yaml").write_text(
        f"name: plinth\nruntime:\n  name: python\n  options:\n    virtualenv: {made.checkout}/.venv\n"
    )
    return made


@pytest.mark.parametrize("case", [case for case in PAIRS if case.startswith("changes/")])
def test_the_engine_previews_the_same(pulumi: Pulumi, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    project, stack = pulumi.folder / "pair", "test"
    monkeypatch.setenv("PAIR", case)
    pulumi.done("stack", "init", stack, cwd=project)
    try:
        for key, value in (("aws:region", "eu-central-1"), ("plinth:accountId", "111111111111")):
            pulumi.done("config", "set", key, value, "--stack", stack, cwd=project)
        monkeypatch.setenv("SIDE", "before")
        pulumi.done("up", "--yes", "--skip-preview", "--stack", stack, cwd=project)
        monkeypatch.setenv("SIDE", "after")
        steps = json.loads(pulumi.done("preview", "--json", "--stack", stack, cwd=project))["steps"]
    finally:
        pulumi.done("stack", "rm", "--force", "--yes", stack, cwd=project)
    previewed = {
        (step["urn"], step["op"])
        for step in steps
        if "pulumi:providers" not in step["urn"] and "pulumi:pulumi:Stack" not in step["urn"] and step["op"] != "same"
    }
    changes = difference(loaded(case).before, loaded(case).after).changes
    # What is only renamed is neither deleted nor created: a preview does not tell of it, nor of options.
    expected = {(each.urn, _operation(each)) for each in changes}
    assert previewed == {(urn, operation) for urn, operation in expected if operation != "same"}


def _operation(change: ResourceChange) -> str:
    """The engine's word. The provider in AWS's place replaces nothing."""
    if change.action in (Action.CREATE, Action.DELETE):
        return change.action
    return "update" if change.custom and (change.properties or change.code) else "same"
