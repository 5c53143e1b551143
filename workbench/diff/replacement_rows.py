"""The shape of the table of replacements: a row for a type, and the conditions on which a property forces a new one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from workbench.diff.model import ABSENT

Keys = tuple[str, ...]
"""The way to a property or a block, by its keys."""


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""A value that whoever asks cannot tell."""


@dataclass(frozen=True)
class Asked:
    """What is known of a change: the values of the property, and the resource's inputs once it is made."""

    before: Any = UNKNOWN
    after: Any = UNKNOWN
    inputs: Mapping[str, Any] | None = None

    def input(self, name: str, default: Any = ABSENT) -> Any:
        """An input, or its default where it is not given; UNKNOWN where the inputs or its value are not known."""
        if self.inputs is None:
            return UNKNOWN
        value = self.inputs.get(name)
        if value is None:
            return default
        known = isinstance(value, (str, int, float)) and not str(value).startswith("${")
        return value if known else UNKNOWN


def _cannot_be_told(_: Asked) -> bool | None:
    return None


@dataclass(frozen=True)
class Condition:
    """A property that forces a new resource at times."""

    said: str
    """When it does, as the end of a sentence."""
    forces: Callable[[Asked], bool | None] = _cannot_be_told
    """Whether it does here; None where that cannot be told."""


@dataclass(frozen=True)
class Row:
    """One type."""

    source: str
    """The document, and the version of it that was read."""
    forces: frozenset[Keys] = frozenset()
    conditions: Mapping[Keys, Condition] = field(default_factory=dict[Keys, Condition])
    unread: frozenset[str] = frozenset()
    """Properties that the document does not describe."""


def comes_or_goes(asked: Asked) -> bool | None:
    """Forces where the property is there on one side only."""
    if UNKNOWN in (asked.before, asked.after):
        return None
    return asked.before is ABSENT or asked.after is ABSENT


def is_not_removed(asked: Asked) -> bool | None:
    """Forces unless the property is taken away."""
    return None if asked.after is UNKNOWN else asked.after not in (ABSENT, "")


def is_not_default(asked: Asked) -> bool | None:
    """Forces unless the property goes to its default, which has that name."""
    return None if asked.after is UNKNOWN else asked.after not in (ABSENT, "default")


def is_no_way_to_valkey(asked: Asked) -> bool | None:
    """Forces unless a cache goes from Redis to Valkey."""
    return None if UNKNOWN in (asked.before, asked.after) else (asked.before, asked.after) != ("redis", "valkey")


def is_from_advanced_to_standard(asked: Asked) -> bool | None:
    """Forces where a parameter's tier goes down."""
    return None if UNKNOWN in (asked.before, asked.after) else (asked.before, asked.after) == ("Advanced", "Standard")


def unless(name: str, default: Any, excepted: Callable[[Any], bool]) -> Callable[[Asked], bool | None]:
    """Forces unless another input is such a value."""

    def forces(asked: Asked) -> bool | None:
        value = asked.input(name, default)
        return None if value is UNKNOWN else not excepted(value)

    return forces
