"""What arguments must be, as data: for each a predicate, and the words for what to give instead."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pulumi

Rule = tuple[Callable[[Any], bool], str]
"""A predicate, and the words for it."""

RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Days that PutRetentionPolicy takes (CloudWatch Logs API reference)."""


def check(label: str, given: Mapping[str, Any], rules: Mapping[str, Rule]) -> None:
    """Raises ValueError for the first of `given` that breaks its rule; `label` begins the message.

    What is not given has its default, and what only the deployment knows is left to AWS.
    """
    for name, (holds, wanted) in rules.items():
        if name in given and not isinstance(given[name], pulumi.Output):
            demand(holds(given[name]), label, name, given[name], wanted)


def demand(holds: bool, label: str, name: str, value: object, wanted: str) -> None:
    """Raises ValueError unless it holds, and says what to give."""
    if not holds:
        raise ValueError(f"{label}: {name} is {value!r}: give {wanted}.")


def whole(low: int, high: int | None = None) -> Rule:
    """A whole number within limits. True and False are none."""

    def holds(value: Any) -> bool:
        return type(value) is int and low <= value and (high is None or value <= high)

    return holds, f"a whole number, {low} or more" if high is None else f"a whole number from {low} to {high}"


def above_zero() -> Rule:
    """A number above 0, and one that can be counted to."""

    def holds(value: Any) -> bool:
        return type(value) in (int, float) and math.isfinite(value) and value > 0

    return holds, "a finite number above 0"


def truth() -> Rule:
    """True or False, and nothing that is merely taken for one of them."""
    return lambda value: isinstance(value, bool), "True or False"


def like(pattern: str, wanted: str) -> Rule:
    """A text that matches as a whole."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None, wanted


def retention() -> Rule:
    """Days that CloudWatch keeps a log for."""
    return lambda value: type(value) is int and value in RETENTIONS, f"one of {', '.join(map(str, RETENTIONS))}"


def several(low: int, high: int, what: str) -> Rule:
    """A list of a certain length; `what` says of what."""

    def holds(value: Any) -> bool:
        return isinstance(value, (list, tuple)) and low <= len(cast("Sequence[Any]", value)) <= high

    return holds, what


def or_none(rule: Rule) -> Rule:
    """The rule, or None."""
    holds, wanted = rule
    return lambda value: value is None or holds(value), f"{wanted}, or None"
