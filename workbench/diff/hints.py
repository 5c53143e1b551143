"""Advice on a difference: renames that lack their alias, and what Pulumi would refuse."""

from collections.abc import Iterator, Sequence

from workbench.diff.missing_aliases import Rename, missing_aliases
from workbench.diff.model import Action, ResourceChange
from workbench.diff.snapshot import Snapshot

_MOST = 20
"""The renames that are told one by one."""


def hints(changes: Sequence[ResourceChange], base: Snapshot, head: Snapshot) -> list[str]:
    """A sentence on each thing that the author may have meant otherwise."""
    renames = missing_aliases(changes, base, head)
    more = [f"{len(renames) - _MOST} more resources look renamed without an alias."] if len(renames) > _MOST else []
    return [*_elsewhere(base, head), *_refused(changes), *(_advice(each) for each in renames[:_MOST]), *more]


def _elsewhere(base: Snapshot, head: Snapshot) -> Iterator[str]:
    if base.entries and head.entries and base.project != head.project:
        yield (
            f"The project was {base.project} and is {head.project}: to Pulumi that is another stack, "
            "and what the first one deployed stays as it is."
        )
    if base.entries and head.entries and base.region != head.region:
        yield (
            f"The region was {base.region} and is {head.region}: "
            "nothing on AWS moves, so everything is made anew, without its data."
        )


def _refused(changes: Sequence[ResourceChange]) -> Iterator[str]:
    verbs = {Action.DELETE: "delete", Action.REPLACE: "replace"}
    for change in changes:
        if change.protected and change.certain and change.action in verbs:
            yield (
                f"Pulumi refuses to {verbs[change.action]} {change.type} {change.name}, which is protected: "
                "if that is wanted, deploy it without protect first."
            )


def _advice(rename: Rename) -> str:
    old, new = rename.before, rename.after
    if old.name == new.name:
        happens = f"{old.type} {old.name} is deleted, and created in another place with {rename.shared}"
        return f"{happens}: if that is a move, give it aliases=[{rename.alias}]."
    happens = f"{old.type} {old.name} is deleted and {new.name} is created with {rename.shared}"
    return f"{happens}: if that is a rename, give it aliases=[{rename.alias}]."
