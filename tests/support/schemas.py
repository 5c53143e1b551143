"""What changed between two schemas of a Pulumi package, told apart by whether it breaks programs that use it."""

from collections.abc import Iterator, Mapping
from typing import Any

Change = tuple[bool, str]
"""Whether it breaks a program, and what it is."""


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The breaking changes, and all others. A change of a description alone is of the others."""
    found = [
        change
        for kind in ("resources", "types")
        for change in _of_each(before.get(kind, {}), after.get(kind, {}), "", _definition)
    ]
    return [what for breaks, what in found if breaks], [what for breaks, what in found if not breaks]


def _of_each(before: Mapping[str, Any], after: Mapping[str, Any], path: str, compare: Any) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        at = f"{path}{name}"
        if name not in after:
            yield True, f"{at} is gone"
        elif name not in before:
            yield False, f"{at} is new"
        else:
            yield from compare(before[name], after[name], at)


def _definition(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Change]:
    # A component's properties are its outputs; those of a type are inputs as well.
    required = ("inputProperties", "requiredInputs") if "inputProperties" in before else ("properties", "required")
    if before.get("description") != after.get("description"):
        yield False, f"{path} is described otherwise"
    for name in sorted({*after.get(required[1], ())} - {*before.get(required[1], ())}):
        yield True, f"{path}.{name} is required"
    for name in sorted({*before.get("required", ())} - {*after.get("required", ())}):
        yield True, f"{path}.{name} may be absent"
    for properties in ("inputProperties", "properties"):
        yield from _of_each(before.get(properties, {}), after.get(properties, {}), f"{path}.", _property)


def _property(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> Iterator[Change]:
    was, now = _shape(before), _shape(after)
    if was != now:
        yield True, f"{path} is {now} and was {was}"
    elif not _plain(before) <= _plain(after):
        yield False, f"{path} takes an output, too"
    if not _plain(after) <= _plain(before):
        yield True, f"{path} takes no output any more"
    if before.get("description") != after.get("description"):
        yield False, f"{path} is described otherwise"


def _shape(prop: Mapping[str, Any]) -> str:
    """A property's type without a word on outputs."""
    inner = prop.get("items") or prop.get("additionalProperties")
    return (prop.get("$ref") or prop["type"]) + (f" of {_shape(inner)}" if inner else "")


def _plain(prop: Mapping[str, Any], path: str = ".") -> frozenset[str]:
    """The places in a property that take no output."""
    inner = prop.get("items") or prop.get("additionalProperties")
    return frozenset([path] if prop.get("plain") else []) | (_plain(inner, f"{path}.") if inner else frozenset())
