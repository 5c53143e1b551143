"""What every format says in words: the verdict, why something is replaced, what it costs."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from workbench.diff.model import (
    Action,
    CostChange,
    Diff,
    Forces,
    PropertyChange,
    ResourceChange,
    Revision,
    Risk,
    RiskKind,
    StackDiff,
    Status,
)
from workbench.report.values import cut, named

WORST_FIRST: Sequence[Action] = (Action.DELETE, Action.REPLACE, Action.RENAME, Action.UPDATE, Action.CREATE)

RISK_TITLES: Mapping[RiskKind, str] = {RiskKind.DATA_LOSS: "DATA AT RISK", RiskKind.ACCESS: "ACCESS OPENED"}
"""The sections that come before all else, the loudest first."""

_MESSAGE = 400
"""The characters of a sentence that holds names from the program."""


def verdict(diff: Diff, *, most_names: int = 4) -> str:
    """Whether this can hurt, in one line: what a reviewer reads first. Of more than so many, stacks are counted."""

    def names(stacks: Sequence[StackDiff]) -> str:
        return _enumerated(stacks) if len(stacks) <= most_names else plural(len(stacks), "stack")

    if not diff.stacks:
        return "There is no stack to compare."
    found = [f"{RISK_TITLES[kind]}: {len(merged):,}" for kind in RiskKind if (merged := gathered(diff.stacks, kind))]
    changed = [stack for stack in diff.stacks if stack.status is not Status.UNCHANGED]
    if found:
        return f"{', '.join(found)}, in {names([stack for stack in changed if stack.risks])}."
    if not changed:
        return f"Nothing changes in {names(diff.stacks)}."
    return f"Changes in {names(changed)}, none known to put data at risk or to open access."


def _enumerated(stacks: Sequence[StackDiff]) -> str:
    names = [named(stack.stack, 60) for stack in stacks]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def sides(diff: Diff) -> tuple[str, str]:
    """What is compared with what."""
    return revision(diff.base), revision(diff.head)


def revision(side: Revision) -> str:
    """What was asked for, and which commit that is."""
    label = named(side.label, 80)
    return label if side.commit is None or side.label == side.commit else f"{label} ({cut(side.commit[:10], 40)})"


def tally(stack: StackDiff) -> str:
    """What happens to how many resources, the worst first: `1 to delete, 2 to replace (1 perhaps)`."""
    counts = stack.counts()
    said = [f"{counts[action]:,} to {action}{_perhaps(stack, action)}" for action in WORST_FIRST if counts[action]]
    return ", ".join(said) or "no resource changes"


def _perhaps(stack: StackDiff, action: Action) -> str:
    unsure = uncertain(stack) if action is Action.REPLACE else 0
    return f" ({unsure:,} perhaps)" if unsure else ""


def uncertain(stack: StackDiff) -> int:
    """How many of the replacements only may be one."""
    return sum(change.custom and not change.certain for change in stack.changes)


def listed(stack: StackDiff, *, components: bool = False) -> list[ResourceChange]:
    """The changes in the order they are shown: by action, the worst first. Of components only where asked for."""
    chosen = [change for change in stack.changes if change.custom or components]
    return sorted(chosen, key=lambda change: WORST_FIRST.index(change.action))


def status(stack: StackDiff) -> str:
    """What to know of a stack that only one side has."""
    match stack.status:
        case Status.ADDED:
            return "a new stack"
        case Status.REMOVED:
            return "no longer in the checkout; what it deployed stays until somebody destroys it"
        case _:
            return ""


def gathered(stacks: Iterable[StackDiff], kind: RiskKind) -> list[tuple[Sequence[str], Risk]]:
    """The risks of a kind in their order, those that several stacks share told once: with the stacks' names."""
    found: dict[tuple[str, ...], tuple[list[str], Risk]] = {}
    for stack in stacks:
        for risk in stack.risks:
            if risk.kind is kind:
                alike = (risk.rule, risk.type, risk.name, risk.message, risk.remedy)
                names, _ = found.setdefault(alike, ([], risk))
                if stack.stack not in names:
                    names.append(stack.stack)
    return list(found.values())


