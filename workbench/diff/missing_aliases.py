"""Which resources look renamed or moved although no alias says so: one is deleted, and one like it created."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.diff.aliases import collapsed
from workbench.diff.model import Action, ResourceChange
from workbench.diff.sequences import alike, likeness, said
from workbench.diff.snapshot import Entry, Snapshot
from workbench.diff.values import canonical
from workbench.manifest import rewritten

_NEARLY = 0.75
"""The share of what two resources say together from which on one looks like the other."""

_CHILDREN_ALIKE = 0.5
"""The share of the children of two components that are of the same types and names."""

_WEIGHED = 400
"""The pairs of resources of one type up to which each is weighed against each."""


@dataclass(frozen=True)
class Rename:
    """Two resources that look like one."""

    before: Entry
    after: Entry
    shared: str
    """What they have in common."""
    alias: str
    """What the program would have to say, in Python."""


def missing_aliases(changes: Sequence[ResourceChange], base: Snapshot, head: Snapshot) -> list[Rename]:
    """The pairs of a deleted and a created resource that look like one; of a component's children nothing is said."""
    before, after = base.by_urn(), head.by_urn()
    deleted = [before[change.urn] for change in changes if change.action is Action.DELETE]
    created = [after[change.urn] for change in changes if change.action is Action.CREATE]
    if not deleted or not created:
        return []
    components = list(_components(deleted, created))
    gone = _inside({pair[0].urn for pair in components}, deleted)
    come = _inside({pair[1].urn for pair in components}, created)
    resources = _resources(
        [entry for entry in deleted if entry.custom and entry.urn not in gone],
        [entry for entry in created if entry.custom and entry.urn not in come],
    )
    return [
        *(Rename(old, new, "the same children", _alias(old, new, head)) for old, new in components),
        *(Rename(old, new, shared, _alias(old, new, head)) for old, new, shared in resources),
    ]


def _alias(old: Entry, new: Entry, head: Snapshot) -> str:
    by_name = collapsed(new, json.dumps({"name": old.name}), {}, head) == old.urn
    return f"pulumi.Alias(name={json.dumps(old.name)})" if by_name else json.dumps(old.urn)


def _components(deleted: Sequence[Entry], created: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Components of one type whose children are alike, the outermost first, and nothing inside those."""
    old, new = _by_type(deleted, custom=False), _by_type(created, custom=False)
    old_children, new_children = _children(deleted), _children(created)
    weighed: list[tuple[int, float, str, str]] = []
    for type_ in sorted(old.keys() & new.keys()):
        if len(old[type_]) * len(new[type_]) > _WEIGHED:
            continue
        for one in old[type_]:
            for other in new[type_]:
                like = likeness(old_children[one.urn], new_children[other.urn])
                if like >= _CHILDREN_ALIKE:
                    weighed.append((one.urn.count("$"), -like, one.urn, other.urn))
    before, after = {entry.urn: entry for entry in deleted}, {entry.urn: entry for entry in created}
    taken: set[str] = set()
    for _, _, one, other in sorted(weighed):
        if not {*_above(one, before), *_above(other, after)} & taken:
            taken |= {one, other}
            yield before[one], after[other]


def _by_type(entries: Sequence[Entry], *, custom: bool) -> Mapping[str, Sequence[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.custom is custom:
            found[entry.type].append(entry)
    return found


def _children(entries: Sequence[Entry]) -> Mapping[str, set[str]]:
    """What is in each component: types, and names after the component's own."""
    names = {entry.urn: entry.name for entry in entries}
    found: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.parent in names:
            found[entry.parent].add(f"{entry.type} {entry.name.removeprefix(names[entry.parent])}")
    return found


def _above(urn: str, entries: Mapping[str, Entry]) -> Iterator[str]:
    """A resource and the components that it is in."""
    seen: set[str] = set()
    while urn in entries and urn not in seen:
        seen.add(urn)
        yield urn
        urn = entries[urn].parent


def _inside(components: set[str], entries: Sequence[Entry]) -> set[str]:
    known = {entry.urn: entry for entry in entries}
    return {urn for urn in known if components & {*_above(urn, known)}}


def _resources(deleted: Sequence[Entry], created: Sequence[Entry]) -> Iterator[tuple[Entry, Entry, str]]:
    """Resources of one type with the same inputs, then those with nearly the same, the most alike first."""
    old, new = _by_type(deleted, custom=True), _by_type(created, custom=True)
    for type_ in sorted(old.keys() & new.keys()):
        same = list(_same(old[type_], new[type_]))
        yield from ((one, other, "the same inputs") for one, other in same)
        taken = {entry.urn for pair in same for entry in pair}
        rest_old = [entry for entry in old[type_] if entry.urn not in taken]
        rest_new = [entry for entry in new[type_] if entry.urn not in taken]
        yield from ((one, other, "nearly the same inputs") for one, other in _nearly_same(rest_old, rest_new))


def _same(old: Sequence[Entry], new: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Those that kept their names first: they are moved, and no other one is taken for them."""
    by_inputs: dict[str, list[Entry]] = defaultdict(list)
    for entry in new:
        by_inputs[canonical(_nameless(entry))].append(entry)
    names = {entry.name for entry in new}
    for entry in sorted(old, key=lambda each: each.name not in names):
        if same := by_inputs[canonical(_nameless(entry))]:
            moved = next((index for index, each in enumerate(same) if each.name == entry.name), 0)
            yield entry, same.pop(moved)


def _nearly_same(old: Sequence[Entry], new: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    if len(old) * len(new) > _WEIGHED:
        return
    old_said, new_said = [said(_nameless(entry)) for entry in old], [said(_nameless(entry)) for entry in new]
    for one, other in alike(old_said, new_said, _NEARLY):
        yield old[one], new[other]


def _nameless(entry: Entry) -> Any:
    """A resource's inputs without its name, which is often a part of them."""
    name = re.compile(rf"(?<![A-Za-z0-9]){re.escape(entry.name)}(?![A-Za-z0-9])")
    return rewritten(entry.inputs, lambda leaf: name.sub("\0", leaf) if isinstance(leaf, str) else leaf)
