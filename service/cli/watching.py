"""What is shown of runs while they are followed: on a terminal a table that stays up to date, else a line a change."""

import os
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol, get_args
from uuid import UUID

from service.cli.outcome import compact_json, one_line
from service.runs.models import ENDED
from service.runs.schemas import RunRead, RunStatus

HEADER: Final = f"{'id':<36}  {'status':<13}  {'trigger':<12}  {'duration':>9}  reason"


class View(Protocol):
    """Shows runs on standard output."""

    def show(self, changed: Sequence[RunRead], watched: Mapping[UUID, RunRead]) -> None:
        """Show what has changed among the runs that are watched."""
        ...


def view(*, as_json: bool) -> View:
    """The view for whoever reads standard output."""
    if as_json:
        return _Lines(compact_json)
    return _Table() if sys.stdout.isatty() and os.environ.get("TERM") != "dumb" else _Lines(_row)


class _Lines:
    """A line for each change, written at once, so that a program can act on it."""

    def __init__(self, written: Callable[[RunRead], str]) -> None:
        self._written = written

    def show(self, changed: Sequence[RunRead], watched: Mapping[UUID, RunRead]) -> None:  # noqa: ARG002
        sys.stdout.writelines(f"{self._written(run)}\n" for run in changed)
        sys.stdout.flush()


class _Table:
    """Runs that have ended stay where they were written; below them those that have not are written again and again.

    So no more than fits on the terminal is ever taken back, however many runs there are.
    """

    def __init__(self) -> None:
        self._text = f"{HEADER}\n"
        self._lines_below = 0

    def show(self, changed: Sequence[RunRead], watched: Mapping[UUID, RunRead]) -> None:
        columns, lines = shutil.get_terminal_size()
        below = [_row(run) for run in watched.values() if run.status not in ENDED][: max(lines - 3, 0)]
        below.append(_counted(watched))
        if self._lines_below:
            # Up to the first of the lines below, and clear from there.
            self._text += f"\x1b[{self._lines_below}A\x1b[J"
        self._text += "".join(f"{_row(run)}\n" for run in changed if run.status in ENDED)
        # A line that the terminal breaks would be two to go up.
        self._text += "".join(f"{line[: columns - 1]}\n" for line in below)
        sys.stdout.write(self._text)
        sys.stdout.flush()
        self._text, self._lines_below = "", len(below)


def _row(run: RunRead) -> str:
    duration = "" if run.duration_ms is None else f"{run.duration_ms} ms"
    reason = "" if run.reason is None or run.status not in ENDED else one_line(run.reason)
    return f"{run.id}  {run.status:<13}  {run.trigger:<12}  {duration:>9}  {reason}".rstrip()


def _counted(watched: Mapping[UUID, RunRead]) -> str:
    counts = Counter(run.status for run in watched.values())
    return ", ".join(f"{counts[status]} {status}" for status in get_args(RunStatus) if counts[status])
