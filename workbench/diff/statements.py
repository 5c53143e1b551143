"""Statements of IAM policies as sets: which one allows all that another does, and what of two sides differs."""

import itertools
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, cast

from workbench.diff.conditions import Condition, alternatives
from workbench.diff.holders import several
from workbench.diff.patterns import covers, overlap

_MOST_ATOMS = 100_000
"""What a document may come to, one action on one resource at a time. The largest that AWS takes comes to less."""


class UnreadableError(Exception):
    """A document cannot be judged: it is secret, not known yet, or no policy."""


@dataclass(frozen=True)
class Selection:
    """What a statement is for: all that its patterns match or, with `excepted`, all but that."""

    patterns: tuple[str, ...]
    excepted: bool = False

    def covers(self, other: "Selection") -> bool:
        """Whether all that `other` selects is selected. Where that cannot be told, it says no."""
        match self.excepted, other.excepted:
            case False, False:
                return all(any(covers(wide, narrow) for wide in self.patterns) for narrow in other.patterns)
            case True, False:
                return not any(overlap(left, narrow) for left in self.patterns for narrow in other.patterns)
            case True, True:
                return all(any(covers(wide, left) for wide in other.patterns) for left in self.patterns)
            case _:
                return "*" in self.patterns

    def lower(self) -> "Selection":
        """The same without regard to case, as IAM reads actions."""
        return _lower(self)

    def shown(self) -> list[str]:
        """The patterns for people; nothing where a statement of this kind has none."""
        return [f"all but {pattern}" if self.excepted else pattern for pattern in self.patterns if pattern]


@cache
def _lower(selection: Selection) -> Selection:
    return replace(selection, patterns=tuple(pattern.lower() for pattern in selection.patterns))


@dataclass(frozen=True)
class Statement:
    """One statement. What it has no word for, as a role's policy has none for principals, selects the empty text."""

    allows: bool
    actions: Selection
    resources: Selection
    principals: Selection
    """Each as `Service:lambda.amazonaws.com` or `AWS:arn:aws:iam::111111111111:root`; everybody is `*`."""
    conditions: tuple[Condition, ...] = ()

    def renamed(self, rename: Callable[[str], str]) -> "Statement":
        """The same with other names of resources: in all but the actions and the names of conditions."""
        return replace(
            self,
            resources=_renamed(self.resources, rename),
            principals=_renamed(self.principals, rename),
            conditions=tuple(
                replace(each, values=tuple(sorted(rename(value) for value in each.values))) for each in self.conditions
            ),
        )


def _renamed(selection: Selection, rename: Callable[[str], str]) -> Selection:
    return replace(selection, patterns=tuple(sorted(rename(pattern) for pattern in selection.patterns)))


_SELECTIONS = ("actions", "resources", "principals")

_ELEMENTS = {
    "Action",
    "Condition",
    "Effect",
    "NotAction",
    "NotPrincipal",
    "NotResource",
    "Principal",
    "Resource",
    "Sid",
}
"""What a statement has (IAM User Guide, "IAM JSON policy element reference")."""


def statements_of(document: Any) -> list[Statement]:
    """The statements of a policy, given as JSON or as what JSON says. Raises UnreadableError."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise UnreadableError("not JSON") from error
    if "Statement" not in (given := _mapping(document)):
        raise UnreadableError("no statements")
    entries = given["Statement"]
    return [_statement(_mapping(entry)) for entry in several(entries)]


def principal(kind: str, name: str) -> str:
    """A principal as statements have it. An account and its root are the same to IAM, as are `*` and any of AWS's."""
    if kind == "AWS" and name == "*":
        return "*"
    if kind == "AWS" and len(name) == 12 and name.isdigit():
        name = f"arn:aws:iam::{name}:root"
    return f"{kind}:{name}"


def principal_shown(text: str) -> str:
    """The name of a principal without its kind, where the name tells that."""
    kind, _, name = text.partition(":")
    return name if kind in ("AWS", "Service", "Federated") else text


def split(statements: Iterable[Statement]) -> Iterator[Statement]:
    """The same in statements of one action, one resource and one principal each. Raises UnreadableError."""
    count = 0
    for statement in statements:
        ones = {name: _ones(getattr(statement, name)) for name in _SELECTIONS}
        count += math.prod(map(len, ones.values()))
        if count > _MOST_ATOMS:
            raise UnreadableError("too large")
        for chosen in itertools.product(*ones.values()):
            yield replace(statement, **dict(zip(ones, chosen, strict=True)))


