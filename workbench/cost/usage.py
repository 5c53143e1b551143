"""What is used of a resource, and the stack that it is read from."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from workbench.cost.load import Load
from workbench.cost.prices import PRICES, Price
from workbench.diff.snapshot import Entry, Snapshot

Factor = tuple[float, str]
"""An amount and its unit, which is empty for a bare number."""


@dataclass(frozen=True)
class Usage:
    """Something that is paid for: the product of its factors, at a price."""

    what: str
    """Names the line of its component that it is counted in."""
    price: Price
    factors: Sequence[Factor]
    loaded: bool = False
    """Whether it comes on top under load; otherwise it is there while idle, too."""

    @property
    def usd(self) -> float:
        """What it costs a month."""
        return math.prod(amount for amount, _ in self.factors) * self.price.each

    @property
    def arithmetic(self) -> str:
        """How that comes about: `2 zones x 730 h x 0.01 USD`."""
        return " x ".join([*(_shown(*factor) for factor in self.factors), self.price.label])


def used(what: str, price: str, *factors: Factor, loaded: bool = False) -> Usage:
    """A usage at the price of that name in the table."""
    return Usage(what, PRICES[price], factors, loaded)


def _shown(amount: float, unit: str) -> str:
    number = f"{amount:,.0f}" if amount >= 1000 or amount == int(amount) else f"{amount:.3g}"
    if amount == 1 and len(unit) > 1:
        unit = unit.removesuffix("es") if unit.endswith("sses") else unit.removesuffix("s")
    return f"{number} {unit}".rstrip()


_LARGEST = 1e12
"""What no size or number in a program exceeds that is meant."""


class Site:
    """A stack as it is estimated: what its resources say of themselves, and what had to be assumed."""

    def __init__(self, snapshot: Snapshot, load: Load) -> None:
        self.load = load
        self.notes: list[str] = []
        """What was assumed of single resources, a sentence each."""
        self._by_urn = snapshot.by_urn()
        self._by_type: dict[str, list[Entry]] = {}
        for entry in snapshot.entries:
            self._by_type.setdefault(entry.type, []).append(entry)

    def of_type(self, type_: str) -> Sequence[Entry]:
        """The resources of a type."""
        return self._by_type.get(type_, ())

    def made_of(self, entry: Entry, key: str, type_: str) -> list[Entry]:
        """The resources of a type that an input was made of."""
        urns = entry.property_dependencies.get(key, ())
        return [found for urn in urns if (found := self._by_urn.get(urn)) is not None and found.type == type_]

    def inside(self, entry: Entry, type_: str) -> bool:
        """Whether a resource is in a component of that type."""
        above = self._by_urn.get(entry.parent)
        while above is not None and above.type != type_:
            above = self._by_urn.get(above.parent)
        return above is not None

    def component_of(self, entry: Entry) -> str:
        """The name of the outermost component that a resource is in, or else its own."""
        name, above = entry.name, self._by_urn.get(entry.parent)
        while above is not None:
            name, above = above.name, self._by_urn.get(above.parent)
        return name

    def number(self, entry: Entry, path: str, default: float) -> float:
        """The number at a dotted path, or what stands for it where there is none or it is not known yet."""
        match at(entry.inputs, path):
            case None:
                return default
            case bool():
                pass
            case int() | float() as value if 0 <= value <= _LARGEST:
                return value
            case _:
                pass
        self.assume(entry, path, f"{default:g}")
        return default

    def count(self, entry: Entry, path: str, default: int) -> int:
        """The length of the list at a dotted path, in the same way."""
        values = at(entry.inputs, path)
        if isinstance(values, list):
            return len(cast("list[Any]", values))
        if values is not None:
            self.assume(entry, path, str(default))
        return default

    def assume(self, entry: Entry, path: str, value: str) -> None:
        """Notes that an input is not known, and what was put in its place."""
        self.notes.append(f"{entry.name}: {path} is not known here; {value} is assumed.")


def at(inputs: Any, path: str) -> Any:
    """What is at a dotted path; None where there is nothing."""
    for key in path.split("."):
        if isinstance(inputs, Mapping):
            inputs = cast("Mapping[str, Any]", inputs).get(key)
        elif isinstance(inputs, list) and key.isdecimal():
            values, index = cast("list[Any]", inputs), int(key)
            inputs = values[index] if index < len(values) else None
        else:
            # A value that is not known yet, or is secret, is so with everything in it.
            break
    return cast("Any", inputs)


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """The mappings of a list; none where it is no list."""
    values = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("Mapping[str, Any]", item) for item in values if isinstance(item, Mapping)]
