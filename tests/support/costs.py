"""Estimates of programs, line by line."""

from collections.abc import Callable
from typing import Any

from stacks.environment import environment
from tests.support.diffs import snapshot
from tests.support.stack_settings import settings_with
from workbench.cost.estimate import Line, Load, cost_change, estimate
from workbench.diff.snapshot import Snapshot

QUIET = Load(requests=0, database_gb=0)


def stack_with(**settings: Any) -> Snapshot:
    """The environment with these settings in place of those of a stack as small as it goes."""
    return snapshot(lambda: environment(settings_with(**settings)))


def changed(before: Snapshot | None, after: Snapshot) -> list[tuple[str, str, float]]:
    """What differs without a request: component, item and difference in USD, to the tenth of a cent."""
    found = cost_change(before, after, QUIET)
    return [(line.component, line.item, round(line.idle_after - line.idle_before, 3)) for line in found.lines]


def lines(program: Callable[[], object], load: Load | None = None) -> list[Line]:
    """The lines of a program."""
    return list(estimate(snapshot(program), load).lines)


def notes(program: Callable[[], object]) -> list[str]:
    """What an estimate says of a program in particular."""
    general = estimate(snapshot(lambda: None)).notes
    return [note for note in estimate(snapshot(program)).notes if note not in general]
