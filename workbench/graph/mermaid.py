"""A picture as a Mermaid flowchart, which GitHub renders."""

from collections.abc import Iterator, Mapping
from typing import Final

from workbench.graph.model import Box, Flow, Kind, Picture
from workbench.report.values import named

_SHAPES: Final[Mapping[Kind, tuple[str, str]]] = {
    Kind.OUTSIDE: ("([", "])"),
    Kind.STORE: ("[(", ")]"),
    Kind.QUEUE: ("[[", "]]"),
    Kind.SECRET: ("{{", "}}"),
}
_LINES: Final[Mapping[Flow, str]] = {Flow.CALLS: "-->", Flow.WATCHES: "-.->", Flow.USES: "-.->"}

_SAFE: Final = frozenset(" abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.,:/()")
_LONGEST: Final = 60


def mermaid(picture: Picture) -> str:
    """The flowchart, without a fence around it."""
    return "\n".join(_lines(picture)) + "\n"


def _lines(picture: Picture) -> Iterator[str]:
    ids = {box.id: f"box{index}" for index, box in enumerate(picture.boxes)}
    yield "flowchart LR"
    for box in picture.boxes:
        if box.frame is None:
            yield f"    {_node(box, ids[box.id])}"
    for index, frame in enumerate(picture.frames):
        yield f'    subgraph frame{index}["{_lettered(frame.name, frame.type)}"]'
        for box in picture.boxes:
            if box.frame == frame.id:
                yield f"        {_node(box, ids[box.id])}"
        yield "    end"
    for arrow in picture.arrows:
        label = f'|"{escaped(arrow.label)}"|' if arrow.label else ""
        yield f"    {ids[arrow.source]} {_LINES[arrow.flow]}{label} {ids[arrow.target]}"


def _node(box: Box, id_: str) -> str:
    left, right = _SHAPES.get(box.kind, ("[", "]"))
    count = len(box.urns)
    resources = f"{count} resources" if count > 1 else ""
    return f'{id_}{left}"{_lettered(box.name, box.type, resources, *box.notes, bold=True)}"{right}'


def _lettered(name: str, *more: str, bold: bool = False) -> str:
    title = f"<b>{escaped(name)}</b>" if bold else escaped(name)
    return "<br/>".join([title, *(escaped(line) for line in more if line)])


def escaped(text: str) -> str:
    """A text as it may stand between quotation marks: what could mean something to Mermaid or HTML as its code."""
    return "".join(letter if letter in _SAFE else f"#{ord(letter)};" for letter in named(text, _LONGEST))
