"""Stacks of a few resources for the policies' tests, and what a rule says about them."""

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from policies.catalogue import RULES, findings
from policies.exceptions import Exemption
from policies.model import PROVIDER, Resource, Settings, Stack

TODAY = date(2026, 1, 1)


def made(
    type_: str,
    name: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    inside: str = "",
    protect: bool = False,
    retain: bool | None = False,
    **references: Resource,
) -> Resource:
    """A resource of the stack `prod`, below components of the types `inside`; each reference is one input's source."""
    chain = f"{inside}$" if inside else ""
    return Resource(
        urn=f"urn:pulumi:prod::plinth::{chain}{type_}::{name}",
        type=type_,
        name=name,
        inputs=inputs or {},
        protect=protect,
        retain=retain,
        references={key: frozenset({source.urn}) for key, source in references.items()},
    )


def provider(
    region: str = "eu-central-1", tags: Mapping[str, str] | None = None, account: str = "111111111111"
) -> Resource:
    """The provider of a stack, as an engine shows it: inputs that are no text are JSON."""
    tags = {"plinth:project": "plinth", "plinth:stack": "prod"} if tags is None else tags
    inputs = {
        "region": region,
        "allowedAccountIds": json.dumps([account]),
        "defaultTags": json.dumps({"tags": tags}),
    }
    return made(PROVIDER, "default_7_51_1", inputs)


def stack(*resources: Resource, name: str = "prod", settings: Settings | None = None, today: date = TODAY) -> Stack:
    """A stack of exactly these resources."""
    return Stack(name, "plinth", resources, settings or Settings(), today)


def said(rule: str, *resources: Resource, exemptions: tuple[Exemption, ...] = (), **facts: Any) -> list[str]:
    """What one rule finds in a stack of these resources, as sentences that begin with the resource's name."""
    rules = [each for each in RULES if each.name == rule]
    assert len(rules) == 1, f"There is no rule {rule!r}."
    found = findings(stack(*resources, **facts), rules, exemptions)
    return [f"{finding.resource.name} {finding.message}" for finding in found]
