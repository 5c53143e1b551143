"""No resource is renamed or moved by accident: to Pulumi that is another resource, and the old one is deleted.

stacks/urns.txt holds what every stack registers, type chain and name. A line that goes deletes what it stands for.
"""

import json

import pytest

from tests.support.evaluation import stack_manifest
from workbench.manifest import Resource
from workbench.project import ROOT, stack_names

KNOWN = set((ROOT / "tests" / "stacks" / "urns.txt").read_text().splitlines())


def line(resource: Resource) -> str:
    return resource.urn.split("::", 2)[2]


def aliases(resource: Resource) -> set[str]:
    """What the resource was called before, as lines."""
    found: set[str] = set()
    for alias in resource.aliases:
        if alias.startswith("urn:"):
            found.add(alias.split("::", 2)[2])
        else:
            spec = json.loads(alias)
            parents, _, _ = line(resource).rpartition("::")
            found.add(f"{spec.get('type', parents)}::{spec.get('name', resource.name)}")
    return found


@pytest.mark.parametrize("stack", stack_names())
def test_every_resource_has_a_name_that_is_written_down(stack: str) -> None:
    new = {line(resource) for resource in stack_manifest(stack).resources} - KNOWN
    assert new == set(), "add these lines to tests/stacks/urns.txt; where one was renamed, give it the old as an alias"


def test_every_name_that_is_written_down_is_a_resource_or_its_alias() -> None:
    resources = [resource for stack in stack_names() for resource in stack_manifest(stack).resources]
    known = {line(resource) for resource in resources} | {name for each in resources for name in aliases(each)}
    assert KNOWN - known == set(), (
        "these would be deleted: give whatever replaced them an alias, or take the lines out of tests/stacks/urns.txt"
    )
