"""A picture laid out: where everything stands, in pixels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.diff.model import Action
from workbench.graph.model import Arrow, Flow


@dataclass(frozen=True)
class Rectangle:
    """Where something stands."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """A piece of an arrow: level at both ends."""

    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True)
class Route:
    """One arrow, or all that say the same of the same box: the lines they run on, one head and one label."""

    arrows: Sequence[Arrow]
    lines: Sequence[Line]
    head: tuple[float, float]
    leftward: bool
    """Whether the head points to the left."""

    @property
    def label(self) -> str:
        """What is written at its head."""
        return self.arrows[0].label

    @property
    def flow(self) -> Flow:
        """What flows."""
        return self.arrows[0].flow

    @property
    def action(self) -> Action | None:
        """Whether it is there only before or only after."""
        return self.arrows[0].action


@dataclass(frozen=True)
class Layout:
    """Everything in its place."""

    width: float
    height: float
    boxes: Mapping[str, Rectangle]
    frames: Mapping[str, Rectangle]
    routes: Sequence[Route]
