"""What is listed below a change: its reasons, properties and files, line by line, before any format."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from workbench.diff.model import ABSENT, Action, CodeChange, ItemName, PropertyChange, ResourceChange
from workbench.diff.snapshot import Code
from workbench.report import sentences
from workbench.report.values import named, unseen_difference, value, value_pair

Mark = Literal["+", "-", "~", " "]


@dataclass(frozen=True)
class Line:
    """One line: a sentence, or a name with what it was and what it becomes. All of it may be shown as it is."""

    mark: Mark
    label: str
    before: str | None = None
    after: str | None = None
    depth: int = 0
    """How far it is below another line."""


@dataclass(frozen=True)
class Amount:
    """How much of a change is listed."""

    properties: int = 100
    files: int = 20
    value: int = 120
    whole: bool = False
    """Whether what is created or deleted lists all of its properties, and not only those that people know it by."""


BRIEF = Amount()
VERBOSE = Amount(properties=10_000, files=10_000, value=2_000, whole=True)


def reasons(change: ResourceChange) -> list[Line]:
    """Why it happens and what stands in its way: what is shown of a change before anything else."""
    said = [f"because {reason}" for reason in sentences.reasons(change)] + sentences.warnings(change)
    return [Line(" ", sentence) for sentence in said]


def details(change: ResourceChange, amount: Amount = BRIEF, *, placeholders: bool = True) -> list[Line]:
    """Its properties, options and code. Without `placeholders`, of two that look alike only that they differ."""
    return [
        *_properties(change, amount, placeholders=placeholders),
        *(_property(each, amount) for each in change.options),
        *(line for each in change.code for line in _code(each, amount)),
    ]


def outputs(changes: Sequence[PropertyChange], amount: Amount = BRIEF) -> list[Line]:
    """The outputs of a stack."""
    return _some([_property(each, amount) for each in changes[: amount.properties]], len(changes), "output", "outputs")


_KNOWN_BY = (
    "name",
    "functionName",
    "clusterIdentifier",
    "identifier",
    "bucket",
    "engine",
    "runtime",
    "routeKey",
    "cidrBlock",
    "cidrIpv4",
    "cidrIpv6",
    "ipProtocol",
    "fromPort",
    "toPort",
    "service",
    "scheduleExpression",
)
"""The properties that tell people which resource it is, or what it is there for."""


def _properties(change: ResourceChange, amount: Amount, *, placeholders: bool) -> list[Line]:
    archives = {tuple(each.path) for each in change.code}
    listed = [each for each in change.properties if each.path not in archives or not is_code(each)]
    chosen = listed
    if change.action in (Action.CREATE, Action.DELETE) and not amount.whole:
        chosen = [each for each in listed if len(each.path) == 1 and each.path[0] in _KNOWN_BY]
    elif not amount.whole:
        chosen = listed = _folded(listed)
    shown = [_property(each, amount, placeholders=placeholders) for each in chosen[: amount.properties]]
    return _some(shown, len(listed), "property", "properties")


_ALIKE = 3
"""From so many elements of a list on, what changes alike in them is one line."""


def _folded(changes: Sequence[PropertyChange]) -> list[PropertyChange]:
    """Changes that are the same but for the element of a list that they are in, told of the first of many."""
    alike = [_but_for_the_element(each) for each in changes]
    number = Counter(alike)
    told: dict[object, PropertyChange] = {}
    for change, key in zip(changes, alike, strict=True):
        many = number[key] >= _ALIKE
        told.setdefault(key if many else id(change), _of_many(change, number[key]) if many else change)
    return list(told.values())


def _but_for_the_element(change: PropertyChange) -> object:
    place = _element(change)
    elsewhere = change.path if place is None else (*change.path[:place], None, *change.path[place + 1 :])
    return elsewhere, place is None and id(change), repr(change.before), repr(change.after), change.forces


def _element(change: PropertyChange) -> int | None:
    """Where in the path the element of a list stands."""
    places = (place for place, part in enumerate(change.path) if isinstance(part, int | ItemName))
    return next(places, None)


def _of_many(first: PropertyChange, number: int) -> PropertyChange:
    place = _element(first)
    if place is None:
        return first
    told = ItemName(f"{first.path[place]} and {number - 1} more")
    return replace(first, path=(*first.path[:place], told, *first.path[place + 1 :]))


def is_code(change: PropertyChange) -> bool:
    """Whether it is of an archive, whose files and packages are told apart from its properties."""
    return isinstance(change.before, Code) or isinstance(change.after, Code)


def _some(lines: list[Line], of: int, one: str, many: str, depth: int = 0) -> list[Line]:
    """The lines, and how many there would be more."""
    left_out = of - len(lines)
    more = f"{left_out:,} {'more ' if lines else ''}{one if left_out == 1 else many}"
    return [*lines, Line(" ", f"... {more}", depth=depth)] if left_out else lines


def _property(change: PropertyChange, amount: Amount, *, placeholders: bool = True) -> Line:
    label = named(change.label, 160)
    if change.before is ABSENT:
        return Line("+", label, after=value(change.after, amount.value))
    if change.after is ABSENT:
        return Line("-", label, before=value(change.before, amount.value))
    if unseen := unseen_difference(change.before, change.after):
        return Line("~", label, after=f"{value(change.after, amount.value)} ({unseen})" if placeholders else unseen)
    before, after = value_pair(change.before, change.after, amount.value)
    return Line("~", label, before, after)


def _code(change: CodeChange, amount: Amount) -> Iterator[Line]:
    label = named(".".join(map(str, change.path)), 160)
    if change.unknown:
        yield Line("~", f"{label}: its content is another")
        return
    lines = [*_packages(change), *_files(change)]
    yield Line("~", f"{label}: {', '.join(_sums(change))}")
    yield from _some(lines[: amount.files], len(lines), "file or package", "files and packages", depth=1)


def _sums(change: CodeChange) -> Iterator[str]:
    for done, paths in (("added", change.added), ("changed", change.changed), ("removed", change.removed)):
        if paths:
            yield f"{sentences.plural(len(paths), 'file')} {done}"
    if change.packages:
        yield f"{sentences.plural(len(change.packages), 'package')} changed"


def _packages(change: CodeChange) -> Iterator[Line]:
    for package, (before, after) in change.packages.items():
        mark: Mark = "+" if before is None else "-" if after is None else "~"
        yield Line(mark, named(package), _version(before), _version(after), depth=1)


def _version(text: str | None) -> str | None:
    return None if text is None else named(text, 60)


def _files(change: CodeChange) -> Iterator[Line]:
    marks: Sequence[tuple[Mark, Sequence[str]]] = (("+", change.added), ("~", change.changed), ("-", change.removed))
    for mark, paths in marks:
        for path in paths:
            yield Line(mark, named(path), depth=1)
