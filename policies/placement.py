"""Rules about where resources are, and what they are marked with."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from policies.model import PROVIDER, UNKNOWN, Resource, Rule, Stack, Violation

_ZONES = ("availabilityZone", "availabilityZones", "availabilityZoneNames")


def _tagged(stack: Stack) -> Iterator[Violation]:
    wanted = {"plinth:project": stack.project, "plinth:stack": stack.name}
    for provider in stack.of_type(PROVIDER):
        tags = _default_tags(provider)
        if tags is None:
            continue
        for key, value in wanted.items():
            if (given := tags.get(key)) not in (value, UNKNOWN):
                yield Violation(provider, _untagged(key, value, given))
    for resource in stack.resources:
        # What is deployed says all its tags; before that, those of the provider come on top of its own.
        tags = resource.value("tagsAll") or resource.value("tags")
        complete = isinstance(resource.value("tagsAll"), Mapping)
        for key, value in wanted.items() if isinstance(tags, Mapping) and resource.type != PROVIDER else ():
            given = cast("Mapping[str, Any]", tags).get(key)
            if given not in (value, UNKNOWN) and (complete or given is not None):
                yield Violation(resource, _untagged(key, value, given))


def _untagged(key: str, value: str, given: Any) -> str:
    return f"has the tag {key} = {given}, not {value}" if given else f"has no tag {key} = {value}"


def _default_tags(provider: Resource) -> Mapping[str, Any] | None:
    """The tags that a provider gives to whatever takes tags; None where that cannot be known."""
    configured = provider.value("defaultTags")
    if configured is UNKNOWN:
        return None
    try:
        # Providers are handed as JSON what is no text.
        parsed = json.loads(configured) if isinstance(configured, str) else configured
    except ValueError:
        return {}
    tags = cast("Mapping[str, Any]", parsed).get("tags") if isinstance(parsed, Mapping) else None
    return None if tags is UNKNOWN else cast("Mapping[str, Any]", tags) if isinstance(tags, Mapping) else {}


def _allowed_regions(stack: Stack) -> Iterator[Violation]:
    allowed = stack.settings.allowed_regions
    for provider in stack.of_type(PROVIDER):
        if provider.value("region") is None:
            yield Violation(provider, "has no region, and takes that of whoever deploys")
        if provider.value("allowedAccountIds") is None:
            yield Violation(provider, "has no allowedAccountIds, and takes the account of whoever deploys")
    for resource in stack.resources:
        for region in sorted(set(_regions(resource))):
            if region not in allowed:
                yield Violation(resource, f"is in {region}: allowed are {', '.join(allowed)}")


def _regions(resource: Resource) -> Iterator[str]:
    if not resource.type.startswith(("aws:", "awsx:", PROVIDER)):
        return
    region = resource.value("region")
    if isinstance(region, str):
        yield region
    zones = [zone for key in _ZONES for zone in (resource.value(key), *resource.entries(key))]
    for zone in zones:
        if isinstance(zone, str) and (named := re.match(r"[a-z]{2}(?:-[a-z]+)+-\d+", zone)):
            yield named[0]
    service = resource.value("serviceName")
    if isinstance(service, str) and (named := re.match(r"com\.amazonaws\.([a-z0-9-]+)\.", service)):
        yield named[1]


RULES = (
    Rule(
        name="tags",
        description="Everything that takes tags says which project and stack it belongs to.",
        remedy="Keep plinth:project and plinth:stack under aws:defaultTags in stacks/Pulumi.<stack>.yaml, and set "
        "neither on a resource.",
        check=_tagged,
    ),
    Rule(
        name="allowed-regions",
        description="Everything is in a region that the team allows, and in an account that the stack names.",
        remedy="Change aws:region or aws:allowedAccountIds in stacks/Pulumi.<stack>.yaml, or add the region to "
        "allowed_regions in policies/model.py.",
        check=_allowed_regions,
        settings=("allowed_regions",),
    ),
)
