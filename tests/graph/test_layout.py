"""Where things stand in a picture, whatever it shows: nothing on anything else, and arrows beside the boxes."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.browser import overlapping
from workbench.graph.geometry import Layout, Line, Rectangle
from workbench.graph.layout import laid_out
from workbench.graph.model import Arrow, Box, Flow, Frame, Kind, Picture

_IDS = [f"box-{number}" for number in range(14)]
_FRAMES = ["inner", "outer", None, None]


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Pictures of up to 14 boxes, some of them in frames, with any arrows between them."""
    ids = draw(st.lists(st.sampled_from(_IDS), unique=True, max_size=len(_IDS)))
    boxes = [Box(id_, id_, "Thing", Kind.OTHER, [id_], draw(st.sampled_from(_FRAMES))) for id_ in ids]
    pairs = (
        draw(st.lists(st.tuples(st.sampled_from(ids), st.sampled_from(ids)), unique=True, max_size=40)) if ids else []
    )
    arrows = [
        Arrow(source, target, draw(st.sampled_from(["", "reads", "delivers"])), draw(st.sampled_from(list(Flow))))
        for source, target in pairs
        if source != target
    ]
    return Picture("test", boxes, [Frame("inner", "inner", "Network"), Frame("outer", "outer", "Network")], arrows)


@settings(max_examples=150, deadline=None)
@given(pictures())
def test_nothing_stands_on_anything_else(picture: Picture) -> None:
    layout = _laid_out(picture)
    assert sorted(layout.boxes) == sorted(box.id for box in picture.boxes)
    assert overlapping([_place(box) for box in layout.boxes.values()]) == []
    assert overlapping([_place(frame) for frame in layout.frames.values()]) == []
    for box in layout.boxes.values():
        assert 0 <= box.x <= layout.width - box.width
        assert 0 <= box.y <= layout.height - box.height


@settings(max_examples=150, deadline=None)
@given(pictures())
def test_a_frame_surrounds_its_own_boxes_and_no_other(picture: Picture) -> None:
    layout = _laid_out(picture)
    touched = {end for arrow in picture.arrows for end in (arrow.source, arrow.target)}
    for id_, frame in layout.frames.items():
        for box in picture.boxes:
            inside = overlapping([_place(frame), _place(layout.boxes[box.id])]) != []
            assert inside == (box.frame == id_ and box.id in touched), box.id


@settings(max_examples=150, deadline=None)
@given(pictures())
def test_no_arrow_runs_over_a_box(picture: Picture) -> None:
    layout = _laid_out(picture)
    for route in layout.routes:
        for line in route.lines:
            for id_, box in layout.boxes.items():
                assert not _crosses(line, box), (id_, route.arrows)


@settings(max_examples=150, deadline=None)
@given(pictures())
def test_every_arrow_begins_and_ends_at_its_boxes(picture: Picture) -> None:
    layout = _laid_out(picture)
    drawn = [arrow for route in layout.routes for arrow in route.arrows]
    assert len(drawn) == len(picture.arrows)
    for route in layout.routes:
        ends = {(line.x1, line.y1) for line in route.lines} | {(line.x2, line.y2) for line in route.lines}
        assert route.head in ends
        for arrow in route.arrows:
            target = layout.boxes[arrow.target]
            assert route.head[0] in (target.x, target.x + target.width)
            source = layout.boxes[arrow.source]
            assert any(_on_edge(point, source) for point in ends)


@given(pictures())
@settings(max_examples=30, deadline=None)
def test_the_same_picture_is_laid_out_the_same(picture: Picture) -> None:
    assert _laid_out(picture) == _laid_out(picture)


def test_what_flows_flows_from_left_to_right() -> None:
    layout = _laid_out(_chain(("client", "api"), ("api", "queue"), ("queue", "worker"), ("worker", "queue")))
    assert sorted(layout.boxes, key=lambda id_: layout.boxes[id_].x) == ["client", "api", "queue", "worker"]
    assert [route.leftward for route in layout.routes] == [False, False, True, False]


def test_arrows_that_say_the_same_of_a_box_share_their_head() -> None:
    layout = _laid_out(_chain(("api", "database"), ("worker", "database"), ("reaper", "database")))
    assert [len(route.arrows) for route in layout.routes] == [3]


def test_a_box_near_to_what_it_leads_to_is_no_column_too_far_left() -> None:
    layout = _laid_out(_chain(("client", "gateway"), ("gateway", "api"), ("clock", "api")))
    assert layout.boxes["clock"].x == layout.boxes["gateway"].x


def _chain(*pairs: tuple[str, str]) -> Picture:
    ids = list(dict.fromkeys(end for pair in pairs for end in pair))
    arrows = sorted((Arrow(source, target, "", Flow.CALLS) for source, target in pairs), key=lambda each: each.source)
    return Picture("test", [Box(id_, id_, "Thing", Kind.OTHER) for id_ in ids], [], arrows)


def _laid_out(picture: Picture) -> Layout:
    return laid_out(picture, {box.id: (120.0, 50.0 + len(box.id)) for box in picture.boxes})


def _place(each: Rectangle) -> tuple[float, float, float, float]:
    return each.x, each.y, each.width, each.height


def _crosses(line: Line, box: Rectangle) -> bool:
    """Whether a line, which never leaves the rectangle between its ends, could touch the inside of a box."""
    left, right = sorted((line.x1, line.x2))
    top, low = sorted((line.y1, line.y2))
    sideways = left < box.x + box.width - 0.01 and box.x + 0.01 < right
    return sideways and top < box.y + box.height - 0.01 and box.y + 0.01 < low + 0.02


def _on_edge(point: tuple[float, float], box: Rectangle) -> bool:
    return point[0] in (box.x, box.x + box.width) and box.y <= point[1] <= box.y + box.height
