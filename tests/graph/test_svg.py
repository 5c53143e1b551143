"""A picture as SVG: well formed whatever it shows, and what changes can be told without colours."""

import re
from xml.etree import ElementTree as Tree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.any_diffs import texts
from tests.support.planted import MARKER, planted
from workbench.diff.model import Action
from workbench.graph.lettering import cut_to, width
from workbench.graph.mermaid import mermaid
from workbench.graph.model import Arrow, Box, Flow, Frame, Kind, Picture
from workbench.graph.picture import picture_of_both
from workbench.graph.svg import svg

_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = {"svg", "title", "desc", "style", "rect", "g", "text", "tspan", "path", "circle"}


@settings(max_examples=80, deadline=None)
@given(st.lists(texts, min_size=1, max_size=6))
def test_any_name_is_text(names: list[str]) -> None:
    drawn = Tree.fromstring(svg(_picture(names), {"urn-0": Action.DELETE}))  # noqa: S314
    found = [each.tag.removeprefix(_SVG) for each in drawn.iter()]
    assert set(found) <= _ELEMENTS
    assert {name for each in drawn.iter() for name in each.attrib if name.startswith("on") or "href" in name} == set()


def test_a_drawing_asks_for_nothing() -> None:
    drawn = svg(_picture(["api", "runs"]))
    assert re.findall(r"https?://[^\"]+", drawn) == ["http://www.w3.org/2000/svg"]
    assert re.findall(r"url\(|@import|<script|<image|<use|foreignObject", drawn) == []


def test_what_changes_has_a_class_a_symbol_and_a_count() -> None:
    marks = {"urn-0": Action.REPLACE, "more-0": Action.CREATE, "urn-1": Action.CREATE, "more-1": Action.CREATE}
    drawn = Tree.fromstring(svg(_picture(["database", "api", "runs"]), marks))  # noqa: S314
    found = {
        _text(box, "name"): (box.get("class"), _text(box, "symbol"), "".join(box.find(f".//{_SVG}tspan").itertext()))  # type: ignore[union-attr]
        for box in drawn.iter(f"{_SVG}g")
        if "box" in (box.get("class") or "").split() and box.find(f".//{_SVG}tspan") is not None
    }
    assert found == {
        "database": ("box is-door replace", "\u00b1", "\u00b11 +1"),
        "api": ("box is-store create whole", "+", "+2"),
    }


@pytest.mark.parametrize(
    ("marks", "expected"),
    [
        ({"urn-0": Action.DELETE}, "box is-door delete"),
        ({"urn-0": Action.DELETE, "more-0": Action.DELETE}, "box is-door delete whole"),
        ({"more-0": Action.CREATE}, "box is-door update"),
        ({"urn-0": Action.RENAME}, "box is-door rename"),
        ({"box-0": Action.CREATE}, "box is-door create"),
        ({"elsewhere": Action.DELETE}, "box is-door"),
    ],
)
def test_a_box_is_marked_by_the_gravest_that_happens_in_it(marks: dict[str, Action], expected: str) -> None:
    drawn = Tree.fromstring(svg(_picture(["api"]), marks))  # noqa: S314
    assert [each.get("class") for each in drawn.iter(f"{_SVG}g") if (each.get("class") or "").startswith("box")] == [
        expected
    ]


def test_those_who_do_not_see_it_are_told() -> None:
    drawn = Tree.fromstring(svg(_picture(["api", "runs"]), {"urn-1": Action.UPDATE}))  # noqa: S314
    said = {each.get("id"): each.text for each in drawn if each.tag in (f"{_SVG}title", f"{_SVG}desc")}
    assert drawn.get("role") == "img"
    assert drawn.get("aria-labelledby") == "picture-title picture-description"
    assert said == {
        "picture-title": "The stack test",
        "picture-description": (
            "Boxes: api, Thing, 2 resources; runs, Thing, 2 resources, 1 updated. Arrows: api to runs (sends)."
        ),
    }


def test_a_theme_can_be_fixed() -> None:
    picture = _picture(["api"])
    assert svg(picture).count("prefers-color-scheme: dark") == 1
    assert "prefers-color-scheme" not in svg(picture, theme="light")
    assert "prefers-color-scheme" not in svg(picture, theme="dark")
    assert "#12171e" not in svg(picture, theme="light")
    assert "#12171e" in svg(picture, theme="dark")


def test_no_secret_is_in_a_picture() -> None:
    drawn = picture_of_both(planted().stacks[0])
    assert drawn is not None
    assert "only-before" in svg(drawn)
    assert MARKER not in svg(drawn)
    assert MARKER not in mermaid(drawn)


@given(st.text(max_size=60), st.floats(20, 200))
def test_a_text_that_is_cut_fits(text: str, room: float) -> None:
    cut = cut_to(text, 12, room)
    assert width(cut, 12) <= room + 0.1
    assert cut == text or cut.endswith("\u2026")


def _picture(names: list[str]) -> Picture:
    kinds = list(Kind)
    boxes = [
        Box(
            f"box-{index}",
            name,
            "Thing",
            kinds[index % 3],
            [f"urn-{index}", f"more-{index}"],
            "frame" if index else None,
        )
        for index, name in enumerate(names)
    ]
    arrows = [
        Arrow(f"box-{index}", f"box-{index + 1}", "sends" if index % 2 == 0 else names[index], Flow.CALLS)
        for index in range(len(names) - 1)
    ]
    return Picture("test", boxes, [Frame("frame", names[0], names[-1], ["net"])], arrows)


def _text(box: Tree.Element, class_: str) -> str:
    found = next((each for each in box.iter(f"{_SVG}text") if each.get("class") == class_), None)
    return "" if found is None else found.text or ""