def merged(statements: Iterable[Statement]) -> list[Statement]:
    """The same in fewer statements: those that differ in one selection only are put together."""
    current = [*dict.fromkeys(statements)]
    for name in _SELECTIONS:
        groups: dict[tuple[Statement, Selection | None], list[Statement]] = {}
        for statement in current:
            selection: Selection = getattr(statement, name)
            rest = replace(statement, **{name: Selection(())})
            groups.setdefault((rest, selection if selection.excepted else None), []).append(statement)
        current = [_joined(name, group) for group in groups.values()]
    return current


def uncovered(statements: Iterable[Statement], by: Sequence[Statement]) -> list[Statement]:
    """What of `statements`, one action on one resource each, no statement of `by` covers."""
    covering = [_Covering(each) for each in merged(by)]
    return [each for each in statements if not _is_covered(each, covering)]


class _Covering:
    """A statement that is asked often what it covers."""

    def __init__(self, statement: Statement) -> None:
        self._statement = statement
        self._known: dict[tuple[str, Any], bool] = {}

    def covers(self, other: Statement) -> bool:
        """Whether all that `other` allows or denies is allowed or denied by this."""
        mine = self._statement
        return (
            mine.allows == other.allows
            and self._told("actions", other.actions, lambda: mine.actions.lower().covers(other.actions.lower()))
            and self._told("resources", other.resources, lambda: mine.resources.covers(other.resources))
            and self._told("principals", other.principals, lambda: mine.principals.covers(other.principals))
            and self._told("conditions", other.conditions, lambda: _all_implied(mine.conditions, other.conditions))
        )

    def _told(self, name: str, part: Any, judge: Callable[[], bool]) -> bool:
        if (name, part) not in self._known:
            self._known[name, part] = judge()
        return self._known[name, part]


def _all_implied(wide: Sequence[Condition], narrow: Sequence[Condition]) -> bool:
    return all(any(each.implies(mine) for each in narrow) for mine in wide)


def _is_covered(statement: Statement, by: Sequence[_Covering]) -> bool:
    if any(each.covers(statement) for each in by):
        return True
    parts = [replace(statement, conditions=conditions) for conditions in alternatives(statement.conditions)]
    return len(parts) > 1 and all(any(each.covers(part) for each in by) for part in parts)


def _ones(selection: Selection) -> list[Selection]:
    return [selection] if selection.excepted else [Selection((pattern,)) for pattern in selection.patterns]


def _joined(name: str, group: Sequence[Statement]) -> Statement:
    if len(group) == 1:
        return group[0]
    patterns = {pattern for each in group for pattern in getattr(each, name).patterns}
    return replace(group[0], **{name: Selection(tuple(sorted(patterns)), getattr(group[0], name).excepted)})


def _statement(entry: Mapping[str, Any]) -> Statement:
    effect = entry.get("Effect")
    known = effect in ("Allow", "Deny") and ("Action" in entry or "NotAction" in entry)
    # A word that is written otherwise may mean something to AWS.
    if not known or not _ELEMENTS.issuperset(entry):
        raise UnreadableError("no statement")
    return Statement(
        allows=effect == "Allow",
        actions=_selection(entry, "Action", _texts),
        resources=_selection(entry, "Resource", _texts),
        principals=_selection(entry, "Principal", _principals),
        conditions=tuple(
            sorted(
                Condition(operator, key, tuple(sorted(set(_texts(values)))))
                for operator, keys in _mapping(entry.get("Condition") or {}).items()
                for key, values in _mapping(keys).items()
            )
        ),
    )


def _selection(entry: Mapping[str, Any], key: str, read: Any) -> Selection:
    excepted = f"Not{key}" in entry
    given = entry.get(f"Not{key}" if excepted else key)
    return Selection(tuple(sorted(set(read(given)))) if given is not None else ("",), excepted)


def _principals(given: Any) -> list[str]:
    if isinstance(given, Mapping):
        kinds = cast("Mapping[str, Any]", given)
        return [principal(kind, name) for kind, names in kinds.items() for name in _texts(names)]
    return [principal("AWS", name) for name in _texts(given)]


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UnreadableError("no object")
    return cast("Mapping[str, Any]", value)


def _texts(value: Any) -> list[str]:
    found = several(value)
    if not all(isinstance(each, (str, bool, int, float)) for each in found):
        raise UnreadableError("no text")
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in found]
