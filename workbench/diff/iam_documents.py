"""Where the resources of a stack say who may do what, and whom each of these policies is for."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workbench.diff.conditions import Condition
from workbench.diff.holders import Holder, Side, mapping, several
from workbench.diff.iam_places import ATTACHMENTS, PERMISSIONS, PLACES, POLICY, ROLE, USER, Aspect, Permission
from workbench.diff.snapshot import Entry, Hidden
from workbench.diff.statements import Selection, Statement, UnreadableError, principal, split, statements_of


@dataclass(frozen=True)
class Held:
    """What one policy says of one holder."""

    holder: Holder
    aspect: Aspect
    sources: Sequence[Holder]
    """The resources that it is written in, and by which it is attached."""
    statements: Sequence[Statement] = ()
    """One action, one resource and one principal each."""
    managed: str = ""
    """The ARN of an attached policy or boundary, or the URN in the head of one that the stack has."""
    unreadable: Any = None
    """What stands where the statements should be, where that cannot be read."""


def held(side: Side) -> list[Held]:
    """All that the policies of one side say. One that is attached to several holders is said of each."""
    return [*_written(side), *_permissions(side), *_managed(side)]


def _written(side: Side) -> Iterator[Held]:
    for entry in side.entries:
        for place in PLACES.get(entry.type, ()):
            if (document := entry.inputs.get(place.policy)) is not None:
                holder = _holder(side, entry, place.holder, place.types)
                yield _read(side, entry, document, Held(holder, place.aspect, [side.itself(entry)]))
        for inline in several(entry.inputs.get("inlinePolicies")) if entry.type == ROLE else ():
            document = mapping(inline).get("policy")
            if document is not None or not isinstance(inline, Mapping):
                given = inline if document is None else document
                yield _read(side, entry, given, _own(side.itself(entry), Aspect.IDENTITY))

        if entry.type not in PLACES and entry.type != POLICY:
            yield from _unlisted(side, entry)


def _unlisted(side: Side, entry: Entry) -> Iterator[Held]:
    """The policies of a type that no table has: whatever reads as one, and what is called one and is secret."""
    own = _own(side.itself(entry), Aspect.RESOURCE)
    for name, value in entry.inputs.items():
        if isinstance(value, str) and value.lstrip().startswith("{") and '"Statement"' in value:
            found = _read(side, entry, value, own)
            if found.unreadable is None:
                names_nobody = all(each.principals.patterns == ("",) for each in found.statements)
                yield replace(found, aspect=Aspect.IDENTITY) if names_nobody else found
        elif isinstance(value, Hidden) and name.lower().endswith(("policy", "policydocument")):
            yield replace(own, unreadable=value)


def _permissions(side: Side) -> Iterator[Held]:
    for entry in side.entries:
        if (shape := PERMISSIONS.get(entry.type)) is not None:
            holder = _holder(side, entry, shape.holder, shape.types)
            yield _understood(
                entry.inputs, Held(holder, Aspect.RESOURCE, [side.itself(entry)]), _permission(side, entry, shape)
            )


def _managed(side: Side) -> Iterator[Held]:
    """Managed policies: those of the stack as what they say, the others by name."""
    used: set[str] = set()
    own = {side.key(entry): entry for entry in side.entries if entry.type == POLICY}
    for entry in side.entries:
        for given, policy, holder in _attached(side, entry):
            known = own.get(policy.key)
            if isinstance(given, Hidden):
                yield Held(holder, Aspect.ATTACHED, [side.itself(entry)], unreadable=given)
            elif known is None:
                arn = side.as_in_head(entry)(policy.name)
                yield Held(holder, Aspect.ATTACHED, [side.itself(entry)], managed=arn)
            else:
                used.add(policy.key)
                sources = [side.itself(known), side.itself(entry)]
                yield _read(side, known, known.inputs.get("policy"), Held(holder, Aspect.IDENTITY, sources))
        if (arn := entry.inputs.get("permissionsBoundary")) is not None and entry.type in (ROLE, USER):
            policy = side.named(entry, "permissionsBoundary", arn, [POLICY])
            managed = side.as_in_head(entry)(policy.name) if policy.entry is None else policy.key
            unreadable = arn if isinstance(arn, Hidden) else None
            yield replace(_own(side.itself(entry), Aspect.BOUNDARY), managed=managed, unreadable=unreadable)
            if policy.entry is not None:
                used.add(policy.key)
                yield _read(side, policy.entry, policy.entry.inputs.get("policy"), _own(policy, Aspect.LIMIT))
    for key, entry in own.items():
        if key not in used:
            yield _read(side, entry, entry.inputs.get("policy"), _own(side.itself(entry), Aspect.IDENTITY))


def _own(holder: Holder, aspect: Aspect) -> Held:
    return Held(holder, aspect, [holder])


def _attached(side: Side, entry: Entry) -> Iterator[tuple[Any, Holder, Holder]]:
    """The policies that a resource attaches: what it says, what that stands for, and whom it is attached to."""
    if (shape := ATTACHMENTS.get(entry.type)) is None:
        return
    for arn in several(entry.inputs.get(shape.policies)):
        policy = side.named(entry, shape.policies, arn, [POLICY])
        for prop, type_ in shape.holders.items():
            if prop:
                for name in several(entry.inputs.get(prop)):
                    yield arn, policy, side.named(entry, prop, name, [type_])
            else:
                yield arn, policy, side.itself(entry)


def _holder(side: Side, entry: Entry, prop: str, types: Sequence[str]) -> Holder:
    value = entry.inputs.get(prop) if prop else None
    return side.itself(entry) if value is None else side.named(entry, prop, value, types)


def _read(side: Side, entry: Entry, document: Any, found: Held) -> Held:
    rename = side.as_in_head(entry)
    return _understood(document, found, lambda: [each.renamed(rename) for each in statements_of(document)])


def _understood(raw: Any, found: Held, read: Callable[[], Sequence[Statement]]) -> Held:
    try:
        return replace(found, statements=[*split(read())])
    except UnreadableError:
        return replace(found, unreadable=raw)


def _permission(side: Side, entry: Entry, shape: Permission) -> Callable[[], Sequence[Statement]]:
    def read() -> Sequence[Statement]:
        inputs = entry.inputs
        version = inputs.get(shape.version)
        named = [_text(inputs.get(shape.holder)), *([] if version is None else [_text(version)])]
        prefix = f"{shape.service}:" if shape.service else ""
        statement = Statement(
            allows=True,
            actions=Selection(tuple(f"{prefix}{_text(each)}" for each in several(inputs.get(shape.actions)))),
            resources=Selection((":".join(named),)),
            principals=Selection((_caller(_text(inputs.get(shape.principal))),)),
            conditions=tuple(
                sorted(
                    Condition(operator, key, (_text(inputs[name]),))
                    for name, (operator, key) in shape.conditions.items()
                    if inputs.get(name) is not None
                )
            ),
        )
        return [statement.renamed(side.as_in_head(entry))]

    return read


def _caller(name: str) -> str:
    return principal("Service" if name.endswith(".amazonaws.com") else "AWS", name)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return f"{value:g}"
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, sort_keys=True)
    except TypeError as error:
        raise UnreadableError("secret") from error
