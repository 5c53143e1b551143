"""The legend of a picture: only what is in it."""

from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as Tree

from workbench.diff.model import Action
from workbench.graph.elements import add, element
from workbench.graph.geometry import Layout
from workbench.graph.lettering import width
from workbench.graph.letters import COUNT, SYMBOLS
from workbench.graph.model import Flow, Kind, Picture


def legend(picture: Picture, marks: Mapping[str, Action] | None, layout: Layout) -> tuple[Tree.Element, float]:
    """What the colours, symbols and lines of this picture mean, below all else, and the height of that."""
    flows = {arrow.flow for arrow in picture.arrows}
    boxes = {box.kind for box in picture.boxes}
    items: list[tuple[str, str, str]] = []
    if marks is None:
        items += [(f"is-{kind}", "strip", _KINDS[kind]) for kind in _KINDS if kind in boxes]
    else:
        present = set(marks.values())
        items += [(action, SYMBOLS[action], f"{action}d") for action in SYMBOLS if action in present]
    items += [(f"is-{flow}", "line", words) for flow, words in _FLOWS.items() if flow in flows]
    group = element("g", {"class": "legend"})
    x, y = 20.0, layout.height + 4
    for class_, sign, words in items:
        wide = 26 + width(words, COUNT) + 14
        if x > 20 and x + wide > layout.width:
            x, y = 20.0, y + 20
        add(
            group, element("g", {"class": class_}, _sign(sign, x, y), element("text", {"x": x + 24, "y": y + 4}, words))
        )
        x += wide
    return group, y - layout.height + 22 if items else 0


_KINDS: Final[Mapping[Kind, str]] = {
    Kind.DOOR: "takes requests",
    Kind.FUNCTION: "runs code",
    Kind.QUEUE: "keeps messages",
    Kind.STORE: "keeps data",
    Kind.SECRET: "keeps secrets",
    Kind.WATCH: "watches",
}
_FLOWS: Final[Mapping[Flow, str]] = {
    Flow.CALLS: "requests and data",
    Flow.WATCHES: "is watched",
    Flow.USES: "is made with",
}


def _sign(sign: str, x: float, y: float) -> Tree.Element:
    match sign:
        case "strip":
            return element("rect", {"class": "strip", "x": x + 6, "y": y - 7, "width": 8, "height": 14, "rx": 3})
        case "line":
            return element("path", {"class": "line", "d": f"M{x:.1f} {y:.1f}h18"})
        case _:
            return element(
                "g",
                None,
                element("circle", {"class": "badge", "cx": x + 10, "cy": y, "r": 8}),
                element("text", {"class": "symbol", "x": x + 10, "y": y + 5}, sign),
            )
