"""The order of what stands in each column, and how high: few crossings, and lines as level as there is room for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

_SWEEPS: Final = 12
_APART: Final = 22.0
_PASSING_APART: Final = 14.0


@dataclass(frozen=True)
class Slot:
    """A box in a column, or the place where an arrow passes it."""

    name: str
    height: float
    lane: int
    passes: bool = False

    def apart(self, other: "Slot") -> float:
        """The least room between two that are neighbours."""
        return _PASSING_APART if self.passes or other.passes else _APART


Column = Sequence[Slot]
Links = list[dict[str, set[str]]]
"""By column, which slots of the next one each slot is linked to."""


def arranged(columns: Sequence[Column], links: Links) -> Sequence[Column]:
    """The columns in an order with few crossings; lanes stay together, the first on top."""
    around = _neighbours(links)
    best: Sequence[Column] = [sorted(column, key=lambda slot: slot.lane) for column in columns]
    fewest = _crossings(best, links)
    current: list[Column] = list(best)
    for sweep in range(_SWEEPS):
        current = list(current)
        ltr = sweep % 2 == 0
        for index in range(len(current)) if ltr else reversed(range(len(current))):
            current[index] = _by_neighbours(current, index, around, before=ltr)
        _swap(current, links)
        if (found := _crossings(current, links)) < fewest:
            best, fewest = current, found
    return best


def _neighbours(links: Links) -> Mapping[tuple[str, bool], Sequence[str]]:
    """The slots that each is linked to, on its left where True."""
    around: dict[tuple[str, bool], list[str]] = {}
    for gap in links:
        for here in sorted(gap):
            for there in sorted(gap[here]):
                around.setdefault((here, False), []).append(there)
                around.setdefault((there, True), []).append(here)
    return around


def _by_neighbours(
    columns: Sequence[Column], index: int, around: Mapping[tuple[str, bool], Sequence[str]], *, before: bool
) -> Column:
    beside = index - 1 if before else index + 1
    if not 0 <= beside < len(columns):
        return columns[index]
    position = {slot.name: place / max(1, len(columns[beside]) - 1) for place, slot in enumerate(columns[beside])}
    own = {slot.name: place / max(1, len(columns[index]) - 1) for place, slot in enumerate(columns[index])}

    def wanted(slot: Slot) -> tuple[int, float, float]:
        near = [position[name] for name in around.get((slot.name, before), ()) if name in position]
        return slot.lane, sum(near) / len(near) if near else own[slot.name], own[slot.name]

    return sorted(columns[index], key=wanted)


def _swap(columns: list[Column], links: Links) -> None:
    """Exchanges neighbours wherever that leaves fewer crossings."""
    for index, column in enumerate(columns):
        if len(column) > 40:
            continue
        order = list(column)
        for place in range(len(order) - 1):
            one, other = order[place], order[place + 1]
            if one.lane == other.lane and _between(columns, links, index, other, one) < _between(
                columns, links, index, one, other
            ):
                order[place], order[place + 1] = other, one
        columns[index] = order


def _between(columns: Sequence[Column], links: Links, index: int, upper: Slot, lower: Slot) -> int:
    """The crossings of two slots' links, were the one above the other."""
    count = 0
    if index + 1 < len(columns):
        position = {slot.name: place for place, slot in enumerate(columns[index + 1])}
        above, below = links[index].get(upper.name, ()), links[index].get(lower.name, ())
        count += sum(position[one] > position[other] for one in above for other in below)
    if index:
        position = {slot.name: place for place, slot in enumerate(columns[index - 1])}
        above, below = (
            [name for name, ends in links[index - 1].items() if slot.name in ends] for slot in (upper, lower)
        )
        count += sum(position[one] > position[other] for one in above for other in below)
    return count


def _crossings(columns: Sequence[Column], links: Links) -> int:
    count = 0
    for index in range(len(columns) - 1):
        left = {slot.name: place for place, slot in enumerate(columns[index])}
        right = {slot.name: place for place, slot in enumerate(columns[index + 1])}
        pairs = sorted((left[here], right[there]) for here, ends in links[index].items() for there in ends)
        count += sum(
            one[1] > other[1] and one[0] < other[0] for place, one in enumerate(pairs) for other in pairs[place + 1 :]
        )
    return count


def stood(columns: Sequence[Column], links: Links, lanes: Mapping[int, tuple[float, float]]) -> Mapping[str, float]:
    """The middle of each slot, as level with what it is linked to as its lane and its neighbours allow.

    `lanes` are the top and bottom of each lane that a slot is in.
    """
    around = _neighbours(links)
    passing = {slot.name for column in columns for slot in column if slot.passes}
    middles: dict[str, float] = {}
    for column in columns:
        for lane, stacked in _by_lane(column):
            middles |= _settled(stacked, {slot.name: 0.0 for slot in stacked}, lanes[lane])
    for sweep in range(2 * _SWEEPS):
        for column in columns if sweep % 2 == 0 else reversed(columns):
            for lane, stacked in _by_lane(column):
                wanted = {slot.name: _wanted(slot, around, middles, passing, sweep) for slot in stacked}
                middles |= _settled(stacked, wanted, lanes[lane])
    return middles


def _by_lane(column: Column) -> Sequence[tuple[int, Column]]:
    return [(lane, [slot for slot in column if slot.lane == lane]) for lane in sorted({slot.lane for slot in column})]


def _wanted(
    slot: Slot,
    around: Mapping[tuple[str, bool], Sequence[str]],
    middles: Mapping[str, float],
    passing: set[str],
    sweep: int,
) -> float:
    """Where a slot would be level with what it is linked to: first on one side, in the end on both."""
    sides = (True, False) if sweep >= _SWEEPS else (sweep % 2 == 0,)
    near = [name for side in sides for name in around.get((slot.name, side), ())]
    weights = [4.0 if slot.passes and name in passing else 1.0 for name in near]
    if not near:
        return middles[slot.name]
    return sum(middles[name] * weight for name, weight in zip(near, weights, strict=True)) / sum(weights)


def _settled(stacked: Column, wanted: Mapping[str, float], lane: tuple[float, float]) -> Mapping[str, float]:
    """The middles nearest to those wanted at which nothing overlaps: pools of neighbours share their mean."""
    offsets = [0.0]
    for one, other in pairwise(stacked):
        offsets.append(offsets[-1] + one.height / 2 + one.apart(other) + other.height / 2)
    pools: list[tuple[float, int]] = []
    for slot, offset in zip(stacked, offsets, strict=True):
        pools.append((wanted[slot.name] - offset, 1))
        while len(pools) > 1 and pools[-2][0] >= pools[-1][0]:
            (one, few), (other, more) = pools[-2], pools[-1]
            pools[-2:] = [((one * few + other * more) / (few + more), few + more)]
    first = lane[0] + stacked[0].height / 2
    last = max(first, lane[1] - stacked[-1].height / 2 - offsets[-1])
    level = [min(max(mean, first), last) for mean, count in pools for _ in range(count)]
    return {slot.name: base + offset for slot, base, offset in zip(stacked, level, offsets, strict=True)}
