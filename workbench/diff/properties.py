"""What differs between a resource's inputs before and after, down to the single key, element or action."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from workbench.diff.documents import DEEPEST, Unordered, document
from workbench.diff.model import ABSENT, CodeChange, ItemName, Path, PropertyChange
from workbench.diff.sequences import Pairing, named, ordered, unordered
from workbench.diff.snapshot import Code
from workbench.diff.values import canonical

UNORDERED: Final = frozenset(
    {
        "alarmActions",
        "allowHeaders",
        "allowMethods",
        "allowOrigins",
        "authorizationScopes",
        "availabilityZones",
        "cidrBlocks",
        "clientIdLists",
        "egress",
        "enabledCloudwatchLogsExports",
        "exposeHeaders",
        "ingress",
        "insufficientDataActions",
        "ipv6CidrBlocks",
        "managedPolicyArns",
        "networkAclIds",
        "okActions",
        "parameters",
        "policyTypes",
        "prefixListIds",
        "routeTableIds",
        "securityGroupIds",
        "securityGroups",
        "sourceSecurityGroupIds",
        "subnetIds",
        "subnets",
        "subscriberEmailAddresses",
        "vpcSecurityGroupIds",
        "vpcZoneIdentifiers",
    }
)
"""Properties of AWS resources that are sets on the other side of the API, whatever order the program gives them."""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[PropertyChange], list[CodeChange]]:
    """What changes between two sets of inputs, or of outputs: the properties, and the archives."""
    found = list(_mapping(before, after, (), 0))
    return (
        [each for each in found if isinstance(each, PropertyChange)],
        [each for each in found if isinstance(each, CodeChange)],
    )


def all_added(inputs: Mapping[str, Any]) -> list[PropertyChange]:
    """Each input of a resource that is created, as a whole."""
    return [PropertyChange((name,), after=value) for name, value in sorted(inputs.items()) if value is not None]


def all_removed(inputs: Mapping[str, Any]) -> list[PropertyChange]:
    """Each input of a resource that is deleted, as a whole."""
    return [PropertyChange((name,), before=value) for name, value in sorted(inputs.items()) if value is not None]


_Found = Iterator[PropertyChange | CodeChange]


def _mapping(before: Mapping[str, Any], after: Mapping[str, Any], path: Path, depth: int) -> _Found:
    for key in sorted({*before, *after}):
        yield from _value(before.get(key), after.get(key), (*path, key), depth)


def _value(before: Any, after: Any, path: Path, depth: int) -> _Found:
    """A value on both sides; None is none."""
    if before is after:
        return
    if depth > DEEPEST:
        yield from _whole(before, after, path)
        return
    match before, after:
        case Code(), Code():
            if before.digest != after.digest:
                yield _code(before, after, path)
        case Mapping(), Mapping():
            yield from _mapping(cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after), path, depth + 1)
        case list(), list():
            yield from _list(cast("list[Any]", before), cast("list[Any]", after), path, depth + 1)
        case str(), str():
            if before != after:
                yield from _text(before, after, path, depth + 1)
        case _:
            yield from _whole(before, after, path)


def _whole(before: Any, after: Any, path: Path) -> _Found:
    if not _same(before, after):
        yield PropertyChange(path, _given(before), _given(after))


def _same(before: Any, after: Any) -> bool:
    try:
        return canonical(before) == canonical(after)
    except RecursionError:
        return False


def _given(value: Any) -> Any:
    return ABSENT if value is None else value


def _text(before: str, after: str, path: Path, depth: int) -> _Found:
    old, new = document(before), document(after)
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _mapping(cast("dict[str, Any]", old), cast("dict[str, Any]", new), path, depth)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _list(cast("list[Any]", old), cast("list[Any]", new), path, depth)
    else:
        yield PropertyChange(path, before, after)


def _list(before: list[Any], after: list[Any], path: Path, depth: int) -> _Found:
    if isinstance(before, Unordered) or isinstance(after, Unordered) or path[-1] in UNORDERED:
        if not any(isinstance(item, (Mapping, list)) for item in [*before, *after]):
            yield from _set(before, after, path)
            return
        pairings = unordered(before, after)
    elif (by_name := named(before, after)) is not None:
        pairings = by_name
        yield from _order(by_name, path)
    else:
        pairings = ordered(before, after)
    for each in pairings:
        place = (*path, _part(each))
        if each.before is None or each.after is None:
            old = ABSENT if each.before is None else before[each.before]
            yield PropertyChange(place, old, ABSENT if each.after is None else after[each.after])
        else:
            yield from _value(before[each.before], after[each.after], place, depth)


def _part(pairing: Pairing) -> str | int:
    if pairing.name is not None:
        return ItemName(pairing.name)
    return cast("int", pairing.before if pairing.after is None else pairing.after)


def _set(before: Sequence[Any], after: Sequence[Any], path: Path) -> _Found:
    old, new = {canonical(item): item for item in before}, {canonical(item): item for item in after}
    for key in sorted(old.keys() - new.keys()):
        yield PropertyChange(path, before=old[key])
    for key in sorted(new.keys() - old.keys()):
        yield PropertyChange(path, after=new[key])


def _order(pairings: Sequence[Pairing], path: Path) -> _Found:
    """Named things in another order are one change: whether it means something, only AWS knows."""
    both = [each for each in pairings if each.before is not None and each.after is not None]
    was = [each.name for each in sorted(both, key=lambda each: cast("int", each.before))]
    now = [each.name for each in sorted(both, key=lambda each: cast("int", each.after))]
    if was != now:
        yield PropertyChange(path, was, now)


def _code(before: Code, after: Code, path: Path) -> CodeChange:
    versions = {
        name: (before.packages.get(name), after.packages.get(name))
        for name in sorted({*before.packages, *after.packages})
        if before.packages.get(name) != after.packages.get(name)
    }
    old, new = before.files, after.files
    if not old or not new:
        return CodeChange(path, packages=versions, unknown=not versions)
    added, removed = sorted(new.keys() - old.keys()), sorted(old.keys() - new.keys())
    changed = sorted(name for name in old.keys() & new.keys() if old[name] != new[name])
    return CodeChange(path, added, changed, removed, versions, unknown=not (added or changed or removed or versions))
