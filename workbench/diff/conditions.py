"""The conditions of IAM statements: whether one holds only where another does.

AWS's rules are in the IAM User Guide under "IAM JSON policy elements: Condition operators".
"""

import ipaddress
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workbench.diff.patterns import covers

_PATTERNS = {"stringlike": "stringequals", "arnlike": "arnequals", "arnequals": "arnequals"}
"""Operators that take patterns, and the one that takes the same values as they are."""

_IF_EXISTS = "ifexists"
_MOST_SPLIT = 200


@dataclass(frozen=True, order=True)
class Condition:
    """One line of a statement's conditions: for most operators it is met by any one of its values."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def label(self) -> str:
        """As people read it: `StringEquals aws:RequestedRegion = eu-central-1`."""
        return f"{self.operator} {self.key} = {', '.join(self.values)}"

    def implies(self, other: "Condition") -> bool:
        """Whether `other` is met wherever this one is. Where that cannot be told, it says no."""
        if self.key.lower() != other.key.lower():
            return False
        mine, theirs = _parsed(self.operator), _parsed(other.operator)
        if mine.quantifier != theirs.quantifier or mine.family != theirs.family or mine.negated != theirs.negated:
            return False
        if mine.if_exists and not theirs.if_exists:
            return False
        (narrow, wide), (narrows, widens) = (self.values, other.values), (mine, theirs)
        if mine.negated:
            (narrow, wide), (narrows, widens) = (wide, narrow), (widens, narrows)
        if narrows.is_pattern and not widens.is_pattern and re.search(r"[*?]", "".join(narrow)):
            return False
        return all(any(_value_covers(widens, each, value) for each in wide) for value in narrow)

    def narrows_who(self, keys: Sequence[str]) -> bool:
        """Whether a request must carry one of `keys` (in lower case), with a value that is told here."""
        operator = _parsed(self.operator)
        if operator.negated or operator.if_exists or operator.quantifier == "forallvalues":
            return False
        if operator.family == "null" or self.key.lower() not in keys or not self.values:
            return False
        if operator.family == "ipaddress":
            return all((network := _network(value)) is not None and network.prefixlen >= 8 for value in self.values)
        return not any(re.fullmatch(r"[*?]*|arn:[*?:]*", value) for value in self.values)

    def splits(self) -> Sequence["Condition"]:
        """Conditions of one value each, of which one must be met for this to be; itself, where that is not so."""
        operator = _parsed(self.operator)
        if operator.negated or operator.quantifier:
            return [self]
        return [replace(self, values=(value,)) for value in self.values]


def alternatives(conditions: Sequence[Condition]) -> Iterator[tuple[Condition, ...]]:
    """Sets of conditions of one value each: all of `conditions` are met where all of one set are."""
    choices = [condition.splits() for condition in conditions]
    count = 1
    for choice in choices:
        count *= len(choice)
    return itertools.product(*choices) if count <= _MOST_SPLIT else iter([tuple(conditions)])


@dataclass(frozen=True)
class _Operator:
    family: str
    negated: bool
    quantifier: str
    if_exists: bool
    is_pattern: bool


def _parsed(operator: str) -> _Operator:
    quantifier, _, name = operator.lower().rpartition(":")
    if_exists = name.endswith(_IF_EXISTS)
    name = name.removesuffix(_IF_EXISTS)
    positive = name.replace("not", "", 1)
    return _Operator(
        family=_PATTERNS.get(positive, positive),
        negated=positive != name,
        quantifier=quantifier,
        if_exists=if_exists,
        is_pattern=positive in _PATTERNS,
    )


def _value_covers(operator: _Operator, wide: str, narrow: str) -> bool:
    family = operator.family
    if wide == narrow:
        return True
    if family in ("bool", "null", "stringequalsignorecase"):
        return wide.lower() == narrow.lower()
    if family == "ipaddress":
        outer, inner = _network(wide), _network(narrow)
        if outer is None or inner is None or outer.version != inner.version:
            return False
        return inner.prefixlen >= outer.prefixlen and inner.network_address in outer
    if family.startswith(("numericlessthan", "numericgreaterthan")):
        return _bound_covers(family, wide, narrow)
    return operator.is_pattern and covers(wide, narrow)


def _bound_covers(family: str, wide: str, narrow: str) -> bool:
    try:
        outer, inner = float(wide), float(narrow)
    except ValueError:
        return False
    return inner <= outer if "less" in family else inner >= outer


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
