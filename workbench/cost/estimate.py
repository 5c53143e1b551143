"""A month's cost of a stack before and after a change, by component, idle and at a stated load."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from workbench.cost.items import ESTIMATED, is_free
from workbench.cost.load import Load
from workbench.cost.prices import AS_OF, REGION, Price
from workbench.cost.usage import Site, Usage
from workbench.diff.model import CostChange, CostLine
from workbench.diff.snapshot import Entry, Snapshot

__all__ = ["Estimate", "Line", "Load", "cost_change", "estimate"]

PRICES_SENTENCE = f"Prices of {REGION}, as of {AS_OF.isoformat()}."


@dataclass(frozen=True)
class Line:
    """What one component pays for one thing in a month, in USD."""

    component: str
    what: str
    arithmetic: str
    idle: float
    load: float
    """With the requests of the load, what is there while idle included."""


@dataclass(frozen=True)
class Estimate:
    """What one stack costs a month. Never a quotation."""

    lines: Sequence[Line] = ()
    notes: Sequence[str] = ()
    """What the estimate assumes or leaves out, a sentence each."""

    @property
    def idle(self) -> float:
        """USD a month without a request."""
        return math.fsum(line.idle for line in self.lines)

    @property
    def load(self) -> float:
        """USD a month at the load."""
        return math.fsum(line.load for line in self.lines)


def cost_change(base: Snapshot | None, head: Snapshot | None, load: Load | None = None) -> CostChange:
    """What a stack costs before and after. None stands for a revision that has no such stack."""
    load = load or Load()
    before, after = (Estimate() if side is None else estimate(side, load) for side in (base, head))
    return CostChange(
        lines=_changed(before, after),
        idle_before=before.idle,
        idle_after=after.idle,
        load_before=before.load,
        load_after=after.load,
        load=load.sentence(),
        prices=PRICES_SENTENCE,
        notes=list(dict.fromkeys([*before.notes, *after.notes])),
    )


def estimate(snapshot: Snapshot, load: Load | None = None) -> Estimate:
    """What a stack costs, line by line, in the order of its resources."""
    site, usages = Site(snapshot, load or Load()), dict[tuple[str, str], list[Usage]]()
    unknown = Counter[str]()
    for entry in snapshot.entries:
        if entry.type in ESTIMATED:
            for usage in ESTIMATED[entry.type](site, entry):
                usages.setdefault((site.component_of(entry), usage.what), []).append(usage)
        elif _is_left_out(entry):
            unknown[entry.type] += 1
    lines = [_line(*named, found) for named, found in usages.items()]
    return Estimate([line for line in lines if line.load], _notes(snapshot, site, unknown))


def _is_left_out(entry: Entry) -> bool:
    return (entry.custom or entry.remote) and not is_free(entry.type)


def _line(component: str, what: str, usages: Iterable[Usage]) -> Line:
    usages = list(usages)
    always = [usage for usage in usages if not usage.loaded]
    on_top = [usage for usage in usages if usage.loaded]
    parts = [*_sums(always), *(f"{part} under load" if always else part for part in _sums(on_top))]
    idle = math.fsum(usage.usd for usage in always)
    return Line(component, what, " + ".join(parts), idle, idle + math.fsum(usage.usd for usage in on_top))


def _sums(usages: Iterable[Usage]) -> list[str]:
    """The arithmetic of each, what is the same taken together."""
    times = Counter(usage.arithmetic for usage in _counted(usages) if usage.usd)
    return [f"{count} x {arithmetic}" if count > 1 else arithmetic for arithmetic, count in times.items()]


def _counted(usages: Iterable[Usage]) -> Iterator[Usage]:
    """The usages, those that are bare numbers of one thing at one price added up."""
    totals = dict[tuple[Price, str], float]()
    for usage in usages:
        if len(usage.factors) == 1:
            ((amount, unit),) = usage.factors
            totals[usage.price, unit] = totals.get((usage.price, unit), 0) + amount
        else:
            yield usage
    for (price, unit), amount in totals.items():
        yield Usage("", price, [(amount, unit)])


def _changed(before: Estimate, after: Estimate) -> list[CostLine]:
    """The lines that differ, the largest difference first."""
    sides = [{(line.component, line.what): line for line in side.lines} for side in (before, after)]
    lines = [_compared(sides[0].get(named), sides[1].get(named)) for named in dict.fromkeys([*sides[0], *sides[1]])]
    differing = [(size, line) for line in lines if (size := _difference(line)) >= _TELLING]
    return [
        line for _, line in sorted(differing, key=lambda each: (-round(each[0], 6), each[1].component, each[1].item))
    ]


_TELLING = 0.000_001
"""USD below which a difference is one of rounding."""


def _difference(line: CostLine) -> float:
    return max(abs(line.idle_after - line.idle_before), abs(line.load_after - line.load_before))


def _compared(before: Line | None, after: Line | None) -> CostLine:
    present = [line for line in (before, after) if line is not None]
    arithmetic = " -> ".join(dict.fromkeys(line.arithmetic for line in present))
    return CostLine(
        component=present[0].component,
        item=f"{present[0].what}: {arithmetic}",
        idle_before=before.idle if before else 0,
        idle_after=after.idle if after else 0,
        load_before=before.load if before else 0,
        load_after=after.load if after else 0,
    )


def _notes(snapshot: Snapshot, site: Site, unknown: Mapping[str, int]) -> list[str]:
    notes = [*dict.fromkeys(site.notes)]
    if unknown:
        counted = [f"{type_} ({count})" if count > 1 else type_ for type_, count in sorted(unknown.items())]
        notes.append(f"Not estimated: {', '.join(counted)}.")
    if snapshot.region != REGION:
        notes.append(f"The stack is in {snapshot.region}, where prices may be 10 to 20 % higher.")
    return [*notes, *_ALWAYS_LEFT_OUT]


_ALWAYS_LEFT_OUT = (
    "Free tiers are left out: they are an account's, and other stacks share them.",
    "Left out as well: taxes, data transfer, backups, what the database logs, and what metrics the code sends.",
)
