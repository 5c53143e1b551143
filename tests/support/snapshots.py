"""Snapshots made by hand, for what no small program would show."""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.diff.compare import compared
from workbench.diff.model import StackDiff
from workbench.diff.snapshot import Entry, Snapshot

_STACK = "urn:pulumi:test::plinth::pulumi:pulumi:Stack::plinth-test"


def entry(
    type_: str, name: str, inputs: Mapping[str, Any] | None = None, *, within: Entry | None = None, **more: Any
) -> Entry:
    """A resource of the stack `test`; each of its inputs is made of all that it depends on, unless `more` says what."""
    parent = within.urn if within else _STACK
    above = f"{within.urn.split('::')[2]}$" if within else ""
    dependencies: Sequence[str] = more.setdefault("dependencies", ())
    more.setdefault("property_dependencies", {key: list(dependencies) for key in inputs or {}})
    more.setdefault("custom", not type_.startswith("test:"))
    return Entry(
        urn=f"urn:pulumi:test::plinth::{above}{type_}::{name}",
        type=type_,
        name=name,
        parent=parent,
        inputs=inputs or {},
        **more,
    )


def stack(*entries: Entry, outputs: Mapping[str, Any] | None = None, region: str = "eu-central-1") -> Snapshot:
    """The stack `test` with these resources in it."""
    return Snapshot("plinth", "test", region, sorted(entries, key=lambda each: each.urn), outputs or {})


def between(before: Sequence[Entry], after: Sequence[Entry]) -> StackDiff:
    """What changes from the one set of resources to the other."""
    return compared("test", stack(*before), stack(*after))
