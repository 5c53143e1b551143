"""A picture as SVG: one file or a part of a page, in light and dark, with no script, font or image of its own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Literal
from xml.etree import ElementTree as Tree

from workbench.diff.model import Action
from workbench.graph.elements import Content, add, element
from workbench.graph.geometry import Line, Rectangle, Route
from workbench.graph.layout import laid_out
from workbench.graph.legend import legend
from workbench.graph.lettering import cut_to, width
from workbench.graph.letters import BADGE, COUNT, LINE, PADDING, SYMBOLS, TYPE, Letters, counted
from workbench.graph.model import Box, Frame, Kind, Picture
from workbench.report.values import named

Theme = Literal["auto", "light", "dark"]
"""`auto` follows the reader's system."""

_LEVEL: Final = 0.05


def svg(picture: Picture, marks: Mapping[str, Action] | None = None, theme: Theme = "auto") -> str:
    """A document of its own. With `marks`, by URN, what changes is coloured and marked by a symbol."""
    drawn = drawing(picture, marks)
    drawn.set("xmlns", "http://www.w3.org/2000/svg")
    drawn.insert(2, element("style", None, style(theme)))
    Tree.indent(drawn)
    return Tree.tostring(drawn, encoding="unicode") + "\n"


def drawing(picture: Picture, marks: Mapping[str, Action] | None = None, prefix: str = "picture") -> Tree.Element:
    """The picture as an element for a page that has `style()`. `prefix` keeps its ids from others'."""
    letters = Letters(picture, marks)
    layout = laid_out(picture, {box.id: letters.size(box) for box in picture.boxes})
    key, below = legend(picture, marks, layout)
    height, names = layout.height + below, picture.names
    root = element(
        "svg",
        {
            "class": "picture marked" if marks is not None else "picture",
            "viewBox": f"0 0 {layout.width:.0f} {height:.0f}",
            "width": round(layout.width),
            "height": round(height),
            "role": "img",
            "aria-labelledby": f"{prefix}-title {prefix}-description",
        },
        element("title", {"id": f"{prefix}-title"}, f"The stack {picture.stack}"),
        element("desc", {"id": f"{prefix}-description"}, _described(picture, letters)),
        element("rect", {"class": "ground", "width": round(layout.width), "height": round(height)}),
    )
    add(
        root,
        *(_frame(frame, layout.frames[frame.id], letters) for frame in picture.frames if frame.id in layout.frames),
    )
    add(root, *(_route(route, names) for route in layout.routes))
    add(root, *(_box(box, layout.boxes[box.id], letters) for box in picture.boxes))
    add(root, key)
    return root


def style(theme: Theme = "auto") -> str:
    """The style sheet of a drawing."""
    sheet = (Path(__file__).parent / "picture.css").read_text(encoding="utf-8")
    common, light, dark = sheet.split("/* --- */")
    light = common + light
    if theme == "light":
        return light
    return light + (dark if theme == "dark" else f"@media (prefers-color-scheme: dark) {{{dark}}}\n")


def _frame(frame: Frame, place: Rectangle, letters: Letters) -> Tree.Element:
    counts = counted(letters.counts(frame))
    told = f"{frame.name}: {frame.type}, {len(frame.urns)} resources {counts}"
    room = place.width - 24
    name = cut_to(named(frame.name), TYPE + 1, room - (width(counts, COUNT) + 8 if counts else 0))
    beside = [("type", frame.type), ("counts", counts)]
    x, y = place.x + 12, place.y + 19
    taken = width(name, TYPE + 1)
    group = element(
        "g",
        {"class": " ".join(["frame", *letters.classes(frame)])},
        element("title", None, told.strip()),
        element("rect", {"x": place.x, "y": place.y, "width": place.width, "height": place.height, "rx": 12}),
        element("text", {"class": "name", "x": x, "y": y}, name),
    )
    for line, text in beside:
        if text and taken + 8 + width(text, COUNT) <= room:
            add(group, element("text", {"class": line, "x": x + taken + 8, "y": y}, text))
            taken += 8 + width(text, COUNT)
    return group


