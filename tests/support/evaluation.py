"""Evaluates components and stacks offline, and looks things up in what they registered."""

import json
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from workbench.evaluate import evaluate, evaluate_stack
from workbench.manifest import Manifest, Resource, shown
from workbench.placeholders import Placeholders
from workbench.project import configuration

ACCOUNT = "111111111111"
REGION = "eu-central-1"


def deploy(program: Callable[[], object]) -> Manifest:
    """What `program` registers in the stack `test` of the project `plinth`."""

    def run() -> None:
        program()

    config = {"aws:region": REGION, "plinth:accountId": ACCOUNT}
    return evaluate(run, Placeholders(REGION, ACCOUNT), stack_name="test", config=config)


@cache
def stack_manifest(name: str) -> Manifest:
    """A stack of the checkout. Nothing is staged: packages are only described."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLINTH_PACKAGES", "describe")
        config = configuration(name)
        return evaluate_stack(name, Placeholders(config.region, config.account))


def registered(manifest: Manifest) -> list[str]:
    """Every resource as `type::name`, with the types of its parents, sorted."""
    return sorted(resource.urn.split("::", 2)[2] for resource in manifest.resources)


def resource(manifest: Manifest, type_: str, name: str) -> Resource:
    """The one resource of a type and name."""
    (found,) = (candidate for candidate in manifest.of_type(type_) if candidate.name == name)
    return found


def inputs(manifest: Manifest, type_: str, name: str) -> dict[str, Any]:
    """The inputs of one resource, as a manifest shows them."""
    return shown(resource(manifest, type_, name).inputs)


def policy(manifest: Manifest, name: str) -> list[dict[str, Any]]:
    """The statements of one role policy."""
    document = json.loads(inputs(manifest, "aws:iam/rolePolicy:RolePolicy", name)["policy"])
    assert document["Version"] == "2012-10-17"
    return document["Statement"]


def anywhere(*actions: str) -> dict[str, Any]:
    """The entry of a policy that allows what AWS lets nobody narrow: in the one region alone."""
    return {
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": ["*"],
        "Condition": {"StringEquals": {"aws:RequestedRegion": REGION}},
    }


KEPT_FROM_THE_CODE = {
    "Effect": "Deny",
    "Action": [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:UnassignPrivateIpAddresses",
    ],
    "Resource": ["*"],
    "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
}
"""The entry by which a function in a VPC leaves to Lambda what only Lambda needs."""


def names_of(dependencies: Resource) -> set[str]:
    """The names of what a resource depends on."""
    return {urn.rpartition("::")[2] for urn in dependencies.dependencies}
