"""One stack before and after: which resources change, how, and what of it a reviewer has to see first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.diff.access import access
from workbench.diff.aliases import matched
from workbench.diff.cascade import Consequences, changed_in, consequences, strongest
from workbench.diff.data_risks import data_risks
from workbench.diff.hints import hints
from workbench.diff.ignored import with_ignored
from workbench.diff.model import Action, CodeChange, Forces, ItemName, PropertyChange, ResourceChange, StackDiff, Status
from workbench.diff.properties import all_added, all_removed, differences
from workbench.diff.references import References, Renames
from workbench.diff.replacement import verdict_on
from workbench.diff.snapshot import Entry, Snapshot

_FIRST = (Action.DELETE, Action.REPLACE)

_GLOBAL = frozenset({"budgets", "cloudfront", "globalaccelerator", "iam", "organizations", "route53"})
"""Services of AWS whose resources are in no region."""


def compared(stack: str, base: Snapshot | None, head: Snapshot | None) -> StackDiff:
    """What deploying `head` over `base` does. None stands for a revision that has no such stack."""
    old, new = base or _nothing_of(head), head or _nothing_of(base)
    matches = matched(old, new)
    renames = Renames(matches.former, old, new)
    changes = sorted(_changes(old, new, matches.former, renames), key=_place)
    outputs = _outputs(changes, matches.former, renames, old, new)
    opened = access(changes, base, head)
    return StackDiff(
        stack=stack,
        status=_status(base, head, changed=bool(changes or outputs)),
        changes=changes,
        outputs=outputs,
        risks=[*data_risks(changes, base, head), *opened.risks],
        statements=opened.statements,
        rules=opened.rules,
        hints=[*matches.refusals, *hints(changes, old, new)],
        base=base,
        head=head,
    )


def _nothing_of(other: Snapshot | None) -> Snapshot:
    """The stack before it was there, or after it went."""
    return replace(other, entries=[], outputs={}) if other else Snapshot("", "", "", [])


def _status(base: Snapshot | None, head: Snapshot | None, *, changed: bool) -> Status:
    if base is None and head is not None:
        return Status.ADDED
    if head is None and base is not None:
        return Status.REMOVED
    return Status.CHANGED if changed else Status.UNCHANGED


def _place(change: ResourceChange) -> tuple[int, str]:
    return (_FIRST.index(change.action) if change.action in _FIRST else len(_FIRST), change.urn)


@dataclass(frozen=True)
class _Difference:
    """What differs between a resource before and after, by itself."""

    before: Entry
    after: Entry
    properties: Sequence[PropertyChange]
    code: Sequence[CodeChange]
    options: Sequence[PropertyChange]


def _changes(base: Snapshot, head: Snapshot, former: Mapping[str, str], renames: Renames) -> list[ResourceChange]:
    before, kept = base.by_urn(), set(former.values())
    differing = {
        entry.urn: _difference(before[former[entry.urn]], entry, renames, (base.region, head.region))
        for entry in head.entries
        if entry.urn in former
    }
    created = [entry for entry in head.entries if entry.urn not in former]
    follows = consequences({urn: [*each.properties, *each.code] for urn, each in differing.items()}, former, base, head)
    stayed = (_change(each, follows.get(urn, Consequences()), head) for urn, each in differing.items())
    return [
        *(_whole(Action.DELETE, entry, base) for entry in base.entries if entry.urn not in kept),
        *(_whole(Action.CREATE, entry, head) for entry in created),
        *(change for change in stayed if change is not None),
    ]


def _difference(before: Entry, after: Entry, renames: Renames, regions: tuple[str, str]) -> _Difference:
    old = renames.inputs(before)
    new = with_ignored(old, after.inputs, after.ignore_changes)
    if regions[0] != regions[1] and _is_regional(after):
        old, new = {"region": regions[0], **old}, {"region": regions[1], **new}
    properties, code = differences(old, new)
    if after.custom:
        properties = [_judged(after, new, each) for each in properties]
        code = [_code_judged(after, each) for each in code]
    return _Difference(before, after, properties, code, _options(before, after))


def _is_regional(entry: Entry) -> bool:
    package, _, module = entry.type.partition(":")
    return entry.custom and package == "aws" and module.partition("/")[0] not in _GLOBAL


def _judged(entry: Entry, inputs: Mapping[str, Any], change: PropertyChange) -> PropertyChange:
    told = verdict_on(entry, tuple(part for part in change.path if not isinstance(part, ItemName)), change, inputs)
    return replace(change, forces=told.forces, source=told.source)


def _code_judged(entry: Entry, change: CodeChange) -> CodeChange:
    told = verdict_on(entry, change.path)
    return replace(change, forces=told.forces, source=told.source)


def _outputs(
    changes: Sequence[ResourceChange], former: Mapping[str, str], renames: Renames, base: Snapshot, head: Snapshot
) -> list[PropertyChange]:
    """The outputs that differ, and those that are made of what is replaced."""
    found, _ = differences(renames.outputs(), head.outputs)
    known = {each.path for each in found}
    before, after = base.by_urn(), head.by_urn()
    for change in changes:
        if change.action is not Action.REPLACE:
            continue
        references = References(before.get(former[change.urn]), after[change.urn], head)
        may = "is" if change.certain else "may be"
        for path, value in changed_in(head.outputs, (), references):
            if path not in known:
                known.add(path)
                source = f"its value comes from {change.type} {change.name}, which {may} replaced"
                found.append(PropertyChange(path, value, value, source=source))
    return sorted(found, key=_order)


def _options(before: Entry, after: Entry) -> Sequence[PropertyChange]:
    options = {
        "protect": (before.protect, after.protect),
        "retain_on_delete": (before.retain_on_delete, after.retain_on_delete),
    }
    return [PropertyChange((name,), old, new) for name, (old, new) in options.items() if old != new]


def _change(difference: _Difference, follows: Consequences, head: Snapshot) -> ResourceChange | None:
    before, after = difference.before, difference.after
    properties = [*difference.properties, *follows.properties]
    forces = strongest([each.forces for each in (*properties, *difference.code)])
    changes = bool(properties or difference.code or difference.options)
    if not changes and before.urn == after.urn:
        return None
    if not after.custom or forces is Forces.NO:
        action = Action.UPDATE if changes else Action.RENAME
    else:
        action = Action.REPLACE
    return ResourceChange(
        action=action,
        urn=after.urn,
        type=after.type,
        name=after.name,
        component=head.components_of(after),
        former_urn=before.urn if before.urn != after.urn else None,
        certain=action is not Action.REPLACE or forces is Forces.YES,
        properties=sorted(properties, key=_order),
        code=difference.code,
        options=difference.options,
        because_of=follows.because_of,
        # Protection that is taken away no longer keeps a resource from being replaced, in the same deployment already.
        protected=before.protect and after.protect,
        retained=before.retain_on_delete,
        custom=after.custom,
    )


def _order(change: PropertyChange) -> list[tuple[bool, Any]]:
    return [(isinstance(part, str), part) for part in change.path]


def _whole(action: Action, entry: Entry, snapshot: Snapshot) -> ResourceChange:
    """A resource that is on one side only."""
    deleted = action is Action.DELETE
    return ResourceChange(
        action=action,
        urn=entry.urn,
        type=entry.type,
        name=entry.name,
        component=snapshot.components_of(entry),
        properties=all_removed(entry.inputs) if deleted else all_added(entry.inputs),
        protected=deleted and entry.protect,
        retained=deleted and entry.retain_on_delete,
        custom=entry.custom,
    )