def remedies(found: Sequence[tuple[Sequence[str], Risk]]) -> list[str]:
    """What to do about each of the risks gathered: told after the last of those in a row that it is the same for."""
    said = list[str]()
    for remedy, alike in groupby(risk.remedy for _, risk in found):
        number = len(list(alike))
        these = f" about these {number:,}" if number > 1 else ""
        said += [""] * (number - 1) + [message(f"What to do{these}: {remedy}") if remedy else ""]
    return said


def message(text: str) -> str:
    """A sentence that may hold names from the program."""
    return cut(text, _MESSAGE)


def reasons(change: ResourceChange) -> list[str]:
    """Why a resource is replaced, a sentence each."""
    if change.action is not Action.REPLACE:
        return []
    said = [_reason(each) for each in change.properties if each.forces is not Forces.NO]
    if change.because_of:
        names = [named(name_of(urn), 60) for urn in change.because_of[:_OTHERS]]
        more = len(change.because_of) - len(names)
        others = f" and {more:,} more" if more else ""
        said.append(f"it holds the id of what is replaced: {', '.join(names)}{others}")
    return list(dict.fromkeys(said)) or ["nothing says why"]


_OTHERS = 4


def _reason(change: PropertyChange) -> str:
    source = f" ({cut(change.source, 160)})" if change.source else ""
    how = "cannot change in place" if change.forces is Forces.YES else "may not be changeable in place"
    return f"{named(change.label, 160)} {how}{source}"


def name_of(urn: str) -> str:
    """The name at the end of a URN, which may hold colons of its own."""
    parts = urn.split("::", 3)
    return parts[3] if len(parts) > 3 else urn


def warnings(change: ResourceChange) -> list[str]:
    """What Pulumi or AWS does otherwise than the action says."""
    said = list[str]()
    if change.action in (Action.DELETE, Action.REPLACE):
        if change.protected:
            said.append("it is protected: Pulumi refuses until that is taken off in a deployment before")
        if change.retained:
            said.append("it is retained: AWS keeps the old one, and nothing manages it any more")
    if change.former_urn is not None:
        said.append(f"it was {named(_former(change), 300)}")
    return said


def _former(change: ResourceChange) -> str:
    """The old name, or the old URN where the name is the same."""
    former = change.former_urn or ""
    return name_of(former) if name_of(former) != change.name else former


def heading(change: ResourceChange) -> str:
    """The first line of a change: `replace aws:rds/cluster:Cluster database, in database`."""
    action = change.action if change.certain else f"may {change.action}"
    inside = [named(each, 60) for each in change.component if each != change.name]
    place = f", in {' > '.join(inside)}" if inside else ""
    renamed = ", renamed" if change.former_urn is not None and change.action is not Action.RENAME else ""
    return f"{action} {named(change.type)} {named(change.name)}{place}{renamed}"


def cost(change: CostChange) -> str:
    """The estimate in one line, with what of the load is said first."""
    idle, load = change.idle_after - change.idle_before, change.load_after - change.load_before
    return message(
        f"{usd(idle)} USD a month idle ({change.idle_before:,.2f} -> {change.idle_after:,.2f}), "
        f"{usd(load)} at {change.load.partition(', ')[0].rstrip('.')} "
        f"({change.load_before:,.2f} -> {change.load_after:,.2f})"
    )


def cost_prices(stacks: Iterable[StackDiff]) -> list[str]:
    """Where the prices are from, each sentence once."""
    return [message(each) for each in dict.fromkeys(stack.cost.prices for stack in stacks if stack.cost)]


def cost_remarks(stacks: Iterable[StackDiff]) -> list[str]:
    """What the estimates assume and leave out, each sentence once."""
    said = list[str]()
    for change in (stack.cost for stack in stacks if stack.cost):
        said += [f"The load assumed: {change.load}", *change.notes]
    return [message(each) for each in dict.fromkeys(said)]


def usd(difference: float) -> str:
    """An amount that is added or saved."""
    rounded = round(difference, 2)
    return f"{rounded:+,.2f}" if rounded else "0.00"


def plural(number: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
