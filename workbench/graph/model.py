"""A picture as plain data: boxes, the frames around them and the arrows between them. Nothing of where they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from workbench.diff.model import Action


class Kind(StrEnum):
    """What a box mainly is. Where it is several things at once, the first of these."""

    DOOR = "door"
    """What clients talk to: an API, a load balancer."""
    STORE = "store"
    QUEUE = "queue"
    FUNCTION = "function"
    SECRET = "secret"  # noqa: S105
    WATCH = "watch"
    """Alarms and dashboards."""
    OTHER = "other"
    OUTSIDE = "outside"
    """No resource: a client, the clock, the internet."""


class Flow(StrEnum):
    """What an arrow stands for."""

    CALLS = "calls"
    """Requests, messages or data go this way."""
    WATCHES = "watches"
    USES = "uses"
    """An input of the one is made of the other, and no more is known."""


@dataclass(frozen=True)
class Box:
    """A component, or resources that belong together without one."""

    id: str
    """The URN of the component or of the main resource; of what is outside, a word."""
    name: str
    type: str
    """What it is, in a word or two: `PythonFunction`, `SQS queue`."""
    kind: Kind
    urns: Sequence[str] = ()
    """The resources in it."""
    frame: str | None = None
    """The id of the network it is in."""
    notes: Sequence[str] = ()
    """What is written into it instead of arrows to everything: `watches api, worker and 3 more`."""


@dataclass(frozen=True)
class Frame:
    """A network, drawn around what is in it."""

    id: str
    name: str
    type: str
    urns: Sequence[str] = ()


@dataclass(frozen=True)
class Arrow:
    """What flows from one box to another."""

    source: str
    target: str
    label: str
    flow: Flow
    action: Action | None = None
    """In a picture of two revisions: `create` for what flows only in the head, `delete` for only in the base."""


@dataclass(frozen=True)
class Picture:
    """An environment. Everything in it is in a fixed order."""

    stack: str
    boxes: Sequence[Box]
    frames: Sequence[Frame]
    arrows: Sequence[Arrow]

    @property
    def touched(self) -> set[str]:
        """The ids of the boxes that an arrow leads to or from."""
        return {end for arrow in self.arrows for end in (arrow.source, arrow.target)}

    @property
    def names(self) -> Mapping[str, str]:
        """The name of each box, by id."""
        return {box.id: box.name for box in self.boxes}
