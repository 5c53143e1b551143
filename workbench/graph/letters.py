"""What is written in a picture's boxes, how much room that takes, and what marks those that change."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from workbench.diff.model import Action
from workbench.graph.lettering import width
from workbench.graph.model import Box, Frame, Kind, Picture
from workbench.report.values import named

SYMBOLS: Final[Mapping[Action, str]] = {
    Action.DELETE: "\u2212",
    Action.REPLACE: "\u00b1",
    Action.UPDATE: "~",
    Action.RENAME: "\u2192",
    Action.CREATE: "+",
}
"""What an action is marked with besides its colour, the gravest first."""

NAME: Final = 15.0
TYPE: Final = 12.0
COUNT: Final = 11.5
LINE: Final = 17.0
PADDING: Final = 14.0
BADGE: Final = 9.0
_LEAST: Final = 112.0
_MOST: Final = 196.0
_MOST_ASIDE: Final = 320.0


class Letters:
    """What is written in each box, and how much room that takes."""

    def __init__(self, picture: Picture, marks: Mapping[str, Action] | None) -> None:
        self._marks = marks
        self._aside = {box.id for box in picture.boxes} - picture.touched

    def counts(self, part: Box | Frame) -> Mapping[Action, int]:
        """How many resources of a part meet each action, the gravest first."""
        marks = self._marks or {}
        found = Counter(marks[urn] for urn in part.urns if urn in marks)
        return {action: found[action] for action in SYMBOLS if action in found}

    def action(self, part: Box | Frame) -> Action | None:
        """What happens to a part: the gravest of what happens to its resources. What only grows is updated."""
        own = self._marks.get(part.id) if self._marks else None
        if own in (Action.CREATE, Action.DELETE):
            return own
        gravest = next(iter(self.counts(part)), None)
        return Action.UPDATE if gravest is Action.CREATE and not self.whole(part) else gravest

    def whole(self, part: Box | Frame) -> bool:
        """Whether the same happens to all of a part."""
        return len(counts := self.counts(part)) < 2 and len(part.urns) == sum(counts.values())

    def classes(self, part: Box | Frame) -> Sequence[str]:
        """What the style sheet has to know of what happens to a part."""
        action = self.action(part)
        return [] if action is None else [action, *(["whole"] if self.whole(part) else [])]

    def lines(self, box: Box) -> Sequence[tuple[str, float, str]]:
        """What is written in a box, line by line: the class, the size and the text."""
        count = len(box.urns)
        lines = [("name", NAME, named(box.name)), ("type", TYPE, box.type)]
        if count > 1 or (count and box.kind is not Kind.OUTSIDE):
            lines.append(("count", COUNT, "1 resource" if count == 1 else f"{count} resources"))
        lines += [("note", COUNT, note) for note in box.notes]
        return [line for line in lines if line[2]]

    def size(self, box: Box) -> tuple[float, float]:
        """The least width and height of a box."""
        lines = self.lines(box)
        most = _MOST_ASIDE if box.id in self._aside else _MOST
        beside = width(counted(self.counts(box)), COUNT) + 20
        badge = 2 * BADGE if self.action(box) is not None else 0
        widest = max(
            width(text, size) + (badge if line == "name" else 0) + (beside if line == "count" else 0)
            for line, size, text in lines
        )
        least = 76.0 if box.kind is Kind.OUTSIDE else _LEAST
        return min(max(widest + 2 * PADDING, least), most), LINE * len(lines) + 2 * 9


def counted(counts: Mapping[Action, int]) -> str:
    """The counts in a few letters, such as `~2 +1`."""
    return " ".join(f"{SYMBOLS[action]}{count}" for action, count in counts.items())
