"""What follows when a resource is made anew: its id changes, and with it everything that was made of the id."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from workbench.diff.ignored import is_ignored
from workbench.diff.model import CodeChange, Forces, Path, PropertyChange
from workbench.diff.properties import UNORDERED
from workbench.diff.references import References, makes_a_version
from workbench.diff.replacement import Verdict, verdict_on
from workbench.diff.snapshot import Hidden, Snapshot

_STRENGTH = (Forces.NO, Forces.MAY, Forces.YES)


@dataclass(frozen=True)
class Consequences:
    """What changes for one resource because others are made anew."""

    properties: Sequence[PropertyChange] = ()
    because_of: Sequence[str] = ()


def strongest(forces: Sequence[Forces]) -> Forces:
    """What several changes of one resource do together."""
    return max(forces, key=_STRENGTH.index, default=Forces.NO)


def consequences(
    changed: Mapping[str, Sequence[PropertyChange | CodeChange]],
    former: Mapping[str, str],
    base: Snapshot,
    head: Snapshot,
) -> Mapping[str, Consequences]:
    """What follows, by URN in the head, from what changes by itself, however long the chain is.

    `changed` says what differs in each resource that was there before; `former` which those are, and as what.
    """
    cascade = _Cascade(changed, former, base, head)
    cascade.run()
    return cascade.found()


@dataclass(frozen=True)
class _Use:
    """A place where an input holds what only a deployment of another resource can tell."""

    urn: str
    path: Path
    value: Any
    sure: bool
    moves: bool
    """Whether it changes as the other one is updated, and not only as that is made anew."""
    stays: bool = False
    """Whether it is the same thing again once the other one is made anew, which has to be gone before."""


@dataclass
class _Cascade:
    changed: Mapping[str, Sequence[PropertyChange | CodeChange]]
    former: Mapping[str, str]
    base: Snapshot
    head: Snapshot
    _forced: dict[str, Forces] = field(default_factory=dict[str, Forces])
    """What is made anew, or may be."""
    _moved: set[str] = field(default_factory=set[str])
    """What gets another version."""
    _uses: dict[str, Sequence[_Use]] = field(default_factory=dict[str, Sequence[_Use]])

    def __post_init__(self) -> None:
        self._before, self._after = self.base.by_urn(), self.head.by_urn()
        self._users = _users(self.head)
        for urn, entry in self._after.items():
            own = self.changed.get(urn, ())
            forces = strongest([each.forces for each in own]) if urn in self.former else Forces.YES
            if entry.custom and forces is not Forces.NO:
                self._forced[urn] = forces
            if any(makes_a_version(entry, each.path) for each in own):
                self._moved.add(urn)

    def run(self) -> None:
        """Follows every cause until nothing more comes of it. What happens to one grows only, so circles end."""
        rest = [*self._forced, *self._moved]
        while rest:
            cause = rest.pop()
            for use in self._uses_of(cause):
                entry, known = self._after[use.urn], self._forced.get(use.urn, Forces.NO)
                forced = strongest([known, self._consequence(use, cause).forces])
                if forced is not known:
                    self._forced[use.urn] = forced
                    rest.append(use.urn)
                if use.urn not in self._moved and makes_a_version(entry, use.path):
                    self._moved.add(use.urn)
                    rest.append(use.urn)

    def found(self) -> Mapping[str, Consequences]:
        """What follows for each resource."""
        properties: dict[str, dict[Path, PropertyChange]] = defaultdict(dict)
        causes: dict[str, list[str]] = defaultdict(list)
        for cause in sorted(self._uses):
            for use in self._uses_of(cause):
                told, known = self._consequence(use, cause), properties[use.urn].get(use.path)
                if known is None or strongest([known.forces, told.forces]) is not known.forces:
                    properties[use.urn][use.path] = told
                if cause in self._forced and cause not in causes[use.urn]:
                    causes[use.urn].append(cause)
        return {urn: Consequences(list(each.values()), causes[urn]) for urn, each in properties.items() if each}

    def _uses_of(self, cause: str) -> Iterator[_Use]:
        """Who holds what changes with a resource, and does not change there anyway."""
        if cause not in self._uses:
            references = References(self._before.get(self.former.get(cause, "")), self._after[cause], self.head)
            uses = list(self._held_anew(cause, references))
            if references.old_goes_first:
                uses += self._held_on_to(cause, {(use.urn, use.path[0]) for use in uses})
            self._uses[cause] = [
                use
                for use in uses
                if not is_ignored(use.path, self._after[use.urn].ignore_changes)
                and not any(_overlap(use.path, own.path) for own in self.changed.get(use.urn, ()))
            ]
        return (use for use in self._uses[cause] if use.moves or cause in self._forced)

    def _held_anew(self, cause: str, references: References) -> Iterator[_Use]:
        """What is another thing once the cause is made anew."""
        for urn, name in self._users.get(cause, ()):
            if urn != cause:
                yield from _held(urn, (name,), self._after[urn].inputs[name], references)

    def _held_on_to(self, cause: str, known: Collection[tuple[str, str | int]]) -> Iterator[_Use]:
        """What is the same again, and yet has to go with a cause that is gone for a while."""
        for urn, name in self._users.get(cause, ()):
            user = self._after[urn]
            if urn == cause or urn not in self.former or not user.custom or (urn, name) in known:
                continue
            value = user.inputs[name]
            if verdict_on(user, (name,), PropertyChange((name,), value, value), user.inputs).forces is not Forces.NO:
                yield _Use(urn, (name,), value, sure=True, moves=False, stays=True)

    def _consequence(self, use: _Use, cause: str) -> PropertyChange:
        entry, forced = self._after[cause], self._forced.get(cause, Forces.NO)
        user = self._after[use.urn]
        told = Verdict(Forces.NO)
        if user.custom:
            told = verdict_on(user, use.path, PropertyChange(use.path, use.value, use.value), user.inputs)
        sure = use.sure and (forced is Forces.YES or (use.moves and cause in self._moved))
        forces = Forces.MAY if told.forces is Forces.YES and not sure else told.forces
        first = ", once the old one is gone" if use.stays else ""
        source = f"its value comes from {entry.type} {entry.name}, which {self._fate(cause)}{first}"
        if forces is not Forces.NO and told.source:
            source += f"; {told.source}"
        return PropertyChange(use.path, use.value, use.value, forces, source)

    def _fate(self, urn: str) -> str:
        if urn not in self.former:
            return "is new"
        return {Forces.YES: "is replaced", Forces.MAY: "may be replaced", Forces.NO: "gets another version"}[
            self._forced.get(urn, Forces.NO)
        ]


def changed_in(value: Any, path: Path, references: References) -> Iterator[tuple[Path, Any]]:
    """Where in a value something is that changes with a resource made anew, and what."""
    return ((use.path, use.value) for use in _held("", path, value, references) if use.sure)


def _overlap(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]


def _users(head: Snapshot) -> Mapping[str, Sequence[tuple[str, str]]]:
    """By URN, which inputs of which resources were made of it."""
    users: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for entry in head.entries:
        for name in entry.inputs:
            for urn in entry.property_dependencies.get(name, ()):
                users[urn].append((entry.urn, name))
    return users


def _held(urn: str, path: Path, value: Any, references: References) -> Iterator[_Use]:
    """Where in one input something is that changes with another resource."""
    rest: list[tuple[Path, Any]] = [(path, value)]
    while rest:
        place, each = rest.pop()
        match each:
            case str() if (held := references.moving_in(each)) is not None:
                yield _Use(urn, place, held, sure=True, moves=True)
            case str() if (held := references.changing_in(each)) is not None:
                yield _Use(urn, place, held, sure=True, moves=False)
            case Hidden():
                yield _Use(urn, place, each, sure=False, moves=False)
            case dict():
                rest += [((*place, key), item) for key, item in cast("dict[str, Any]", each).items()]
            case list() if place[-1] in UNORDERED:
                rest += [(place, item) for item in cast("list[Any]", each)]
            case list():
                rest += [((*place, index), item) for index, item in enumerate(cast("list[Any]", each))]
            case _:
                pass
