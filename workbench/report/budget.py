"""Fits a document into a number of bytes: the least important lines are left out, and counted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from workbench.report.inline import fenced


@dataclass(frozen=True)
class Line:
    """One line, or several that stay together."""

    rank: int
    """The lower, the more important: lines of a rank are kept before all of the next, each rank from its beginning."""
    text: str
    noun: str
    """What it is counted as where it is left out."""
    number: int = 1
    """How many of them it tells of."""


@dataclass(frozen=True)
class Section:
    """Lines with what opens and closes them. Without any of its lines a section is not shown."""

    lines: Sequence[Line]
    before: str = ""
    after: str = ""
    fence: str = ""
    """The language of the code block that the lines are in, if they are in one."""
    more: str = ""
    """A last line where some of `noun` are left out, with `{}` for their number."""
    noun: str = ""
    always: bool = False
    """Whether it is shown without lines as well."""


def fitted(
    opening: str, sections: Sequence[Section], closing: Callable[[Mapping[str, int]], str], limit: int
) -> str | None:
    """The document, at most `limit` bytes of UTF-8, with as many lines as fit; None where it is too long without any.

    `closing` says what is left out, by noun, and how to see it.
    """
    ordered = sorted(
        ((line.rank, at, number) for at, section in enumerate(sections) for number, line in enumerate(section.lines))
    )
    places = {(at, number): place for place, (_, at, number) in enumerate(ordered)}

    def rendered(kept: int) -> str:
        left_out = Counter[str]()
        for _, at, number in ordered[kept:]:
            left_out[sections[at].lines[number].noun] += sections[at].lines[number].number
        shown = [
            _section(section, [places[at, number] < kept for number in range(len(section.lines))])
            for at, section in enumerate(sections)
        ]
        return "\n\n".join(part for part in (opening, *shown, closing(left_out) if left_out else "") if part) + "\n"

    most = _at_most([sections[at].lines[number].text for _, at, number in ordered], limit)
    if most == len(ordered) and _size(whole := rendered(most)) <= limit:
        return whole
    best, low, high = None, 0, min(most, len(ordered) - 1)
    while low <= high:
        middle = (low + high) // 2
        candidate = rendered(middle)
        if _size(candidate) <= limit:
            best, low = candidate, middle + 1
        else:
            high = middle - 1
    return best


def _at_most(texts: Sequence[str], limit: int) -> int:
    """How many of the texts fit where nothing else is needed."""
    for number, text in enumerate(texts):
        limit -= _size(text)
        if limit < 0:
            return number
    return len(texts)


def _size(text: str) -> int:
    return len(text.encode())


def _section(section: Section, kept: Sequence[bool]) -> str:
    lines = [line.text for line, is_kept in zip(section.lines, kept, strict=True) if is_kept]
    if not lines and not section.always:
        return ""
    missing = sum(
        line.number
        for line, is_kept in zip(section.lines, kept, strict=True)
        if line.noun == section.noun and not is_kept
    )
    if section.more and missing:
        lines.append(section.more.format(f"{missing:,}"))
    body = "\n".join(lines)
    return f"{section.before}{fenced(body, section.fence) if section.fence else body}{section.after}"
