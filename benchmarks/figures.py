"""A figure: ours, the baseline's, and how many times the baseline ours may be."""

from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True, kw_only=True)
class Figure:
    """Two times in milliseconds, measured by turns. A figure without a limit is only told."""

    name: str
    baseline_ms: float
    ours_ms: float
    limit: float | None

    @property
    def ratio(self) -> float:
        """How many times the baseline ours is."""
        return self.ours_ms / self.baseline_ms

    @property
    def holds(self) -> bool:
        """Whether ours is within the limit."""
        return self.limit is None or self.ratio <= self.limit

    def document(self) -> dict[str, Any]:
        """The figure as JSON has it."""
        return {**asdict(self), "ratio": round(self.ratio, 3), "holds": self.holds}


def table(figures: list[Figure]) -> Table:
    """The figures as a person reads them."""
    made = Table("Figure", title_justify="left")
    for heading in ("Baseline", "Ours", "Ratio", "At most", "Verdict"):
        made.add_column(heading, justify="right")
    for figure in figures:
        made.add_row(
            figure.name,
            f"{figure.baseline_ms:.2f} ms",
            f"{figure.ours_ms:.2f} ms",
            f"{figure.ratio:.2f}",
            "" if figure.limit is None else f"{figure.limit:.1f}",
            "" if figure.limit is None else ("[green]holds[/]" if figure.holds else "[red]missed[/]"),
        )
    return made