def _box(box: Box, place: Rectangle, letters: Letters) -> Tree.Element:
    action = letters.action(box)
    group = element(
        "g",
        {"class": " ".join(["box", f"is-{box.kind}", *letters.classes(box)])},
        element("title", None, _told(box, letters)),
        *_shape(box.kind, place),
    )
    lines = letters.lines(box)
    room = place.width - 2 * PADDING
    outside = box.kind is Kind.OUTSIDE
    left = place.x + (place.width / 2 if outside else PADDING)
    y = place.y + (place.height - LINE * len(lines)) / 2 + LINE * 0.78
    for line, size, text in lines:
        badge = 2 * BADGE if action is not None and line == "name" else 0
        counts = counted(letters.counts(box)) if line == "count" else ""
        shown = cut_to(text, size, room - badge)
        add(
            group,
            element(
                "text",
                {"class": line, "x": left, "y": y, "text-anchor": "middle" if outside else None},
                shown,
                element("tspan", {"class": "counts", "dx": 6}, counts) if counts else None,
            ),
        )
        y += LINE
    if action is not None:
        x, y = place.x + place.width - 4, place.y + 4
        add(
            group,
            element("circle", {"class": "badge", "cx": x - BADGE, "cy": y + BADGE, "r": BADGE}),
            element("text", {"class": "symbol", "x": x - BADGE, "y": y + BADGE + 5}, SYMBOLS[action]),
        )
    return group


def _shape(kind: Kind, place: Rectangle) -> Iterator[Tree.Element]:
    """The outline of a box, round for what is outside, and a strip that says what it is."""
    radius = place.height / 2 if kind is Kind.OUTSIDE else 8
    body = {"x": place.x, "y": place.y, "width": place.width, "height": place.height}
    yield element("rect", {"class": "body", **body, "rx": radius})
    if kind is not Kind.OUTSIDE:
        x, y, low = place.x, place.y, place.y + place.height
        strip = f"M{x + 6:.1f} {y:.1f}H{x + 8:.1f}A8 8 0 0 0 {x:.1f} {y + 8:.1f}V{low - 8:.1f}"
        strip += f"A8 8 0 0 0 {x + 8:.1f} {low:.1f}H{x + 6:.1f}V{y:.1f}Z"
        yield element("path", {"class": "strip", "d": strip})


def _route(route: Route, names: Mapping[str, str]) -> Tree.Element:
    said = ", ".join(names[arrow.source] for arrow in route.arrows)
    x, y = route.head
    back = 7 if route.leftward else -7
    path = "".join(map(_drawn, route.lines))
    label: Content = None
    if route.label:
        mark = f"{SYMBOLS[route.action]} " if route.action else ""
        label = element(
            "text",
            {
                "class": "label",
                "x": x + (11 if route.leftward else -11),
                "y": y - 4,
                "text-anchor": "start" if route.leftward else "end",
            },
            mark + route.label,
        )
    return element(
        "g",
        {"class": " ".join(["arrow", f"is-{route.flow}", *([route.action] if route.action else [])])},
        element("title", None, f"{said} \u2192 {names[route.arrows[0].target]}: {route.label or 'uses'}"),
        element("path", {"class": "line", "d": path}),
        element("path", {"class": "head", "d": f"M{x:.1f} {y:.1f}L{x + back:.1f} {y - 4:.1f}V{y + 4:.1f}Z"}),
        label,
    )


def _drawn(line: Line) -> str:
    start = f"M{line.x1:.1f} {line.y1:.1f}"
    if abs(line.y1 - line.y2) < _LEVEL:
        return f"{start}H{line.x2:.1f}"
    middle = (line.x1 + line.x2) / 2
    return f"{start}C{middle:.1f} {line.y1:.1f} {middle:.1f} {line.y2:.1f} {line.x2:.1f} {line.y2:.1f}"


def _told(box: Box, letters: Letters) -> str:
    """The box for those who cannot see all of it."""
    said = [box.name, *([box.type] if box.type else []), *(text for _, _, text in letters.lines(box)[2:])]
    said += [f"{count} {action}d" for action, count in letters.counts(box).items()]
    return ", ".join(said)


def _described(picture: Picture, letters: Letters) -> str:
    """The whole picture in words, for those who cannot see it."""
    names = picture.names
    boxes = "; ".join(_told(box, letters) for box in picture.boxes)
    flows = "; ".join(
        f"{names[arrow.source]} to {names[arrow.target]}{f' ({arrow.label})' if arrow.label else ''}"
        for arrow in picture.arrows
    )
    return f"Boxes: {boxes}." + (f" Arrows: {flows}." if flows else "")
