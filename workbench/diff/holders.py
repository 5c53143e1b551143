"""Whose a policy or a rule is: the resources of one side of a comparison, found by what others call them."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

from workbench.diff.ignored import with_ignored
from workbench.diff.model import ResourceChange
from workbench.diff.snapshot import Entry, Hidden, Snapshot
from workbench.placeholders import physical_name

_PLACEHOLDER = re.compile(r"\$\{([^{}]+?)::([^{}]*)\}")
_WORD = "[A-Za-z0-9_-]"
"""What the names of resources are made of: one that is part of a longer word is another name."""


@dataclass(frozen=True)
class Holder:
    """A resource that a policy or rule belongs to, or only the name of one that the stack does not have."""

    key: str
    """The same on both sides: its URN in the head, or what others call it."""
    name: str
    entry: Entry | None = None

    @property
    def as_new(self) -> str:
        """What it is called in a sentence that says that it is new: `the new security group api`."""
        kind = self.entry.type.rpartition(":")[2] if self.entry else ""
        words = [word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", kind)]
        return " ".join(["the new", *words, self.name])


class Side:
    """One side of a comparison. What the other side calls differently is called as in the head."""

    def __init__(self, snapshot: Snapshot | None, keys: Mapping[str, str], names: Sequence["Renaming"] = ()) -> None:
        self.entries: Sequence[Entry] = snapshot.entries if snapshot else []
        self._urns = {entry.urn: entry for entry in self.entries}
        self._keys = keys
        self._names = names

    def key(self, entry: Entry) -> str:
        """The URN that the resource has in the head."""
        return self._keys.get(entry.urn, entry.urn)

    @cached_property
    def by_key(self) -> Mapping[str, Entry]:
        """The resources by the URN that they have in the head."""
        return {self.key(entry): entry for entry in self.entries}

    def itself(self, entry: Entry) -> Holder:
        """A resource as the holder of what is written in it."""
        return Holder(self.key(entry), entry.name, entry)

    def named(self, entry: Entry, prop: str, value: Any, types: Sequence[str]) -> Holder:
        """What `value`, (a part of) the input `prop` of a resource, stands for: one of `types`, where it is known."""
        text = "[secret]" if isinstance(value, Hidden) else str(value)
        if found := _PLACEHOLDER.match(text):
            pointed = [each for each in self._by_type.get(found[1], ()) if found[2].startswith(f"{each.name}.")]
            if pointed and len({each.name for each in pointed}) == len(pointed):
                return self.itself(max(pointed, key=lambda each: len(each.name)))
        made_of = [self._urns[urn] for urn in entry.property_dependencies.get(prop, ()) if urn in self._urns]
        made_of = [each for each in made_of if each.type in types]
        called = [
            each
            for name in _names_in(text)
            for each in self._by_physical_name.get(name, ())
            if each.type in types and (not made_of or each in made_of)
        ]
        if len(called) == 1:
            return self.itself(called[0])
        if len(made_of) == 1:
            return self.itself(made_of[0])
        return Holder(f"{types[0]}={text}" if types else text, text)

    def as_in_head(self, entry: Entry) -> Callable[[str], str]:
        """Rewrites a text of a resource: the names of what it was made of, as they are in the head."""
        made_of = {*entry.dependencies, entry.urn}
        words = {each.before: each.after for each in self._names if each.urn is None or each.urn in made_of}
        if not words:
            return lambda text: text
        pattern = re.compile("|".join(map(_as_word, sorted(words, key=len, reverse=True))))
        return lambda text: pattern.sub(lambda found: words[found[0]], text)

    @cached_property
    def _by_physical_name(self) -> Mapping[str, Sequence[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(physical_name(entry.name, entry.inputs), []).append(entry)
        return found

    @cached_property
    def _by_type(self) -> Mapping[str, Sequence[Entry]]:
        found: dict[str, list[Entry]] = {}
        for entry in self.entries:
            found.setdefault(entry.type, []).append(entry)
        return found


@dataclass(frozen=True)
class Renaming:
    """A word that the base has for what the head calls differently."""

    urn: str | None
    """In the base; None for what is not one resource's, such as the region."""
    before: str
    after: str


def sides(changes: Sequence[ResourceChange], base: Snapshot | None, head: Snapshot | None) -> tuple[Side, Side]:
    """Both sides, with resources that are the same under another name told by their aliases."""
    keys = {change.former_urn: change.urn for change in changes if change.former_urn}
    before = Side(base, keys)
    if head is not None:
        head = replace(head, entries=[_applied(before.by_key.get(entry.urn), entry) for entry in head.entries])
    after = Side(head, {})
    names = [
        each
        for key, entry in before.by_key.items()
        if (twin := after.by_key.get(key)) is not None
        for each in _renamings(entry, twin)
    ]
    if base and head and base.region != head.region:
        names.append(Renaming(None, base.region, head.region))
    return Side(base, keys, names), after


def short(text: str) -> str:
    """A resource's ARN or placeholder as a word for a sentence."""
    text = _PLACEHOLDER.sub(lambda found: found[2].partition(".")[0], text)
    parts = text.split(":", 5)
    return parts[5] if len(parts) == 6 and parts[0] == "arn" else text


def clauses(texts: Sequence[str], most: int = 3) -> str:
    """Parts of a sentence that have commas of their own, the first of them where they are many."""
    shown = [*dict.fromkeys(texts)]
    if len(shown) > most + 1:
        shown = [*shown[:most], f"and {len(shown) - most} more"]
    return "; ".join(shown)


def listed(items: Sequence[str], most: int = 4) -> str:
    """The items as part of a sentence, the first of them where they are many."""
    shown = [item if len(item) <= _LONGEST else f"{item[:_LONGEST]}…" for item in dict.fromkeys(items)]
    if len(shown) > most + 1:
        return f"{', '.join(shown[:most])} and {len(shown) - most} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


_LONGEST = 120


def mapping(value: Any) -> Mapping[str, Any]:
    """`value`, where it is an object; else an empty one."""
    return cast("Mapping[str, Any]", value) if isinstance(value, Mapping) else {}


def several(value: Any) -> list[Any]:
    """The items of a list, or the one thing that stands for a list of it; none of nothing."""
    if value is None:
        return []
    return [*cast("Sequence[Any]", value)] if isinstance(value, (list, tuple)) else [value]


def _names_in(text: str) -> list[str]:
    """What a text may have a name as: itself, or the end of an ARN or address."""
    return [text, *(text[found.end() :] for found in re.finditer("[:/]", text[:_LONGEST_ARN]))]


_LONGEST_ARN = 2048


def _applied(former: Entry | None, entry: Entry) -> Entry:
    """A resource of the head as it will be: what Pulumi is told to ignore stays."""
    if former is None or not entry.ignore_changes:
        return entry
    return replace(entry, inputs=with_ignored(former.inputs, entry.inputs, entry.ignore_changes))


def _renamings(before: Entry, after: Entry) -> list[Renaming]:
    words = [(physical_name(before.name, before.inputs), physical_name(after.name, after.inputs))]
    words.append((f"${{{before.type}::{before.name}.", f"${{{after.type}::{after.name}."))
    return [Renaming(before.urn, old, new) for old, new in words if old != new]


def _as_word(text: str) -> str:
    """A name where it is a word of its own; a placeholder wherever it is."""
    return re.escape(text) if text.startswith("${") else f"(?<!{_WORD}){re.escape(text)}(?!{_WORD})"
