"""Patterns as IAM reads them, `*` and `?`: whether all that one matches is matched by another, or by both.

AWS's rules are in the IAM User Guide under "IAM JSON policy elements: Resource".
"""

import re
from functools import cache

_ARN_PARTS = 6
_LONGEST = 2048
"""The characters of an ARN at most. What is longer is not taken apart."""

_SIGN = re.compile(r"\$\{[^{}]*\}|.", re.DOTALL)
"""A character, or what a request or a deployment fills in: `${aws:username}`, `${aws:ec2/vpc:Vpc::main.id}`. IAM takes
`${*}` for the character, which is what a token of its own comes to."""


@cache
def covers(wide: str, narrow: str) -> bool:
    """Whether everything that `narrow` matches is matched by `wide`. ARNs are compared part by part."""
    if wide in ("*", narrow):
        return True
    plain = "*" not in wide and "?" not in wide and not wide.startswith("arn:")
    if plain or max(len(wide), len(narrow)) > _LONGEST:
        return False
    if wide.startswith("arn:") and narrow.startswith("arn:"):
        pairs = zip(_arn_parts(wide), _arn_parts(narrow), strict=True)
        return all(_matches(part, other) for part, other in pairs)
    return _matches(_signs(wide), _signs(narrow))


@cache
def overlap(one: str, other: str) -> bool:
    """Whether something could be matched by both. What is filled in later could be anything."""
    if max(len(one), len(other)) > _LONGEST:
        return True
    first, second = (["*" if len(sign) > 1 else sign for sign in _signs(text)] for text in (one, other))
    reached = [True] + [False] * len(second)
    for column, sign in enumerate(second):
        reached[column + 1] = reached[column] and sign == "*"
    for sign in first:
        before, reached = reached, [reached[0] and sign == "*"]
        for column, against in enumerate(second):
            step = before[column] and ("*" in (sign, against) or "?" in (sign, against) or sign == against)
            idle = "*" in (sign, against) and (before[column + 1] or reached[column])
            reached.append(step or idle)
    return reached[-1]


def is_anything(pattern: str) -> bool:
    """Whether there is nothing that the pattern does not match."""
    return "*" in pattern and not pattern.strip("*")


@cache
def _signs(text: str) -> tuple[str, ...]:
    """The text in parts. In a run of wildcards each `?` comes before the one `*`: equal runs are written alike."""
    signs: list[str] = []
    for part in re.split(r"([*?]{2,})", text):
        if len(part) > 1 and not part.strip("*?"):
            signs += [*("?" * part.count("?")), *("*" if "*" in part else "")]
        else:
            signs += _SIGN.findall(part)
    return tuple(signs)


@cache
def _arn_parts(arn: str) -> tuple[tuple[str, ...], ...]:
    parts: list[list[str]] = [[]]
    for sign in _signs(arn):
        if sign == ":" and len(parts) < _ARN_PARTS:
            parts.append([])
        else:
            parts[-1].append(sign)
    # IAM takes what is missing at the end for `*`.
    parts += [["*"] for _ in range(_ARN_PARTS - len(parts))]
    return tuple(tuple(part) for part in parts)


def _matches(pattern: tuple[str, ...], text: tuple[str, ...]) -> bool:
    """Whether `pattern` matches `text`, whose own wildcards are matched by none that is narrower."""
    at = here = 0
    star, resume = -1, 0
    while here < len(text):
        sign = pattern[at] if at < len(pattern) else None
        if sign == "*":
            star, resume, at = at, here, at + 1
        elif sign == text[here] or (sign == "?" and text[here] != "*" and len(text[here]) == 1):
            at, here = at + 1, here + 1
        elif star >= 0:
            resume += 1
            at, here = star + 1, resume
        else:
            return False
    return all(sign == "*" for sign in pattern[at:])
