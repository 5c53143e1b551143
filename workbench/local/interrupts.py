"""Ctrl-C and its kin: asked for at any moment, and put off only while a stack is being taken down."""

import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

_POLITE = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Generator[threading.Event]:
    """Treats the end of the terminal and a polite kill as Ctrl-C: each raises KeyboardInterrupt.

    What is yielded is set by each. Whoever waits for long looks at it: Python drops what is raised while it finalises
    an object, and the interrupt would be lost.
    """
    asked, tell = threading.Event(), sys.unraisablehook

    def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
        asked.set()
        raise KeyboardInterrupt

    def tell_others(dropped: "sys.UnraisableHookArgs") -> None:
        if not isinstance(dropped.exc_value, KeyboardInterrupt):
            tell(dropped)

    sys.unraisablehook = tell_others
    try:
        with _handled_by(interrupt):
            yield asked
    finally:
        sys.unraisablehook = tell


@contextmanager
def uninterrupted() -> Generator[None]:
    """Ignores them all for a block that must not be left half done, and is short."""
    with _handled_by(signal.SIG_IGN):
        yield


@contextmanager
def _handled_by(handler: Any) -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Signals reach the main thread only.
        yield
        return
    before = {number: signal.signal(number, handler) for number in _POLITE}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
