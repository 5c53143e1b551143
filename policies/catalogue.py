"""All rules, and what they find in a stack."""

from collections.abc import Sequence
from dataclasses import dataclass

from policies import access, exposure, functions, placement, sandbox, storage
from policies.exceptions import EXEMPTIONS, Exemption
from policies.model import Resource, Rule, Stack

RULES: Sequence[Rule] = (
    *access.RULES,
    *exposure.RULES,
    *storage.RULES,
    *sandbox.RULES,
    *functions.RULES,
    *placement.RULES,
)


@dataclass(frozen=True)
class Finding:
    """A rule that does not hold of a resource."""

    rule: Rule
    resource: Resource
    message: str


def findings(
    stack: Stack, rules: Sequence[Rule] = RULES, exemptions: Sequence[Exemption] = EXEMPTIONS
) -> list[Finding]:
    """What the rules find in a stack, in the rules' order and then by URN, without what is exempted."""
    return [
        Finding(rule, violation.resource, violation.message)
        for rule in rules
        for violation in sorted(rule.check(stack), key=lambda each: (each.resource.urn, each.message))
        if not any(exemption.covers(rule.name, stack.name, violation.resource) for exemption in exemptions)
    ]
