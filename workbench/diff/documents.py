"""JSON inside strings: read where it is there, and policies of IAM brought into the one form of what they mean."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from workbench.diff.values import canonical

DEEPEST: Final = 64
"""The levels of nesting up to which values are taken apart. What is deeper is compared as a whole."""

_SETS_IN_STATEMENTS = ("Action", "NotAction", "Resource", "NotResource")
_SETS_BY_KIND_IN_STATEMENTS = ("Principal", "NotPrincipal")


class Unordered(list[Any]):
    """A list whose order means nothing."""


def document(text: str) -> Any:
    """The object or array that a string is, or None where it is another thing.

    JSON that says something twice, or is nested too deeply, is text: comparing it as data would hide something.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        read = json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_refused)
    except (ValueError, RecursionError):
        return None
    if _depth(read) > DEEPEST:
        return None
    return _policy(cast("dict[str, Any]", read)) if is_policy(read) else read


def is_policy(value: Any) -> bool:
    """Whether a document is one of IAM: in a role, a queue, a bucket or a key."""
    if not isinstance(value, dict):
        return False
    statements = _listed(cast("dict[str, Any]", value).get("Statement"))
    return bool(statements) and all(isinstance(each, dict) and "Effect" in each for each in statements)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key comes twice")
    return read


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level:
        depth += 1
        level = [item for each in level for item in _items(each)]
    return depth


def _items(value: Any) -> Sequence[Any]:
    if isinstance(value, dict):
        return list(cast("dict[str, Any]", value).values())
    return cast("list[Any]", value) if isinstance(value, list) else ()


def _policy(policy: dict[str, Any]) -> dict[str, Any]:
    """A policy in which one of something is a list of one, and lists that are sets are marked as such."""
    return {**policy, "Statement": Unordered(_statement(each) for each in _listed(policy["Statement"]))}


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    read = dict(statement)
    for key in _SETS_IN_STATEMENTS:
        if key in read:
            read[key] = _set(read[key])
    for key in _SETS_BY_KIND_IN_STATEMENTS:
        if key in read:
            # AWS takes "*" for {"AWS": "*"} (IAM user guide, AWS JSON policy elements: Principal).
            kinds = {"AWS": "*"} if read[key] == "*" else read[key]
            read[key] = _sets(kinds)
    if "Condition" in read and isinstance(read["Condition"], dict):
        read["Condition"] = {key: _sets(each) for key, each in cast("dict[str, Any]", read["Condition"]).items()}
    return read


def _sets(value: Any) -> Any:
    return (
        {key: _set(each) for key, each in cast("dict[str, Any]", value).items()} if isinstance(value, dict) else value
    )


def _set(value: Any) -> Unordered:
    return Unordered(item for _, item in sorted({canonical(item): item for item in _listed(value)}.items()))


def _listed(value: Any) -> list[Any]:
    if isinstance(value, list):
        return cast("list[Any]", value)
    return [] if value is None else [value]
