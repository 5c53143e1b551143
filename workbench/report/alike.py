"""Tells once what is the same of several resources or stacks, with the names of all that it holds for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TypeVar

from workbench.diff.model import ResourceChange, Risk, RiskKind, StackDiff, Status
from workbench.report import outline, sentences
from workbench.report.values import named

_T = TypeVar("_T")

_TOGETHER = 12
"""So many share a line; of more, the rest gets a line of its own, so that no line grows without bound."""


@dataclass(frozen=True)
class Risks:
    """A risk, with those that say the same of other resources of the same stacks."""

    stacks: Sequence[str]
    likewise: Sequence[str]
    """More stacks, where the sentence has the stack's own name in it."""
    risk: Risk
    others: Sequence[Risk] = ()
    remedy: str = ""
    """What to do, where it is not told with a later one."""

    @property
    def number(self) -> int:
        """How many risks that is."""
        return 1 + len(self.others)

    @property
    def same(self) -> str:
        """The sentence about the others."""
        names = ", ".join(named(each.name, 60) for each in self.others)
        return f"The same of {len(self.others):,} more: {names}." if self.others else ""


def risks(stacks: Iterable[StackDiff], kind: RiskKind) -> list[Risks]:
    """The risks of a kind in their order."""
    alike = (
        list(group)
        for _, group in groupby(
            sentences.gathered(stacks, kind),
            lambda each: (
                each.stacks,
                each.likewise,
                each.risk.rule,
                each.risk.type,
                each.risk.remedy,
                _of_any_name(each.risk),
            ),
        )
    )
    found = [
        Risks(part[0].stacks, part[0].likewise, part[0].risk, [each.risk for each in part[1:]])
        for group in alike
        for part in _parts(group)
    ]
    said = sentences.remedies([(each.risk.remedy, each.number) for each in found])
    return [replace(each, remedy=remedy) for each, remedy in zip(found, said, strict=True)]


def _of_any_name(risk: Risk) -> str:
    """What is said, without whom it is said of."""
    return risk.message.replace(risk.name, "\0") if risk.name else risk.message


def _parts(items: Sequence[_T]) -> list[Sequence[_T]]:
    return [items[start : start + _TOGETHER] for start in range(0, len(items), _TOGETHER)]


@dataclass(frozen=True)
class Changes:
    """What happens alike to one resource or several, line by line."""

    changes: Sequence[ResourceChange]
    heading: str
    reasons: Sequence[outline.Line]
    details: Sequence[outline.Line]


def changes(listed: Iterable[ResourceChange], amount: outline.Amount, *, details: bool = True) -> list[Changes]:
    """Changes in their order, each with those that are told in the same words."""
    groups: dict[object, list[ResourceChange]] = {}
    for change in listed:
        # What only a deployment knows has another name for each resource: api's version, worker's version.
        lines = outline.details(change, amount, placeholders=amount.whole) if details else []
        renamed = change.former_urn is not None
        key = (change.action, change.type, change.certain, renamed, *outline.reasons(change), *lines)
        groups.setdefault(key, []).append(change)
    return [_told(part, amount, details=details) for group in groups.values() for part in _parts(group)]


def _told(group: Sequence[ResourceChange], amount: outline.Amount, *, details: bool) -> Changes:
    first = group[0]
    lines = outline.details(first, amount) if details else []
    if any(outline.details(each, amount) != lines for each in group[1:] if details):
        lines = outline.details(first, amount, placeholders=False)
    return Changes(group, sentences.heading(*group), outline.reasons(first), lines)


@dataclass(frozen=True)
class Listing:
    """All that changes in one stack, or in several alike."""

    stacks: Sequence[StackDiff]
    changes: Sequence[Changes]
    outputs: Sequence[outline.Line]
    hints: Sequence[str]


def listings(stacks: Iterable[StackDiff], amount: outline.Amount, *, components: bool = False) -> list[Listing]:
    """What changes, by stack: once where it is the same. Of a stack that is new or gone, the resources alone."""
    found: dict[object, Listing] = {}
    for stack in stacks:
        details = amount.whole or stack.status not in (Status.ADDED, Status.REMOVED)
        told = changes(sentences.listed(stack, components=components), amount, details=details)
        outputs = outline.outputs(stack.outputs, amount) if details else []
        said = [(each.heading, *each.reasons, *each.details) for each in told]
        key = (stack.status, sentences.tally(stack), *said, *outputs, *stack.hints)
        before = found.get(key)
        found[key] = Listing([*(before.stacks if before else ()), stack], told, outputs, stack.hints)
    return [replace(each, stacks=part) for each in found.values() for part in _parts(each.stacks)]
