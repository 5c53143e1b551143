"""How the command tells what it is doing: a live line on a terminal, plain lines when piped, nothing when quiet."""

import threading
import time
from collections import Counter
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.status import Status

from workbench.local.stack import Up
from workbench.local.state import Applied
from workbench.manifest import Resource

_SIGNS = {"create": ("green", "+"), "update": ("yellow", "~"), "replace": ("magenta", "±"), "delete": ("red", "-")}
_DONE = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted", "same": "unchanged"}


class Progress:
    """Progress on standard error; results go to standard output, so that they can be piped."""

    def __init__(self, stack: str, *, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False, soft_wrap=True)
        self._stack = stack
        self._counts: Counter[str] = Counter()
        self._doing = ""
        self._status: Status | None = None
        self._lock = threading.Lock()
        self._began = time.monotonic()

    def __enter__(self) -> "Progress":
        if self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _tb: TracebackType | None
    ) -> None:
        if self._status:
            self._status.stop()

    def say(self, doing: str) -> None:
        """Names the step that begins."""
        with self._lock:
            self._doing = doing
            if self._status:
                self._refresh()
            else:
                self._console.print(escape(doing))

    def report(self, step: str, what: Resource | Applied) -> None:
        """Tells of one resource; those that stay as they are are only counted."""
        with self._lock:
            self._counts[step] += 1
            if step in _SIGNS:
                colour, sign = _SIGNS[step]
                self._console.print(f"  [{colour}]{sign}[/] {escape(what.type)}  [bold]{escape(what.name)}[/]")
            self._refresh()

    def summary(self, result: Up) -> None:
        """What came of it: counts, what is only written down, and the stack's outputs."""
        counts = ", ".join(f"{self._counts[step]} {word}" for step, word in _DONE.items() if self._counts[step])
        seconds = time.monotonic() - self._began
        self._console.print(f"[bold green]{escape(self._stack)} is up[/] after {seconds:.1f} s: {counts}.")
        if result.recorded_only:
            listed = ", ".join(f"{type_.rpartition(':')[2]} ({n})" for type_, n in result.recorded_only.items())
            self._console.print(f"Written down only, as nothing here acts on them: {escape(listed)}.", style="dim")
        print_outputs(result.outputs)

    def _refresh(self) -> None:
        if self._status:
            counted = sum(self._counts.values())
            self._status.update(escape(self._doing) + (f": {counted} resources" if counted else ""))


def print_outputs(outputs: Mapping[str, Any]) -> None:
    """The outputs on standard output, one a line."""
    width = max(map(len, outputs), default=0)
    for name, value in sorted(outputs.items()):
        shown = ", ".join(f"{key}={item}" for key, item in value.items()) if isinstance(value, Mapping) else value  # pyright: ignore[reportUnknownVariableType]
        print(f"{name:<{width}}  {shown}")
