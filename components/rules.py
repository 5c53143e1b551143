"""What arguments and settings must be, as data: for each a predicate, and the words for what to give instead."""

import ipaddress
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pulumi

Rule = tuple[Callable[[Any], bool], str]
"""A predicate, and the words for it."""

RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Days that PutRetentionPolicy takes (CloudWatch Logs API reference)."""


EMAIL = r"[^@\s]+@[^@\s]+\.[^@\s]+"
HOSTED_ZONE = r"Z[A-Z0-9]+"
ORIGIN = r"https?://[^/*\s]+"


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


def halves(low: int, high: int) -> Rule:
    """A whole number or a half within limits."""

    def holds(value: Any) -> bool:
        return type(value) in (int, float) and low <= value <= high and value * 2 % 1 == 0

    return holds, f"a multiple of 0.5 from {low} to {high}"


def truth() -> Rule:
    """True or False, and nothing that is merely taken for one of them."""
    return lambda value: isinstance(value, bool), "True or False"


def like(pattern: str, wanted: str) -> Rule:
    """A text that matches as a whole; `\\d` is 0 to 9, and no digit of another script."""
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII) is not None, wanted


def one_of(*choices: str) -> Rule:
    """One of a few words."""
    return lambda value: value in choices, " or ".join(map(repr, choices))


def region() -> Rule:
    """The name of an AWS region."""
    return like(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as 'eu-central-1'")


def account() -> Rule:
    """The id of an AWS account: digits in quotes, since it may begin with 0."""
    return like(r"\d{12}", "the 12 digits of an AWS account, in quotes")


def retention() -> Rule:
    """Days that CloudWatch keeps a log for."""
    return lambda value: type(value) is int and value in RETENTIONS, f"one of {', '.join(map(str, RETENTIONS))}"


def host_name() -> Rule:
    """A name in the DNS, below another one."""
    pattern = r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
    return like(pattern, "a host name in lower case such as 'api.example.com'")


def hosted_zone() -> Rule:
    """The id of a zone in Route 53."""
    return like(HOSTED_ZONE, "the id of a public Route 53 zone, such as 'Z0123456789ABCDEFGHIJ'")


def certificate() -> Rule:
    """A certificate in ACM."""
    return like(r"arn:[a-z-]+:acm:[a-z0-9-]+:\d{12}:certificate/\S+", "the ARN of an ACM certificate")


def repository() -> Rule:
    """A repository on GitHub as the subject of its tokens names it: by names, or by names and numbers."""
    return like(
        r"[A-Za-z0-9-]+/[A-Za-z0-9._-]+|[A-Za-z0-9-]+@\d+/[A-Za-z0-9._-]+@\d+",
        "'org/name' without wildcards, or 'org@123456/name@456789' as GitHub shows it in the OIDC settings",
    )


def ipv4_range(widest: int, narrowest: int) -> Rule:
    """An IPv4 network with a prefix within limits."""

    def holds(value: Any) -> bool:
        try:
            return "/" in value and widest <= ipaddress.IPv4Network(value).prefixlen <= narrowest
        except (TypeError, ValueError):
            return False

    return holds, f"an IPv4 range from /{widest} to /{narrowest} such as '10.0.0.0/{widest}'"


def each_like(pattern: str, wanted: str, kinds: tuple[type, ...] = (list, tuple)) -> Rule:
    """A list, maybe an empty one, of texts that match as a whole."""
    matches, _ = like(pattern, wanted)
    return lambda value: isinstance(value, kinds) and all(map(matches, cast("Sequence[Any]", value))), wanted


def different(rule: Rule) -> Rule:
    """The rule, of a list in which nothing comes twice."""
    holds, wanted = rule
    return lambda value: holds(value) and len(set(value)) == len(value), wanted


def several(low: int, high: int, what: str) -> Rule:
    """A list of a certain length; `what` says of what."""

    def holds(value: Any) -> bool:
        return isinstance(value, (list, tuple)) and low <= len(cast("Sequence[Any]", value)) <= high

    return holds, what


def or_none(rule: Rule) -> Rule:
    """The rule, or None."""
    holds, wanted = rule
    return lambda value: value is None or holds(value), f"{wanted}, or None"
