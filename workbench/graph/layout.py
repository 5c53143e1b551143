"""Where the boxes of a picture stand: in columns from left to right, arrows between the columns and never over a box.

An arrow that spans columns passes each of those between in a place of its own. Arrows that say the same of the same box
come together on the way there.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from workbench.graph.geometry import Layout, Line, Rectangle, Route
from workbench.graph.lettering import width
from workbench.graph.model import Arrow, Picture
from workbench.graph.places import Column, Links, Slot, arranged, stood
from workbench.graph.ranks import forward, ranks

LABEL_SIZE: Final = 11.0
FRAME_TITLE: Final = 30.0
FRAME_PADDING: Final = 16.0

_MARGIN: Final = 20.0
_GAP: Final = 44.0
"""The least between two columns, besides the labels that stand there."""

_LANE_GAP: Final = 26.0
_BETWEEN_PORTS: Final = 18.0
_ASIDE_GAP: Final = 18.0
_LEAST_WIDTH: Final = 640.0


@dataclass(frozen=True)
class _Bundle:
    """Arrows that share a head. `hub` is the box with the head."""

    key: str
    hub: str
    leftward: bool
    arrows: Sequence[Arrow]

    def ends(self) -> Sequence[str]:
        return [arrow.source for arrow in self.arrows]


def laid_out(picture: Picture, sizes: Mapping[str, tuple[float, float]]) -> Layout:
    """The picture with each box in its place. `sizes` are the least widths and heights of the boxes, by id."""
    return _Drawing(picture, sizes).layout()


class _Drawing:
    def __init__(self, picture: Picture, sizes: Mapping[str, tuple[float, float]]) -> None:
        self._picture = picture
        touched = picture.touched
        self._nodes = [box.id for box in picture.boxes if box.id in touched]
        self._asides = [box.id for box in picture.boxes if box.id not in touched]
        self._frame_of = {box.id: box.frame for box in picture.boxes if box.frame is not None and box.id in touched}
        ahead, back = forward(self._nodes, [(arrow.source, arrow.target) for arrow in picture.arrows])
        self._rank = ranks(self._nodes, [*ahead, *((target, source) for source, target in back)])
        self._bundles = self._bundled()
        self._sizes = self._grown(sizes)
        self._spans = self._spanned()
        self._frame_lanes = self._coloured()

    def layout(self) -> Layout:
        columns, links = self._columns()
        columns = arranged(columns, links)
        middles = stood(columns, links, self._lanes(columns))
        lefts, widths, gap_labels = self._across()
        boxes = {
            node: Rectangle(
                lefts[self._rank[node]],
                middles[node] - self._sizes[node][1] / 2,
                widths[self._rank[node]],
                self._sizes[node][1],
            )
            for node in self._nodes
        }
        frames = self._frames(boxes)
        routes = self._routes(boxes, middles, lefts, widths, gap_labels)
        right = max([*(each.x + each.width for each in [*boxes.values(), *frames.values()]), _LEAST_WIDTH])
        low = max((each.y + each.height for each in [*boxes.values(), *frames.values()]), default=_MARGIN - _LANE_GAP)
        asides = self._aside(low + _LANE_GAP, right)
        boxes |= asides
        return Layout(
            width=max([right, *(each.x + each.width for each in asides.values())]) + _MARGIN,
            height=max([low, *(each.y + each.height for each in asides.values())]) + _MARGIN,
            boxes=boxes,
            frames=frames,
            routes=routes,
        )

    def _bundled(self) -> Sequence[_Bundle]:
        together: dict[tuple[str, bool, str, str, str], list[Arrow]] = defaultdict(list)
        for arrow in self._picture.arrows:
            leftward = self._rank[arrow.source] > self._rank[arrow.target]
            together[arrow.target, leftward, arrow.label, arrow.flow, arrow.action or ""].append(arrow)
        return [_Bundle("\0".join(map(str, key)), key[0], key[1], found) for key, found in sorted(together.items())]

    def _grown(self, sizes: Mapping[str, tuple[float, float]]) -> Mapping[str, tuple[float, float]]:
        """The sizes with room for all that ends at a side of a box."""
        left: dict[str, int] = defaultdict(int)
        right: dict[str, int] = defaultdict(int)
        for bundle in self._bundles:
            (right if bundle.leftward else left)[bundle.hub] += 1
            for end in bundle.ends():
                (left if bundle.leftward else right)[end] += 1
        return {
            node: (wide, max(high, _BETWEEN_PORTS * max(left[node], right[node]) + 8))
            for node, (wide, high) in sizes.items()
        }

    def _spanned(self) -> Mapping[str, tuple[int, int]]:
        """The first and the last column of each frame that something is in."""
        spans: dict[str, tuple[int, int]] = {}
        for node, frame in self._frame_of.items():
            first, last = spans.get(frame, (self._rank[node], self._rank[node]))
            spans[frame] = min(first, self._rank[node]), max(last, self._rank[node])
        return spans

    def _coloured(self) -> Mapping[str, int]:
        """A lane for each frame, such that no two that share a column share one."""
        lanes: dict[str, int] = {}
        for frame, (first, last) in sorted(self._spans.items(), key=lambda item: (item[1][0] - item[1][1], item[0])):
            taken = {
                lanes[other]
                for other, (start, end) in self._spans.items()
                if other in lanes and start <= last and first <= end
            }
            lanes[frame] = next(lane for lane in range(len(taken) + 1) if lane not in taken)
        return lanes

    def _lane(self, node: str, rank: int) -> int:
        """The lane that a box, or an arrow to it, has in a column; -1 where there is no frame to keep clear of."""
        inside = [frame for frame, (first, last) in self._spans.items() if first <= rank <= last]
        if not inside:
            return -1
        own = self._frame_of.get(node)
        return self._frame_lanes[own] if own in inside else 1 + max(self._frame_lanes[frame] for frame in inside)

    def _columns(self) -> tuple[Sequence[Column], Links]:
        count = 1 + max(self._rank.values(), default=-1)
        columns: list[list[Slot]] = [[] for _ in range(count)]
        for node in self._nodes:
            rank = self._rank[node]
            columns[rank].append(Slot(node, self._sizes[node][1], self._lane(node, rank)))
        links: Links = [defaultdict(set) for _ in range(count)]
        for bundle in self._bundles:
            for end in bundle.ends():
                path = self._path(bundle, end)
                for rank, (here, there) in enumerate(pairwise(path), self._leftmost(bundle, end)):
                    links[rank][here].add(there)
                for rank, name in enumerate(path[1:-1], self._leftmost(bundle, end) + 1):
                    if all(slot.name != name for slot in columns[rank]):
                        columns[rank].append(Slot(name, 8, self._lane(bundle.hub, rank), passes=True))
        return columns, links

    def _leftmost(self, bundle: _Bundle, end: str) -> int:
        return min(self._rank[bundle.hub], self._rank[end])

    def _path(self, bundle: _Bundle, end: str) -> Sequence[str]:
        """The places that an arrow takes, from left to right."""
        left, right = (bundle.hub, end) if bundle.leftward else (end, bundle.hub)
        between = range(self._rank[left] + 1, self._rank[right])
        return [left, *(f"{bundle.key}\0{rank}" for rank in between), right]

    def _lanes(self, columns: Sequence[Column]) -> Mapping[int, tuple[float, float]]:
        """The top and bottom of each lane; for what is in none, of all."""
        heights: dict[int, float] = defaultdict(float)
        for column in columns:
            for lane in {slot.lane for slot in column}:
                stacked = [slot for slot in column if slot.lane == lane]
                needed = sum(slot.height for slot in stacked) + sum(
                    one.apart(other) for one, other in pairwise(stacked)
                )
                heights[lane] = max(heights[lane], needed)
        lanes: dict[int, tuple[float, float]] = {}
        top = _MARGIN
        for lane in sorted(heights):
            if lane < 0:
                continue
            framed = lane in self._frame_lanes.values()
            top += FRAME_TITLE if framed else 0
            lanes[lane] = (top, top + heights[lane])
            top += heights[lane] + (FRAME_PADDING if framed else 0) + _LANE_GAP
        bottom = max([_MARGIN + heights[-1], *(low for _, low in lanes.values())])
        return {**lanes, -1: (_MARGIN, bottom)}

    def _across(self) -> tuple[Sequence[float], Sequence[float], Mapping[str, float]]:
        """The left edges and the widths of the columns, and how long each label makes the end of its arrow."""
        count = 1 + max(self._rank.values(), default=-1)
        widths = [0.0] * count
        for node in self._nodes:
            widths[self._rank[node]] = max(widths[self._rank[node]], self._sizes[node][0])
        labels = {
            bundle.key: width(bundle.arrows[0].label, LABEL_SIZE) + 16 if bundle.arrows[0].label else 10.0
            for bundle in self._bundles
        }
        rightward, leftward = [0.0] * (count + 1), [0.0] * (count + 1)
        for bundle in self._bundles:
            rank, room = self._rank[bundle.hub], labels[bundle.key]
            if bundle.leftward:
                leftward[rank + 1] = max(leftward[rank + 1], room)
            else:
                rightward[rank] = max(rightward[rank], room)
        first_framed = any(first == 0 for first, _ in self._spans.values())
        lefts = list[float]()
        x = _MARGIN + (FRAME_PADDING if first_framed else 0)
        for rank in range(count):
            x += (_GAP + leftward[rank] + rightward[rank]) if rank else 0
            lefts.append(x)
            x += widths[rank]
        return lefts, widths, labels

    def _frames(self, boxes: Mapping[str, Rectangle]) -> dict[str, Rectangle]:
        frames: dict[str, Rectangle] = {}
        for frame in self._spans:
            inside = [boxes[node] for node, own in self._frame_of.items() if own == frame]
            left, top = min(box.x for box in inside), min(box.y for box in inside)
            right, low = max(box.x + box.width for box in inside), max(box.y + box.height for box in inside)
            frames[frame] = Rectangle(
                left - FRAME_PADDING,
                top - FRAME_TITLE,
                right - left + 2 * FRAME_PADDING,
                low - top + FRAME_TITLE + FRAME_PADDING,
            )
        return frames

    def _routes(
        self,
        boxes: Mapping[str, Rectangle],
        middles: Mapping[str, float],
        lefts: Sequence[float],
        widths: Sequence[float],
        labels: Mapping[str, float],
    ) -> Sequence[Route]:
        ports = self._ports(boxes, middles)
        routes: list[Route] = []
        for bundle in self._bundles:
            lines: dict[Line, None] = {}
            level = ports[bundle.hub, bundle.key]
            box = boxes[bundle.hub]
            head_x = box.x + box.width if bundle.leftward else box.x
            straight = labels[bundle.key] * (1 if bundle.leftward else -1)
            lines[Line(head_x, level, head_x + straight, level)] = None
            for end in bundle.ends():
                path = self._path(bundle, end)
                first = self._leftmost(bundle, end)
                for rank, (here, there) in enumerate(pairwise(path), first):
                    x1, x2 = lefts[rank] + widths[rank], lefts[rank + 1]
                    y1 = ports[here, bundle.key] if here in boxes else middles[here]
                    y2 = ports[there, bundle.key] if there in boxes else middles[there]
                    if there not in boxes:
                        lines[Line(x2, y2, x2 + widths[rank + 1], y2)] = None
                    if bundle.hub == here:
                        x1 += straight
                    if bundle.hub == there:
                        x2 += straight
                    lines[Line(x1, y1, x2, y2)] = None
            routes.append(Route(bundle.arrows, list(lines), (head_x, level), bundle.leftward))
        return routes

    def _ports(self, boxes: Mapping[str, Rectangle], middles: Mapping[str, float]) -> Mapping[tuple[str, str], float]:
        """The height at which each bundle meets each of its boxes."""
        meeting: dict[tuple[str, bool], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for bundle in self._bundles:
            for end in bundle.ends():
                path = self._path(bundle, end)
                meeting[path[0], True][bundle.key].append(middles[path[1]])
                meeting[path[-1], False][bundle.key].append(middles[path[-2]])
        ports: dict[tuple[str, str], float] = {}
        for (node, _), found in meeting.items():
            order = sorted(found, key=lambda key: (sum(found[key]) / len(found[key]), key))
            apart = min(_BETWEEN_PORTS + 4, (boxes[node].height - 8) / len(order))
            top = middles[node] - apart * (len(order) - 1) / 2
            ports |= {(node, key): top + apart * index for index, key in enumerate(order)}
        return ports

    def _aside(self, top: float, right: float) -> dict[str, Rectangle]:
        """What no arrow leads to or from, in rows below everything else."""
        placed: dict[str, Rectangle] = {}
        x, y, high = _MARGIN, top, 0.0
        for node in self._asides:
            wide, tall = self._sizes[node]
            if x > _MARGIN and x + wide > right:
                x, y, high = _MARGIN, y + high + _ASIDE_GAP, 0.0
            placed[node] = Rectangle(x, y, wide, tall)
            x, high = x + wide + _ASIDE_GAP, max(high, tall)
        return placed
