"""Which element of one list is which of another: by name, by likeness, or by position, and never in quadratic time."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from workbench.diff.values import canonical

_NAMES: Final = ("Sid", "sid", "Name", "name", "Key", "key", "Id", "id", "routeKey")
"""What things in a list are called by, the most telling first."""

_ALIKE: Final = 1 / 3
"""The share of what two things say together from which on one is taken for the other, changed."""

_WEIGHED: Final = 2_500
"""The pairs of things up to which each is weighed against each. Beyond, they are paired as they come."""


@dataclass(frozen=True)
class Pairing:
    """Two elements that are the same thing, or one that is on one side only; positions in their lists."""

    before: int | None
    after: int | None
    name: str | None = None


def named(before: Sequence[Any], after: Sequence[Any]) -> list[Pairing] | None:
    """Elements paired by their names, in the order of `after`; None where not all have different ones."""
    for key in _NAMES:
        old, new = _by_name(before, key), _by_name(after, key)
        if old is not None and new is not None:
            return [
                *(Pairing(index, None, name) for name, index in old.items() if name not in new),
                *(Pairing(old.get(name), index, name) for name, index in new.items()),
            ]
    return None


def _by_name(items: Sequence[Any], key: str) -> dict[str, int] | None:
    found: dict[str, int] = {}
    for index, item in enumerate(items):
        name = cast("Mapping[str, Any]", item).get(key) if isinstance(item, Mapping) else None
        if not isinstance(name, str) or not name or name in found:
            return None
        found[name] = index
    return found


def unordered(before: Sequence[Any], after: Sequence[Any]) -> list[Pairing]:
    """Elements whose order means nothing: what differs, the most alike taken for one another.

    Those that have a name (`Sid`) in common are the same first of all.
    """
    old, new = _unequal(before, after)
    pairs: list[tuple[int, int]] = []
    names = {_sid(before[index]): index for index in old}
    sids = Counter(_sid(item) for items in (before, after) for item in items)
    for index in list(new):
        sid = _sid(after[index])
        if sid and sid in names and sids[sid] == 2:
            pairs.append((names[sid], index))
    old, new = _without(old, new, pairs)
    pairs += _most_alike(before, after, old, new)
    old, new = _without(old, new, pairs)
    return [
        *(Pairing(index, None, _sid(before[index])) for index in old),
        *(Pairing(one, other, _sid(after[other])) for one, other in sorted(pairs, key=lambda pair: pair[1])),
        *(Pairing(None, index, _sid(after[index])) for index in new),
    ]


def ordered(before: Sequence[Any], after: Sequence[Any]) -> list[Pairing]:
    """Elements whose order counts: what differs once everything that stayed in line is left out."""
    old, new = [canonical(item) for item in before], [canonical(item) for item in after]
    found: list[Pairing] = []
    for old_gap, new_gap in _gaps(old, new):
        pairs = _in_gap(before, after, old_gap, new_gap)
        removed, added = _without(list(old_gap), list(new_gap), pairs)
        found += [Pairing(index, None) for index in removed]
        found += [Pairing(*pair) for pair in sorted(pairs, key=lambda pair: pair[1])]
        found += [Pairing(None, index) for index in added]
    return found


def _unequal(before: Sequence[Any], after: Sequence[Any]) -> tuple[list[int], list[int]]:
    """The positions of what is not on both sides, as often as it is there."""
    old, new = [canonical(item) for item in before], [canonical(item) for item in after]
    spare_old, spare_new = Counter(old) - Counter(new), Counter(new) - Counter(old)
    return list(_spare(old, spare_old)), list(_spare(new, spare_new))


def _spare(keys: Sequence[str], spare: Counter[str]) -> Iterator[int]:
    for index, key in enumerate(keys):
        if spare[key] > 0:
            spare[key] -= 1
            yield index


def _sid(item: Any) -> str | None:
    sid = cast("Mapping[str, Any]", item).get("Sid") if isinstance(item, Mapping) else None
    return sid if isinstance(sid, str) and sid else None


def _without(old: Sequence[int], new: Sequence[int], pairs: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    gone_old, gone_new = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    return [index for index in old if index not in gone_old], [index for index in new if index not in gone_new]


def _most_alike(
    before: Sequence[Any], after: Sequence[Any], old: Sequence[int], new: Sequence[int]
) -> list[tuple[int, int]]:
    if len(old) * len(new) > _WEIGHED:
        return [(one, other) for one, other in zip(old, new, strict=False) if _same_kind(before[one], after[other])]
    pairs = alike([said(before[index]) for index in old], [said(after[index]) for index in new], _ALIKE)
    return [(old[one], new[other]) for one, other in pairs]


def alike(old: Sequence[set[str]], new: Sequence[set[str]], least: float) -> Iterator[tuple[int, int]]:
    """The positions of what says nearly the same, at least this share of it, the most alike first."""
    weighed = sorted(
        (-likeness(one_said, other_said), one, other)
        for one, one_said in enumerate(old)
        for other, other_said in enumerate(new)
    )
    taken_old, taken_new = set[int](), set[int]()
    for weight, one, other in weighed:
        if -weight >= least and one not in taken_old and other not in taken_new:
            taken_old.add(one)
            taken_new.add(other)
            yield one, other


def likeness(one: set[str], other: set[str]) -> float:
    """The share of what two values say that both do, between 0 and 1."""
    return len(one & other) / len(one | other) if one or other else 1.0


def said(value: Any) -> set[str]:
    """Everything that a mapping or list says, each leaf with the keys that lead to it."""
    found: set[str] = set()
    rest: list[tuple[str, Any]] = [("", value)]
    while rest:
        way, each = rest.pop()
        if isinstance(each, Mapping):
            rest += [(f"{way}.{key}", item) for key, item in cast("Mapping[str, Any]", each).items()]
        elif isinstance(each, list):
            rest += [(way, item) for item in cast("list[Any]", each)]
        else:
            found.add(f"{way}={canonical(each)}")
    return found


def _in_gap(before: Sequence[Any], after: Sequence[Any], old: range, new: range) -> list[tuple[int, int]]:
    """What is one thing changed, between two things that stayed."""
    if len(old) != len(new) and all(isinstance(before[index], Mapping) for index in old):
        return _most_alike(before, after, old, new)
    return [(one, other) for one, other in zip(old, new, strict=False) if _same_kind(before[one], after[other])]


def _same_kind(one: Any, other: Any) -> bool:
    return all(isinstance(one, kind) == isinstance(other, kind) for kind in (Mapping, list))


def _gaps(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[range, range]]:
    """The stretches between what is the same on both sides, in line: patience diff, n log n whatever the lists are."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end_old, end_new = len(old), len(new)
    while end_old > start and end_new > start and old[end_old - 1] == new[end_new - 1]:
        end_old, end_new = end_old - 1, end_new - 1
    at_old, at_new = start, start
    for one, other in [*_anchors(old, new, start, end_old, end_new), (end_old, end_new)]:
        if one > at_old or other > at_new:
            yield range(at_old, one), range(at_new, other)
        at_old, at_new = one + 1, other + 1


def _anchors(old: Sequence[str], new: Sequence[str], start: int, end_old: int, end_new: int) -> list[tuple[int, int]]:
    """The longest line of things that come once on either side, in the order of both."""
    once_old = dict(_once(old, start, end_old))
    both = [(once_old[key], index) for key, index in _once(new, start, end_new) if key in once_old]
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int] = []
    for place, (one, _) in enumerate(both):
        length = bisect_left(tails, one)
        previous.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [one]
        ends[length : length + 1] = [place]
    line: list[tuple[int, int]] = []
    place = ends[-1] if ends else -1
    while place >= 0:
        line.append(both[place])
        place = previous[place]
    return line[::-1]


def _once(keys: Sequence[str], start: int, end: int) -> Iterator[tuple[str, int]]:
    counts = Counter(keys[start:end])
    return ((keys[index], index) for index in range(start, end) if counts[keys[index]] == 1)
