"""An environment as a picture: its components as boxes, its networks as frames, what flows between them as arrows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from workbench.diff.model import Action, StackDiff
from workbench.diff.snapshot import Entry, Snapshot
from workbench.graph.boxes import Boxes
from workbench.graph.flows import arrows
from workbench.graph.model import Arrow, Flow, Picture

_FEW: Final = 3
"""So many arrows that are no calls may lead to or from one box; more are written into it as words."""


def picture(snapshot: Snapshot) -> Picture:
    """A stack as it is."""
    boxes = Boxes(snapshot)
    drawn, outside = arrows(snapshot, boxes)
    return _readable(Picture(snapshot.stack, [*outside, *boxes.boxes], boxes.frames, drawn))


def picture_of_both(diff: StackDiff) -> Picture | None:
    """A stack with all that it has before or after: what is deleted, too. None where neither snapshot is there."""
    if diff.base is None or diff.head is None:
        only = diff.base or diff.head
        return None if only is None else picture(only)
    former = {change.former_urn: change.urn for change in diff.changes if change.former_urn is not None}
    base = _renamed(diff.base, former)
    known = diff.head.by_urn()
    entries = [*diff.head.entries, *(entry for entry in base.entries if entry.urn not in known)]
    both = replace(diff.head, entries=sorted(entries, key=lambda each: each.urn))
    boxes = Boxes(both)
    (before, around), (after, outside) = arrows(base, boxes), arrows(diff.head, boxes)
    pairs_before, pairs_after = ({(each.source, each.target) for each in side} for side in (before, after))
    drawn = [
        *(
            replace(each, action=None if (each.source, each.target) in pairs_before else Action.CREATE)
            for each in after
        ),
        *(replace(each, action=Action.DELETE) for each in before if (each.source, each.target) not in pairs_after),
    ]
    drawn.sort(key=lambda each: (each.source, each.target))
    ends = list({box.id: box for box in (*outside, *around)}.values())
    return _readable(Picture(diff.stack, [*ends, *boxes.boxes], boxes.frames, drawn))


def _renamed(snapshot: Snapshot, former: Mapping[str, str]) -> Snapshot:
    def now(urn: str) -> str:
        return former.get(urn, urn)

    def entry_now(entry: Entry) -> Entry:
        return replace(
            entry,
            urn=now(entry.urn),
            parent=now(entry.parent),
            property_dependencies={
                name: [now(urn) for urn in urns] for name, urns in entry.property_dependencies.items()
            },
        )

    return replace(snapshot, entries=[entry_now(entry) for entry in snapshot.entries]) if former else snapshot


def _readable(whole: Picture) -> Picture:
    quiet = _quietened(whole)
    return replace(quiet, arrows=_without_detours(quiet.arrows))


def _quietened(whole: Picture) -> Picture:
    """The picture with words in place of the arrows of what watches or is used by everything."""
    called = {end for each in whole.arrows if each.flow is Flow.CALLS for end in (each.source, each.target)}
    crowded: dict[tuple[str, bool, Flow], list[Arrow]] = defaultdict(list)
    for arrow in whole.arrows:
        if arrow.flow is not Flow.CALLS:
            crowded[arrow.source, True, arrow.flow].append(arrow)
            crowded[arrow.target, False, arrow.flow].append(arrow)
    names = whole.names
    notes: dict[str, list[str]] = defaultdict(list)
    left_out: set[int] = set()
    for (box, outward, flow), found in sorted(crowded.items()):
        if len(found) > _FEW and box not in called:
            notes[box].append(_note(outward, flow, [names[each.target if outward else each.source] for each in found]))
            left_out |= {id(each) for each in found}
    return replace(
        whole,
        boxes=[replace(box, notes=notes[box.id]) if box.id in notes else box for box in whole.boxes],
        arrows=[each for each in whole.arrows if id(each) not in left_out],
    )


def _note(outward: bool, flow: Flow, names: Sequence[str]) -> str:
    verb = {
        (True, Flow.WATCHES): "watches",
        (False, Flow.WATCHES): "watched by",
        (True, Flow.USES): "uses",
        (False, Flow.USES): "used by",
    }[outward, flow]
    return f"{verb} {', '.join(names[:2])} and {len(names) - 2} more"


def _without_detours(found: Sequence[Arrow]) -> list[Arrow]:
    """The arrows without those that only say that something is used which is used by something used."""
    after: dict[str, set[str]] = defaultdict(set)
    for arrow in found:
        after[arrow.source].add(arrow.target)

    def reaches(start: str, goal: str) -> bool:
        open_, seen = [each for each in after[start] if each != goal], {start}
        while open_:
            here = open_.pop()
            if here == goal:
                return True
            if here not in seen:
                seen.add(here)
                open_ += after[here]
        return False

    return [each for each in found if each.flow is not Flow.USES or not reaches(each.source, each.target)]
