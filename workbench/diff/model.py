"""A difference between two revisions as plain data: computed once, and rendered many ways.

Nothing in here holds a secret: what is secret in a stack is a `Hidden` from the moment a snapshot is made.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from workbench.diff.snapshot import Snapshot


class Action(StrEnum):
    """What a deployment would do to a resource."""

    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    RENAME = "rename"
    """The URN changes and nothing else: an alias says that the resource is the one of before."""


class Forces(StrEnum):
    """Whether a property can be changed in place."""

    NO = "no"
    MAY = "may"
    """Neither the table nor the SDK's documentation says, or it depends on the values."""
    YES = "yes"


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()
"""The value of a property on the side where there is none."""


class ItemName(str):
    """The part of a path that is the name of an element of a list, not a key."""

    __slots__ = ()


Path = tuple[str | int, ...]
"""The way to a property: keys and positions; in a list of named things, such as a policy's statements, the name."""


@dataclass(frozen=True)
class PropertyChange:
    """One property before and after. A resource that is created has all of its properties added; deleted, removed.

    Where a list is compared as a set, such as the actions of a statement, each element added or removed is a change of
    its own, with the path of the list. Values are JSON, `Hidden`, `Code` or `ABSENT`.
    """

    path: Path
    before: Any = ABSENT
    after: Any = ABSENT
    forces: Forces = Forces.NO
    """Whether this change makes the resource anew."""
    source: str = ""
    """Why `forces` is what it is: the document it comes from, or what of it is unknown."""

    @property
    def label(self) -> str:
        """The path as people write it: `policy.Statement[Read].Action`, `ingress[0].cidrBlocks`."""
        text = ""
        for part in self.path:
            if isinstance(part, int | ItemName) or not part.isidentifier():
                text += f"[{part}]"
            else:
                text += f".{part}" if text else part
        return text


@dataclass(frozen=True)
class CodeChange:
    """What changed in an archive: files, and packages by name where it is made of pinned ones."""

    path: Path
    added: Sequence[str] = ()
    changed: Sequence[str] = ()
    removed: Sequence[str] = ()
    packages: Mapping[str, tuple[str | None, str | None]] = field(
        default_factory=dict[str, tuple[str | None, str | None]]
    )
    """Versions before and after by package; None where there is none."""
    unknown: bool = False
    """Whether the content changed and neither files nor packages say how."""
    forces: Forces = Forces.NO
    """Whether this change makes the resource anew."""
    source: str = ""
    """Why `forces` is what it is."""


@dataclass(frozen=True)
class ResourceChange:
    """What happens to one resource."""

    action: Action
    urn: str
    """In the head; for a resource that is deleted, in the base."""
    type: str
    name: str
    component: Sequence[str] = ()
    """The names of the components it is in, the outermost first."""
    former_urn: str | None = None
    """What it was called, where an alias says so. It may be updated or replaced as well."""
    certain: bool = True
    """False for `replace` where it only may be one: otherwise it is an update."""
    properties: Sequence[PropertyChange] = ()
    code: Sequence[CodeChange] = ()
    options: Sequence[PropertyChange] = ()
    """Changes of `protect` and `retain_on_delete`, which Pulumi keeps, not AWS."""
    because_of: Sequence[str] = ()
    """URNs of what is replaced, and so changes an id that this resource holds."""
    protected: bool = False
    """Whether Pulumi refuses to delete or replace it: to delete what was protected, to replace what also stays so."""
    retained: bool = False
    """Whether AWS keeps it when Pulumi deletes it, as it was in the base."""
    custom: bool = True
    """False for a component, which is a name for its children: no deployment touches AWS for it."""


class RiskKind(StrEnum):
    """What a person has to look at first. The values are those of `--fail-on`."""

    DATA_LOSS = "data-loss"
    ACCESS = "access"


@dataclass(frozen=True)
class Risk:
    """One thing that a reviewer must not miss."""

    kind: RiskKind
    rule: str
    """A stable name, such as `deleted`, `protection-removed` or `iam-widened`."""
    urn: str
    type: str
    name: str
    message: str
    """One sentence: what would happen to what. Plain text, which may hold names from the program."""
    remedy: str = ""
    """One sentence: what to do if that is not wanted."""


@dataclass(frozen=True)
class StatementChange:
    """One line of the table of IAM statements: something that may be done now and could not before, or the reverse."""

    added: bool
    urn: str
    holder: str
    """Whose policy it is: the name of a role, a queue, a key."""
    effect: str
    actions: Sequence[str]
    resources: Sequence[str]
    principals: Sequence[str] = ()
    """Who may, in a policy of a resource or a trust policy; empty in a role's own policies."""
    conditions: Sequence[str] = ()
    """Each condition as `StringEquals aws:RequestedRegion = eu-central-1`."""


@dataclass(frozen=True)
class RuleChange:
    """One line of the table of security-group rules."""

    added: bool
    urn: str
    group: str
    """The name of the security group."""
    direction: str
    """`in` or `out`."""
    protocol: str
    ports: str
    peer: str
    """A range of addresses, a group's name, or a prefix list."""


class Status(StrEnum):
    """What happens to a stack as a whole."""

    UNCHANGED = "unchanged"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    """The checkout no longer has it. What it deployed stays until somebody destroys it."""


@dataclass(frozen=True)
class CostLine:
    """What one component costs a month, in USD."""

    component: str
    item: str
    """What is paid for, with the arithmetic: `2 endpoints x 2 zones x 730 h x 0.01 USD`."""
    idle_before: float
    idle_after: float
    load_before: float
    load_after: float


@dataclass(frozen=True)
class CostChange:
    """An estimate of what a stack costs before and after. Never a quotation."""

    lines: Sequence[CostLine]
    """Only what differs."""
    idle_before: float
    idle_after: float
    load_before: float
    load_after: float
    load: str
    """The load assumed, as a sentence."""
    prices: str
    """Where and when the prices are from, as a sentence: `Prices of us-east-1, as of 2026-11-01.`"""
    notes: Sequence[str] = ()
    """What the estimate leaves out, a sentence each."""


@dataclass(frozen=True)
class StackDiff:
    """One stack, before and after."""

    stack: str
    status: Status
    changes: Sequence[ResourceChange] = ()
    """Sorted: what deletes and replaces first, then by URN."""
    outputs: Sequence[PropertyChange] = ()
    risks: Sequence[Risk] = ()
    """Data at risk first, then access."""
    statements: Sequence[StatementChange] = ()
    rules: Sequence[RuleChange] = ()
    cost: CostChange | None = None
    hints: Sequence[str] = ()
    """Advice that is no risk: a rename that lacks its alias, for example. A sentence each."""
    base: Snapshot | None = None
    head: Snapshot | None = None

    def counts(self) -> Mapping[Action, int]:
        """How many resources each action meets, components left out."""
        found = Counter(change.action for change in self.changes if change.custom)
        return {action: found[action] for action in Action}


@dataclass(frozen=True)
class Revision:
    """One side of the comparison."""

    label: str
    """What was asked for: `origin/main`, or `the working tree`."""
    commit: str | None
    """The commit's full id, or None for the working tree."""


@dataclass(frozen=True)
class Diff:
    """All stacks, before and after."""

    base: Revision
    head: Revision
    stacks: Sequence[StackDiff]
    notes: Sequence[str] = ()
    """What holds for the whole comparison and its reader should know. A sentence each."""

    def risks(self) -> Sequence[Risk]:
        """The risks of all stacks."""
        return [risk for stack in self.stacks for risk in stack.risks]
