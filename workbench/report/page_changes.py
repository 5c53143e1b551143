"""The changes of a stack on the page: folded by action and by resource, before and after side by side."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from xml.etree import ElementTree as Tree

from workbench.diff.model import ABSENT, Action, CodeChange, Forces, PropertyChange, ResourceChange, StackDiff
from workbench.graph.elements import Content, element
from workbench.graph.letters import SYMBOLS
from workbench.report import alike, outline, sentences
from workbench.report.values import SECRET, cut, named, shown, unseen_difference, value_pair

_OPEN_GROUP: Final = 40
"""Up to so many changes of an action are listed at once; more are folded."""

_OPEN_CHANGES: Final = 8
"""Up to so many deletions or replacements show their properties at once."""

_LONGEST: Final = 6_000
"""The characters of a value that are shown."""

_AMOUNT: Final = outline.Amount(files=10_000)
_NAMED_PROPERTIES: Final = 4
_INSIDE: Final = " \u203a "
_BECOMES: Final = " \u2192 "


def changes_of(stack: StackDiff, anchors: Mapping[str, str]) -> Iterator[Tree.Element]:
    """A folding section for each action, the worst first. `anchors` are the ids of the changes by URN."""
    listed = sentences.listed(stack)
    for action in sentences.WORST_FIRST:
        found = [change for change in listed if change.action is action]
        if found:
            grave = action in (Action.DELETE, Action.REPLACE) and len(found) <= _OPEN_CHANGES
            yield element(
                "details",
                {"class": f"changes {action}{_many(found)}", "open": "open" if len(found) <= _OPEN_GROUP else None},
                element(
                    "summary",
                    None,
                    element("span", {"class": "symbol"}, SYMBOLS[action]),
                    element("span", {"class": "title"}, f"{action.capitalize()} ({len(found):,})"),
                ),
                *(_together(each.changes, anchors, opened=grave) for each in alike.changes(found, _AMOUNT)),
            )


def _many(found: Sequence[ResourceChange]) -> str:
    return " many" if len(found) > _OPEN_GROUP else ""


def outputs_of(outputs: Sequence[PropertyChange]) -> Tree.Element | None:
    """The stack outputs that change."""
    if not outputs:
        return None
    return element("section", {"class": "part"}, element("h3", None, "Outputs"), _properties(outputs))


def _together(changes: Sequence[ResourceChange], anchors: Mapping[str, str], *, opened: bool) -> Tree.Element:
    """A change; those that say the same of several resources folded into one."""
    inside = [_change(change, anchors.get(change.urn), opened=opened and len(changes) == 1) for change in changes]
    if len(inside) == 1:
        return inside[0]
    first = changes[0]
    return element(
        "details",
        {"class": f"change alike {first.action}", "open": "open" if opened else None},
        _summary(first, sentences.enumerated([named(change.name) for change in changes])),
        element("div", {"class": "body"}, *inside),
    )


def _change(change: ResourceChange, anchor: str | None, *, opened: bool) -> Tree.Element:
    inside = [named(each, 60) for each in change.component if each != change.name]
    return element(
        "details",
        {"class": f"change {change.action}", "id": anchor, "open": "open" if opened else None},
        _summary(
            change,
            named(change.name),
            element("span", {"class": "place"}, f" in {_INSIDE.join(inside)}") if inside else None,
            *(element("span", {"class": "chip"}, tag) for tag in _tags(change)),
        ),
        element("div", {"class": "body"}, *_body(change)),
    )


def _summary(change: ResourceChange, names: str, *more: Content) -> Tree.Element:
    """What is read of a change before it is unfolded."""
    return element(
        "summary",
        None,
        element("span", {"class": "symbol"}, SYMBOLS[change.action] + ("" if change.certain else "?")),
        element(
            "span",
            {"class": "what"},
            element("strong", None, names),
            " ",
            element("code", {"class": "type"}, named(change.type)),
            *more,
            _brief(change),
        ),
    )


def _tags(change: ResourceChange) -> Iterator[str]:
    if not change.certain:
        yield "only perhaps"
    if change.protected:
        yield "protected"
    if change.retained:
        yield "retained"
    if change.former_urn is not None and change.action is not Action.RENAME:
        yield "renamed"


def _brief(change: ResourceChange) -> Tree.Element | None:
    """The names of what changes, to be read without unfolding."""
    if change.action in (Action.CREATE, Action.DELETE):
        return None
    labels = [named(each.label, 80) for each in change.properties if not outline.is_code(each)]
    labels += [f"{named('.'.join(map(str, each.path)), 80)} ({_amount(each)})" for each in change.code]
    labels = list(dict.fromkeys([*labels, *(named(each.label, 80) for each in change.options)]))
    more = f" and {len(labels) - _NAMED_PROPERTIES} more" if len(labels) > _NAMED_PROPERTIES else ""
    return element("span", {"class": "brief"}, ", ".join(labels[:_NAMED_PROPERTIES]) + more) if labels else None


def _amount(change: CodeChange) -> str:
    files = len(change.added) + len(change.changed) + len(change.removed)
    said = [sentences.plural(files, "file")] if files else []
    said += [sentences.plural(len(change.packages), "package")] if change.packages else []
    return ", ".join(said) or "content"


def _body(change: ResourceChange) -> Iterator[Content]:
    said = [f"Because {reason}." for reason in sentences.reasons(change)]
    said += [f"{warning[:1].upper()}{warning[1:]}." for warning in sentences.warnings(change)]
    if said:
        yield element("ul", {"class": "reasons"}, *(element("li", None, each) for each in said))
    properties = [each for each in change.properties if not (outline.is_code(each) and change.code)]
    if properties or change.options:
        yield _properties([*properties, *change.options])
    for each in change.code:
        yield _code(each)
    yield element("p", {"class": "urn"}, element("code", None, cut(change.urn, 600)))


def _properties(changes: Sequence[PropertyChange]) -> Tree.Element:
    """A table with before and after, or with the values alone where there is only one side."""
    before = any(each.before is not ABSENT for each in changes)
    after = any(each.after is not ABSENT for each in changes)
    heads = ["Property", *(["Before"] if before else []), *(["After"] if after else [])]
    rows: list[Tree.Element] = []
    for each in changes:
        was, is_ = _pair(each.before, each.after)
        cells = [element("th", {"scope": "row"}, named(each.label, 200), _forces(each.forces))]
        cells += [element("td", {"class": "before"}, was)] if before else []
        cells += [element("td", {"class": "after"}, is_)] if after else []
        rows.append(element("tr", None, *cells))
    return element(
        "table",
        {"class": "properties" if before and after else "properties single"},
        element("thead", None, element("tr", None, *(element("th", {"scope": "col"}, head) for head in heads))),
        element("tbody", None, *rows),
    )


def _forces(forces: Forces) -> Tree.Element | None:
    match forces:
        case Forces.YES:
            return element("span", {"class": "chip forces"}, "replaces")
        case Forces.MAY:
            return element("span", {"class": "chip forces"}, "may replace")
        case Forces.NO:
            return None


def _pair(before: Any, after: Any) -> tuple[Content, Content]:
    was, is_ = (None if side is ABSENT else _written(side) for side in (before, after))
    if was is None or is_ is None:
        return _value(was), _value(is_)
    if unseen := unseen_difference(before, after):
        return _value(was), element("div", None, _value(is_), element("small", None, unseen))
    if max(len(was), len(is_)) > _LONGEST:
        was, is_ = value_pair(before, after, _LONGEST)
    start, end = _alike(was, is_)
    return _value(was, start, end), _value(is_, start, end)


def _written(value: Any) -> str:
    """A value as JSON, over several lines where it is a structure."""
    found = shown(value)
    return found if found == SECRET else json.dumps(found, indent=2, ensure_ascii=False)


def _alike(one: str, other: str) -> tuple[int, int]:
    """How many characters two texts begin and end with alike; nothing where that is little of them."""
    shorter = min(len(one), len(other))
    start = next((index for index in range(shorter) if one[index] != other[index]), shorter)
    room = shorter - start
    end = next((index for index in range(room) if one[-1 - index] != other[-1 - index]), room)
    return (start, end) if start + end > shorter // 2 else (0, 0)


def _value(text: str | None, start: int = 0, end: int = 0) -> Content:
    if text is None:
        return element("span", {"class": "none"}, "\u2014")
    text = text if len(text) <= _LONGEST * 2 else cut(text, _LONGEST)
    if not start + end:
        return element("pre", {"tabindex": "0"} if len(text) > 400 else None, text)
    middle = text[start : len(text) - end]
    return element(
        "pre",
        {"tabindex": "0"} if len(text) > 400 else None,
        text[:start],
        element("mark", None, middle) if middle else None,
        text[len(text) - end :],
    )


def _code(change: CodeChange) -> Tree.Element:
    title = named(".".join(map(str, change.path)), 160)
    if change.unknown:
        return element(
            "p", {"class": "code"}, element("strong", None, title), ": the content is another.", _forces(change.forces)
        )
    packages = [_package(name, *versions) for name, versions in sorted(change.packages.items())]
    marks = ((SYMBOLS[Action.CREATE], change.added), ("~", change.changed), (SYMBOLS[Action.DELETE], change.removed))
    files = [(mark, cut(path, 300)) for mark, paths in marks for path in paths]
    return element(
        "div",
        {"class": "code"},
        element("p", None, element("strong", None, title), f": {_amount(change)}", _forces(change.forces)),
        element(
            "ul",
            None,
            *(
                element("li", None, element("span", {"class": "symbol"}, mark), element("code", None, text))
                for mark, text in [*packages, *files]
            ),
        ),
    )


def _package(name: str, before: str | None, after: str | None) -> tuple[str, str]:
    action = Action.CREATE if before is None else Action.DELETE if after is None else Action.UPDATE
    versions = [named(side, 60) for side in (before, after) if side is not None]
    return SYMBOLS[action], f"{named(name)} {_BECOMES.join(versions)}"
