"""What the comparison says of two programs is what the real engine previews for the second over the first."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.diffs import difference, registered_by
from tests.support.engine import Pulumi, installed, needs_engine
from tests.support.pairs import PAIRS, loaded
from tests.support.passthrough import REPLACES
from workbench.diff.model import Action, ResourceChange
from workbench.manifest import Archive, Resource, rewritten

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


@pytest.mark.parametrize("case", [case for case in PAIRS if case.startswith(("changes/", "data/"))])
def test_the_engine_previews_the_same(pulumi: Pulumi, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    project, stack = pulumi.folder / "pair", "test"
    before, after = loaded(case).before, loaded(case).after
    stage(project, [*registered_by(before).resources, *registered_by(after).resources])
    monkeypatch.setenv(REPLACES, "yes")
    monkeypatch.setenv("PAIR", case)
    pulumi.done("stack", "init", stack, cwd=project)
    try:
        for key, value in (("aws:region", "eu-central-1"), ("plinth:accountId", "111111111111")):
            pulumi.done("config", "set", key, value, "--stack", stack, cwd=project)
        monkeypatch.setenv("SIDE", "before")
        pulumi.done("up", "--yes", "--skip-preview", "--stack", stack, cwd=project)
        monkeypatch.setenv("SIDE", "after")
        preview = pulumi("preview", "--json", "--stack", stack, cwd=project)
    finally:
        pulumi.done("stack", "rm", "--force", "--yes", stack, cwd=project)
    diff = difference(before, after)
    refused = any("Pulumi refuses" in hint for hint in diff.hints)
    assert (preview.returncode != 0) == refused, preview.stdout + preview.stderr
    previewed = {
        (_named(step["urn"]), _OPERATIONS.get(step["op"], step["op"]))
        for step in json.JSONDecoder().raw_decode(preview.stdout)[0]["steps"]
        if "pulumi:providers" not in step["urn"] and "pulumi:pulumi:Stack" not in step["urn"] and step["op"] != "same"
    }
    # What is only renamed is neither deleted nor created: a preview does not tell of it, nor of options.
    expected = {(_named(each.urn), _operation(each)) for each in diff.changes}
    unknown = {(name, "update") for name in _UNKNOWN_UNTIL_DEPLOYED.get(case, ())}
    told = {(name, operation) for name, operation in expected if operation != "same"} | unknown
    # What it refuses, the engine previews as far as it comes.
    assert previewed <= told if refused else previewed == told


def stage(project: Path, resources: Sequence[Resource]) -> None:
    """Makes the folders of the archives, each with something else in it."""
    archives = list[Archive]()
    for resource in resources:
        rewritten(resource.inputs, lambda leaf: archives.append(leaf) if isinstance(leaf, Archive) else leaf)
    # One that the program holds itself has no name.
    for name in {archive.path.name for archive in archives} - {""}:
        (project / name).mkdir(exist_ok=True)
        (project / name / "README").write_text(name)


_OPERATIONS: Mapping[str, str] = {"create-replacement": "replace", "delete-replaced": "replace"}
"""The steps of a replacement."""

_UNKNOWN_UNTIL_DEPLOYED: Mapping[str, Sequence[str]] = {
    "changes/a_topic_of_a_known_name_is_made_anew": ["aws:cloudwatch/metricAlarm:MetricAlarm::known"],
}
"""What a preview updates, since to it the ARN of what is made anew is unknown: it is made of a name that stays."""


def _named(urn: str) -> str:
    return urn.split("::", 2)[2]


def _operation(change: ResourceChange) -> str:
    """The engine's word. What only may be replaced, its provider here does not."""
    if change.action in (Action.CREATE, Action.DELETE):
        return change.action
    if change.action is Action.REPLACE and change.certain:
        return "replace"
    return "update" if change.properties or change.code else "same"
