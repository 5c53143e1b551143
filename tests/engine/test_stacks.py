"""The real engine does with a stack what the evaluator says: it registers the same, makes it, keeps it, destroys it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.engine import Pulumi, agrees, as_manifest, installed, needs_engine, of_the_program

pytestmark = [needs_engine, pytest.mark.xdist_group("engine"), pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Deployed:
    """A stack that was previewed and then deployed."""

    name: str
    pulumi: Pulumi
    manifest: Mapping[str, Any]
    previewed: Mapping[str, Mapping[str, Any]]
    """What the first preview would create, by URN."""
    state: Mapping[str, Mapping[str, Any]]
    """What there is after the deployment, by URN."""

    @property
    def expected(self) -> Mapping[str, Mapping[str, Any]]:
        return {each["urn"]: each for each in self.manifest["resources"]}


@pytest.fixture(scope="module", params=["dev", "prod"])
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    name = request.param
    pulumi = installed(tmp_path_factory.mktemp(f"engine-{name}"))
    pulumi.stage(name)
    pulumi.done("stack", "init", name)
    preview = json.loads(pulumi.done("preview", "--stack", name, "--json"))
    pulumi.done("up", "--stack", name, "--yes", "--skip-preview")
    state = json.loads(pulumi.done("stack", "export", "--stack", name))["deployment"]["resources"]
    return Deployed(
        name=name,
        pulumi=pulumi,
        manifest=json.loads(pulumi.python("-m", "workbench", "manifest", name, "--json")),
        previewed=of_the_program([step["newState"] for step in preview["steps"]]),
        state=of_the_program(state),
    )


def test_a_preview_shows_the_manifests_resources_and_no_others(deployed: Deployed) -> None:
    assert sorted(deployed.previewed) == sorted(deployed.expected)


def test_what_a_preview_knows_of_inputs_the_manifest_says_too(deployed: Deployed) -> None:
    different = {
        urn: (as_manifest(each.get("inputs", {})), deployed.expected[urn]["inputs"])
        for urn, each in deployed.previewed.items()
        if not agrees(as_manifest(each.get("inputs", {})), deployed.expected[urn]["inputs"])
    }
    assert different == {}


def test_a_deployment_makes_the_manifests_resources_with_its_inputs(deployed: Deployed) -> None:
    made = {urn: as_manifest(each.get("inputs", {})) for urn, each in deployed.state.items()}
    assert made == {urn: each["inputs"] for urn, each in deployed.expected.items()}


def test_what_the_manifest_says_is_protected_or_retained_the_engine_protects_or_retains(deployed: Deployed) -> None:
    options = {
        urn: (each.get("protect", False), each.get("retainOnDelete", False)) for urn, each in deployed.state.items()
    }
    assert options == {urn: (each["protect"], each["retain_on_delete"]) for urn, each in deployed.expected.items()}


def test_what_depends_on_what_the_manifest_says_too(deployed: Deployed) -> None:
    depends = {
        urn: sorted(
            {
                *(each.get("dependencies") or ()),
                *(on for ons in (each.get("propertyDependencies") or {}).values() for on in ons or ()),
            }
            & deployed.state.keys()
        )
        for urn, each in deployed.state.items()
    }
    assert depends == {urn: sorted(each["dependencies"]) for urn, each in deployed.expected.items()}


def test_the_outputs_are_the_manifests(deployed: Deployed) -> None:
    outputs = json.loads(deployed.pulumi.done("stack", "output", "--stack", deployed.name, "--json"))
    assert outputs == deployed.manifest["outputs"]


def test_a_second_preview_has_nothing_to_change(deployed: Deployed) -> None:
    deployed.pulumi.done("preview", "--stack", deployed.name, "--expect-no-changes")


def test_the_stack_is_destroyed_once_nothing_in_it_is_protected(deployed: Deployed) -> None:
    destroy = ("destroy", "--stack", deployed.name, "--yes", "--skip-preview")
    protected = [urn for urn, each in deployed.expected.items() if each["protect"]]
    if protected:
        refused = deployed.pulumi(*destroy)
        assert refused.returncode != 0
        assert "protected" in refused.stdout + refused.stderr
        deployed.pulumi.done("state", "unprotect", "--all", "--stack", deployed.name, "--yes")
    assert bool(protected) == (deployed.name == "prod")
    deployed.pulumi.done(*destroy)
    state = json.loads(deployed.pulumi.done("stack", "export", "--stack", deployed.name))
    assert of_the_program(state["deployment"].get("resources") or []) == {}
