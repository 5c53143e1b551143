"""What opens access: IAM statements, security-group rules and public entrances, compared by what they allow."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from workbench.diff.findings import (
    ANY_RESOURCE,
    CANNOT_BE_JUDGED,
    IAM_WIDENED,
    NETWORK_WIDENED,
    OPEN_TO_THE_INTERNET,
    PUBLIC_ENTRANCE,
    PUBLIC_PRINCIPAL,
    REMEDIES,
    Finding,
)
from workbench.diff.holders import listed, sides
from workbench.diff.iam import iam
from workbench.diff.memberships import memberships
from workbench.diff.model import ResourceChange, Risk, RiskKind, RuleChange, StatementChange
from workbench.diff.public import entrances
from workbench.diff.security_groups import network
from workbench.diff.snapshot import Snapshot


@dataclass(frozen=True)
class Access:
    """The two tables, and what in them opens something."""

    statements: Sequence[StatementChange] = field(default_factory=list[StatementChange])
    rules: Sequence[RuleChange] = field(default_factory=list[RuleChange])
    risks: Sequence[Risk] = field(default_factory=list[Risk])


def access(changes: Sequence[ResourceChange], base: Snapshot | None, head: Snapshot | None) -> Access:
    """What may be done and reached after the changes of one stack and could not before, and the reverse.

    All that each role, queue or security group is given is compared as a whole, so that a policy or rule may move from
    one resource to another. Of a stack that is new, each rule is one risk: all of it is new.
    """
    before, after = sides(changes, base, head)
    changed = {change.urn for change in changes}
    statements, widened = iam(before, after, changed)
    rules, opened = network(before, after)
    findings = sorted(
        {
            (each.rule, each.about.key, each.message): each
            for each in [*widened, *opened, *entrances(before, after), *memberships(before, after)]
        }.values(),
        key=lambda each: (_LOUDEST.index(each.rule), each.about.key, each.message),
    )
    return Access(statements, rules, _of_a_new_stack(findings) if base is None else [_risk(each) for each in findings])


_LOUDEST = [*REMEDIES]


def _risk(finding: Finding) -> Risk:
    is_phrase = finding.message.startswith(("the ", "anybody ", "traffic ", "web pages "))
    return Risk(
        kind=RiskKind.ACCESS,
        rule=finding.rule,
        urn=finding.about.key,
        type=finding.about.entry.type if finding.about.entry else "",
        name=finding.about.name,
        message=f"{finding.message[0].upper() if is_phrase else finding.message[0]}{finding.message[1:]}.",
        remedy=REMEDIES[finding.rule],
    )


def _of_a_new_stack(findings: Sequence[Finding]) -> list[Risk]:
    risks: list[Risk] = []
    for rule in REMEDIES:
        found = [finding for finding in findings if finding.rule == rule]
        if found:
            names = listed([finding.about.name for finding in found])
            risks.append(_risk(replace(found[0], message=f"the stack is new: {_NEW[rule]} {names}")))
    return risks


_NEW = {
    PUBLIC_PRINCIPAL: "anybody may use",
    OPEN_TO_THE_INTERNET: "the internet comes in through",
    PUBLIC_ENTRANCE: "everybody can reach",
    ANY_RESOURCE: "any resource is within reach of",
    IAM_WIDENED: "permissions come with",
    NETWORK_WIDENED: "ways through the network come with",
    CANNOT_BE_JUDGED: "policies that cannot be read come with",
}
