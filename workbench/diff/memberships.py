"""What a resource gets by belonging to something: the security groups it joins, the roles it acts as, groups of users.

Neither a rule nor a policy changes where a function is put into the database's group, or takes the role of another one.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from workbench.diff.findings import IAM_WIDENED, NETWORK_WIDENED, Finding
from workbench.diff.holders import Holder, Side, listed, mapping, several
from workbench.diff.iam_places import GROUP, ROLE, USER
from workbench.diff.network_rules import GROUPS
from workbench.diff.snapshot import Entry, Hidden

_PROFILE = "aws:iam/instanceProfile:InstanceProfile"


@dataclass(frozen=True)
class _Kind:
    """A way to belong to something, and what comes with it."""

    types: Sequence[str]
    rule: str
    says: str
    """The end of a sentence, `{}` for what it belongs to."""
    inputs: Collection[str]
    """What names it, wherever in the inputs that is."""
    not_of: Sequence[str]
    """The beginnings of the types for which these inputs mean something else."""


_SECURITY = _Kind(
    GROUPS,
    NETWORK_WIDENED,
    "in the security group {}: it reaches and is reached by all that what is in there may",
    ["securityGroupIds", "securityGroups", "vpcSecurityGroupIds"],
    [*GROUPS],
)
_ACTING = _Kind(
    [ROLE],
    IAM_WIDENED,
    "acting as the role {}, and may do all that the role may",
    [
        "executionRoleArn",
        "iamRoleArn",
        "jobRoleArn",
        "nodeRoleArn",
        "role",
        "roleArn",
        "serviceRole",
        "serviceRoleArn",
        "taskRoleArn",
    ],
    ["aws:iam/group", "aws:iam/policy", "aws:iam/role", "aws:iam/user"],
)
_STARTED = _Kind(
    [_PROFILE],
    IAM_WIDENED,
    "started with the profile {}, and may do all that its role may",
    ["iamInstanceProfile", "instanceProfile"],
    [],
)
_USERS = _Kind([GROUP], IAM_WIDENED, "in the group {}, and may do all that the group may", [], [])

_KINDS = (_SECURITY, _ACTING, _STARTED, _USERS)


@dataclass(frozen=True)
class _Link:
    """A resource that puts one thing into another: the inputs that name both."""

    kind: _Kind
    member: str
    members: Sequence[str]
    into: str


_LINKS = {
    "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment": _Link(
        _SECURITY, "networkInterfaceId", ["aws:ec2/networkInterface:NetworkInterface"], "securityGroupId"
    ),
    "aws:iam/groupMembership:GroupMembership": _Link(_USERS, "users", [USER], "group"),
    "aws:iam/userGroupMembership:UserGroupMembership": _Link(_USERS, "user", [USER], "groups"),
}

_WORDS = ("environment", "parameters", "tags", "tagsAll", "variables")
"""Inputs whose keys are the program's own."""


def memberships(before: Side, after: Side) -> Iterator[Finding]:
    """What belongs to something that it did not belong to before.

    What is itself new is left out: all that it allows is new, and told as that.
    """
    known = {each.key for each in _memberships(before)}
    joined = [
        each
        for each in _memberships(after)
        if each.key not in known and (each.into.entry is None or each.into.key in before.by_key)
    ]

    def alike(each: _Membership) -> tuple[str, str, int]:
        return each.source.key, each.member.key, _KINDS.index(each.kind)

    for _, group in groupby(sorted(joined, key=alike), key=alike):
        found = [*group]
        kind, member, source = found[0].kind, found[0].member, found[0].source
        is_new = member.entry is not None and member.key not in before.by_key
        start = f"{member.as_new} is" if is_new else f"{member.name} is now"
        into = listed(sorted(each.into.name for each in found))
        yield Finding(kind.rule, source, f"{start} {kind.says.replace('{}', into)}")


@dataclass(frozen=True)
class _Membership:
    kind: _Kind
    member: Holder
    into: Holder
    source: Holder

    @property
    def key(self) -> tuple[str, int, str]:
        return self.member.key, _KINDS.index(self.kind), self.into.key


def _memberships(side: Side) -> Iterator[_Membership]:
    for entry in side.entries:
        itself = side.itself(entry)
        if (link := _LINKS.get(entry.type)) is not None:
            for member in several(entry.inputs.get(link.member)):
                for into in several(entry.inputs.get(link.into)):
                    who = _named(side, entry, link.member, member, link.members)
                    yield _Membership(link.kind, who, _named(side, entry, link.into, into, link.kind.types), itself)
            continue
        for kind in _KINDS:
            if not entry.type.startswith(tuple(kind.not_of)):
                for prop, value in entry.inputs.items():
                    for into in _within(prop, value, kind.inputs):
                        yield _Membership(kind, itself, _named(side, entry, prop, into, kind.types), itself)


def _within(name: str, value: Any, wanted: Collection[str]) -> Iterator[Any]:
    """What inputs of these names hold, at any depth."""
    if name in _WORDS:
        return
    if name in wanted:
        for each in several(value):
            # A launch template has its profile as an object.
            inside = mapping(each)
            found = inside.get("arn", inside.get("name")) if inside else each
            if isinstance(found, (str, Hidden)) and found:
                yield found
        return
    for each in several(value):
        if isinstance(each, Mapping):
            for key, item in mapping(each).items():
                yield from _within(key, item, wanted)


def _named(side: Side, entry: Entry, prop: str, value: Any, types: Sequence[str]) -> Holder:
    if isinstance(value, Hidden):
        # Two secrets are the same where their digests are.
        return Holder(f"{types[0]}#{value.digest}", "[secret]")
    found = side.named(entry, prop, value, types)
    return found if found.entry is not None else Holder(side.as_in_head(entry)(found.key), found.name)
