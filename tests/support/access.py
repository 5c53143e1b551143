"""What access two stacks made by hand differ in, and says it in lines."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.snapshots import entry, stack
from workbench.diff.access import Access, access
from workbench.diff.model import Action, ResourceChange
from workbench.diff.snapshot import Entry

ROLE = "aws:iam/role:Role"
ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
QUEUE = "aws:sqs/queue:Queue"
QUEUE_POLICY = "aws:sqs/queuePolicy:QueuePolicy"
GROUP = "aws:ec2/securityGroup:SecurityGroup"


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:test::plinth::{type_}::{name}"


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def allow(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resources, **more}


def deny(actions: Any, resources: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": actions, "Resource": resources, **more}


def role_with(*statements: Mapping[str, Any], name: str = "worker") -> list[Entry]:
    """A role and its policy."""
    role = entry(ROLE, name, {"name": f"plinth-{name}"})
    return [role, entry(ROLE_POLICY, f"{name}-policy", {"role": f"plinth-{name}", "policy": policy(*statements)})]


def opened(before: Sequence[Entry], after: Sequence[Entry], changes: Sequence[ResourceChange] = ()) -> Access:
    return access(changes, stack(*before), stack(*after))


def renamed(type_: str, before: str, after: str) -> ResourceChange:
    return ResourceChange(Action.RENAME, urn(type_, after), type_, after, former_urn=urn(type_, before))


def risk_lines(found: Access) -> list[str]:
    return [f"{risk.rule} {risk.name}: {risk.message}" for risk in found.risks]


def statement_lines(found: Access) -> list[str]:
    return [
        " ".join(
            part
            for part in (
                "+" if row.added else "-",
                row.holder,
                row.effect,
                ",".join(row.actions),
                f"on {','.join(row.resources)}" if row.resources else "",
                f"by {','.join(row.principals)}" if row.principals else "",
                f"if {' and '.join(row.conditions)}" if row.conditions else "",
            )
            if part
        )
        for row in found.statements
    ]


def rule_lines(found: Access) -> list[str]:
    return [
        f"{'+' if row.added else '-'} {row.group} {row.direction} {row.protocol} {row.ports} {row.peer}"
        for row in found.rules
    ]
