"""What `ignore_changes` makes of a resource's inputs: the values of before, at paths in Pulumi's syntax."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

_STEP = re.compile(r"""\["(?P<quoted>(?:\\"|[^"])*)"\]|\[(?P<every>\*)\]|\[(?P<index>\d+)\]|\.?(?P<name>[^.\[\]]+)""")

Step = str | int


def with_ignored(before: Mapping[str, Any], after: Mapping[str, Any], paths: Sequence[str]) -> Mapping[str, Any]:
    """`after` as the engine compares it: with the values of `before` wherever a path leads on both sides.

    As in pulumi/pulumi, sdk/go/common/resource/property_path.go. A path that leads nowhere changes nothing.
    """
    kept: Any = after
    for path in paths:
        kept = _kept(before, kept, steps_of(path))
    return kept


def steps_of(path: str) -> Sequence[Step]:
    """The keys and positions of a path: `a.b[0]["c d"]`. `*` stands for all of them."""
    steps: list[Step] = []
    for step in _STEP.finditer(path):
        if step["index"] is not None:
            steps.append(int(step["index"]))
        elif step["quoted"] is not None:
            steps.append(step["quoted"].replace('\\"', '"'))
        else:
            steps.append(step["every"] or step["name"])
    return steps


def _kept(before: Any, after: Any, steps: Sequence[Step]) -> Any:
    if not steps:
        return before
    step, rest = steps[0], steps[1:]
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return _kept_in_mapping(cast("Mapping[str, Any]", before), cast("Mapping[str, Any]", after), step, rest)
    if isinstance(before, list) and isinstance(after, list):
        return _kept_in_list(cast("list[Any]", before), cast("list[Any]", after), step, rest)
    return after


def _kept_in_mapping(
    before: Mapping[str, Any], after: Mapping[str, Any], step: Step, rest: Sequence[Step]
) -> Mapping[str, Any]:
    kept = dict(after)
    for key in {**before, **after} if step == "*" else [str(step)]:
        if rest and (key not in before or key not in after):
            continue
        if key in before:
            kept[key] = _kept(before[key], after.get(key), rest)
        else:
            kept.pop(key, None)
    return kept


def _kept_in_list(before: list[Any], after: list[Any], step: Step, rest: Sequence[Step]) -> list[Any]:
    if step == "*":
        if len(before) != len(after):
            return after
        return [_kept(old, new, rest) for old, new in zip(before, after, strict=True)]
    if not isinstance(step, int) or step >= min(len(before), len(after)):
        return after
    return [*after[:step], _kept(before[step], after[step], rest), *after[step + 1 :]]


def is_ignored(place: Sequence[Step], paths: Sequence[str]) -> bool:
    """Whether one of the paths leads to a place, or to what it is in."""
    return any(_leads_to(steps_of(path), place) for path in paths)


def _leads_to(steps: Sequence[Step], place: Sequence[Step]) -> bool:
    return len(steps) <= len(place) and all(step in ("*", part) for step, part in zip(steps, place, strict=False))
