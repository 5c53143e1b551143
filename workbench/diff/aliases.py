"""Which resource of the base each resource of the head is: found by URN, or by alias as Pulumi's engine finds it."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from workbench.diff.snapshot import Entry, Snapshot

_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Matches:
    """The resources of both sides that are the same ones."""

    former: Mapping[str, str]
    """By URN in the head, the URN in the base."""
    refusals: Sequence[str] = ()
    """Aliases that Pulumi would refuse, a sentence each."""


def matched(base: Snapshot, head: Snapshot) -> Matches:
    """Pairs the resources of two snapshots.

    The rules are the engine's (pulumi/pulumi, pkg/resource/deploy/step_generator.go): the URN first, then each alias in
    turn, and of a parent that was found by an alias also what that makes of the child's own URN and aliases.
    """
    before, after = base.by_urn(), head.by_urn()
    aliased: dict[str, str] = {}
    claimed: dict[str, str] = {}
    refusals: list[str] = []
    for entry in _parents_first(after):
        if entry.urn in before:
            continue
        found = next((urn for urn in _aliases_of(entry, aliased, head) if urn in before), None)
        if found is None:
            continue
        owner = found if found in after else claimed.get(found)
        if owner is not None:
            refusals.append(
                f"{entry.type} {entry.name} says that it was {found}, which {_short(owner)} is: "
                "Pulumi refuses that, so take the alias from one of them."
            )
            continue
        aliased[entry.urn], claimed[found] = found, entry.urn
    same = {urn: urn for urn in after if urn in before}
    return Matches({**same, **aliased}, refusals)


def collapsed(entry: Entry, alias: str, aliased: Mapping[str, str], head: Snapshot) -> str:
    """The URN that one alias of an entry stands for, given by URN or as what of it has changed."""
    spec = _spec(alias)
    if spec is None:
        return alias
    parent = spec.get("parentUrn", "")
    parent = aliased.get(parent, parent) if parent else entry.parent
    if spec.get("noParent") or own_type(parent) == _STACK:
        parent = ""
    type_, name = spec.get("type") or entry.type, spec.get("name") or entry.name
    if parent:
        return f"{parent.rpartition('::')[0]}${type_}::{name}"
    return f"urn:pulumi:{spec.get('stack') or head.stack}::{spec.get('project') or head.project}::{type_}::{name}"


def own_type(urn: str) -> str:
    """The last of the types in a URN: the resource's own."""
    return _parts(urn)[2].rpartition("$")[2]


def own_name(urn: str) -> str:
    """The name in a URN."""
    return _parts(urn)[3]


def _parts(urn: str) -> Sequence[str]:
    parts = urn.split("::", 3)
    return [*parts, *[""] * (4 - len(parts))]


def _short(urn: str) -> str:
    return f"{own_type(urn)} {own_name(urn)}"


def _spec(alias: str) -> Mapping[str, Any] | None:
    return cast("Mapping[str, Any]", json.loads(alias)) if alias.startswith("{") else None


def _parents_first(entries: Mapping[str, Entry]) -> Iterator[Entry]:
    """The entries, each after its parents of now and of before. A circle of parents is taken as it comes."""
    seen: set[str] = set()
    for first in entries.values():
        rest = [(first, False)]
        while rest:
            entry, ready = rest.pop()
            if ready:
                yield entry
            elif entry.urn not in seen:
                seen.add(entry.urn)
                rest.append((entry, True))
                rest += [(entries[urn], False) for urn in _parents(entry) if urn in entries]


def _parents(entry: Entry) -> Iterator[str]:
    yield entry.parent
    for alias in entry.aliases:
        if spec := _spec(alias):
            yield spec.get("parentUrn", "")


def _aliases_of(entry: Entry, aliased: Mapping[str, str], head: Snapshot) -> Iterator[str]:
    own = [collapsed(entry, alias, aliased, head) for alias in entry.aliases]
    yield from own
    former_parent = aliased.get(entry.parent)
    if former_parent is None:
        return
    yield _inherited(entry.type, entry.name, entry.parent, former_parent, head)
    for urn in own:
        yield _inherited(own_type(urn), own_name(urn), entry.parent, former_parent, head)


def _inherited(type_: str, name: str, parent: str, former_parent: str, head: Snapshot) -> str:
    """What a child is called inside a parent that is called something else: a name that begins with its follows."""
    parent_name = own_name(parent)
    if name.startswith(parent_name):
        name = own_name(former_parent) + name.removeprefix(parent_name)
    above = _parts(former_parent)[2]
    return f"urn:pulumi:{head.stack}::{head.project}::{above}${type_}::{name}"
