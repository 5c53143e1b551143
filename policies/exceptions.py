"""What may break a rule, and why: one row for each, and a reason that its reader can judge."""

import fnmatch
from dataclasses import dataclass

from policies.model import Resource


@dataclass(frozen=True, kw_only=True)
class Exemption:
    """A resource that a rule lets be."""

    rule: str
    """The rule's name."""

    resource: str
    """The end of the resource's URN, as `type::name`; `*` stands for anything."""

    reason: str
    """Why the rule need not hold of it, and what holds instead."""

    stacks: str = "*"
    """The stacks in which it holds, by name; `*` stands for anything."""

    def covers(self, rule: str, stack: str, resource: Resource) -> bool:
        """Whether a violation of the rule by the resource is none."""
        return (
            self.rule == rule
            and fnmatch.fnmatchcase(stack, self.stacks)
            and fnmatch.fnmatchcase(f"{resource.type}::{resource.name}", self.resource)
        )


EXEMPTIONS = (
    Exemption(
        rule="protected-data",
        resource="aws:secretsmanager/secret:Secret::*-app",
        reason="The login of a database's application role: where it is gone, the next migration makes another.",
    ),
)
"""All exemptions there are."""
