"""What every format says in words: the verdict, why something is replaced, what it costs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from workbench.diff.model import (
    Action,
    CodeChange,
    CostChange,
    CostLine,
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
    return enumerated([named(stack.stack, 60) for stack in stacks])


def enumerated(names: Sequence[str]) -> str:
    """`api, migrate and worker`."""
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
    said = [f"{counts[action]:,} to {action}{perhaps(stack, action)}" for action in WORST_FIRST if counts[action]]
    return ", ".join(said) or "no resource changes"


def perhaps(stack: StackDiff, action: Action) -> str:
    """What follows the number of an action: how many of the replacements only may be one."""
    unsure = sum(change.custom and not change.certain for change in stack.changes) if action is Action.REPLACE else 0
    return f" ({unsure:,} perhaps)" if unsure else ""


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


@dataclass(frozen=True)
class SharedRisk:
    """A risk, and the stacks that have it."""

    risk: Risk
    """As the first of them has it."""
    stacks: list[str] = field(default_factory=list[str])
    likewise: list[str] = field(default_factory=list[str])
    """Stacks of which the same is said, but for their own name in it: `plinth-prod-runs` for `plinth-dev-runs`."""


def gathered(stacks: Iterable[StackDiff], kind: RiskKind) -> list[SharedRisk]:
    """The risks of a kind in their order, those that several stacks share told once."""
    found: dict[tuple[str, ...], SharedRisk] = {}
    for stack in stacks:
        for risk in stack.risks:
            if risk.kind is kind:
                alike = (risk.rule, risk.type, risk.name, *(_in_any(stack.stack, risk.message, risk.remedy)))
                shared = found.setdefault(alike, SharedRisk(risk))
                same = (risk.message, risk.remedy) == (shared.risk.message, shared.risk.remedy)
                names = shared.stacks if same else shared.likewise
                if stack.stack not in (*shared.stacks, *shared.likewise):
                    names.append(stack.stack)
    return list(found.values())


def _in_any(stack: str, *texts: str) -> list[str]:
    """Sentences without the name of the stack that they are about."""
    name = re.compile(rf"(?<![^\W_]){re.escape(stack)}(?![^\W_])")
    return [name.sub("\0", text) for text in texts]


def remedies(risks: Iterable[tuple[str, int]]) -> list[str]:
    """What to do about each of so many risks: told after the last of those in a row that it is the same for."""
    said = list[str]()
    for remedy, alike in groupby(risks, lambda each: each[0]):
        numbers = [number for _, number in alike]
        these = f" about these {sum(numbers):,}" if sum(numbers) > 1 else ""
        said += [""] * (len(numbers) - 1) + [message(f"What to do{these}: {remedy}") if remedy else ""]
    return said


def message(text: str) -> str:
    """A sentence that may hold names from the program."""
    return cut(text, _MESSAGE)


def reasons(change: ResourceChange) -> list[str]:
    """Why a resource is replaced, a sentence each."""
    if change.action is not Action.REPLACE:
        return []
    forcing = [each for each in (*change.properties, *change.code) if each.forces is not Forces.NO]
    said = [_reason(each) for each in forcing]
    unsaid = [urn for urn in change.because_of if not any(_origin(urn) in each.source for each in forcing)]
    if unsaid:
        names = [named(name_of(urn), 60) for urn in unsaid[:_OTHERS]]
        more = len(unsaid) - len(names)
        others = f" and {more:,} more" if more else ""
        said.append(f"it holds the id of what is replaced: {', '.join(names)}{others}")
    return list(dict.fromkeys(said)) or ["nothing says why"]


_OTHERS = 4


def _origin(urn: str) -> str:
    """How the source of a property says that its value comes from a resource that is replaced."""
    type_ = urn.split("::", 3)[2].rpartition("$")[2] if urn.count("::") > 2 else ""
    return f"its value comes from {type_} {name_of(urn)}, which is replaced"


def _reason(change: PropertyChange | CodeChange) -> str:
    label = change.label if isinstance(change, PropertyChange) else ".".join(map(str, change.path))
    source = f" ({cut(change.source, 300)})" if change.source else ""
    how = "cannot change in place" if change.forces is Forces.YES else "may not be changeable in place"
    return f"{named(label, 160)} {how}{source}"


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


def heading(change: ResourceChange, *others: ResourceChange) -> str:
    """The first line of a change: `replace aws:rds/cluster:Cluster database, in database`.

    Of several of a type that change alike, with all their names; with the place that they are in, if it is one.
    """
    alike = (change, *others)
    action = change.action if change.certain else f"may {change.action}"
    places = {" > ".join(named(each, 60) for each in one.component if each != one.name) for one in alike}
    place = f", in {''.join(places)}" if len(places) == 1 and any(places) else ""
    renamed = ", renamed" if change.former_urn is not None and change.action is not Action.RENAME else ""
    return f"{action} {named(change.type)} {enumerated([named(each.name) for each in alike])}{place}{renamed}"


def moves(cost: CostChange | CostLine) -> bool:
    """Whether an estimate has a difference that is seen: a cent, of the whole or of a line in it."""
    amounts = (cost.idle_after - cost.idle_before, cost.load_after - cost.load_before)
    return any(round(each, 2) for each in amounts) or (isinstance(cost, CostChange) and any(map(moves, cost.lines)))


def cost_moved(stacks: Iterable[StackDiff]) -> list[tuple[StackDiff, CostChange]]:
    """The stacks whose estimate is another one."""
    return [(stack, stack.cost) for stack in stacks if stack.cost and moves(stack.cost)]


def cost_stays(stacks: Iterable[StackDiff]) -> str:
    """One line about the stacks whose estimate stays what it is; nothing where there are none."""
    still = [
        f"{named(stack.stack, 60)} {stack.cost.idle_after:,.2f}"
        for stack in stacks
        if stack.cost and not moves(stack.cost)
    ]
    return (
        f"The estimated cost stays as it is, in USD a month idle: {cut(', '.join(still), _MESSAGE)}." if still else ""
    )


def cost_lines(change: CostChange) -> tuple[list[CostLine], int]:
    """The lines of an estimate that are seen in it, and how many are less than a cent."""
    seen = [line for line in change.lines if moves(line)]
    return seen, len(change.lines) - len(seen)


def cost_briefly(stack: StackDiff) -> str:
    """The difference in a few words, idle if there is one there; nothing where the estimate stays."""
    if not stack.cost or not moves(stack.cost):
        return ""
    idle, load = (
        stack.cost.idle_after - stack.cost.idle_before,
        stack.cost.load_after - stack.cost.load_before,
    )
    return (
        f"{usd(load)} USD a month under load" if round(load, 2) and not round(idle, 2) else f"{usd(idle)} USD a month"
    )


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
    return [message(each) for each in dict.fromkeys(cost.prices for _, cost in cost_moved(stacks))]


def cost_remarks(stacks: Iterable[StackDiff]) -> list[str]:
    """What the estimates assume and leave out, each sentence once."""
    said = list[str]()
    for _, change in cost_moved(stacks):
        said += [f"The load assumed: {change.load}", *change.notes]
    return [message(each) for each in dict.fromkeys(said)]


def usd(difference: float) -> str:
    """An amount that is added or saved."""
    rounded = round(difference, 2)
    return f"{rounded:+,.2f}" if rounded else "0.00"


def plural(number: int, noun: str) -> str:
    """`1 change`, `2 changes`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
