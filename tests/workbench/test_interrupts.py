"""Ctrl-C is heard, also where Python drops the exception that it raises."""

import gc
import itertools
import os
import signal
import threading
from typing import Any

import pytest

from workbench.local import foreground
from workbench.local.interrupts import interruptible


class _Interrupting:
    """Interrupts the process as it is taken away."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_to_ask_raises_and_is_remembered(asked: signal.Signals) -> None:
    with pytest.raises(KeyboardInterrupt), interruptible() as interrupted:
        os.kill(os.getpid(), asked)
    assert interrupted.is_set()


def test_what_is_raised_while_an_object_goes_is_remembered_and_not_told() -> None:
    # Told, it would be a warning of pytest's, which fails the test.
    with interruptible() as interrupted:
        doomed = _Interrupting()
        del doomed
        gc.collect()
        assert interrupted.is_set()


@pytest.mark.timeout(20)
def test_whoever_holds_a_stack_takes_it_down_when_it_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_down: list[bool] = []

    class Held:
        name = "dev"

        def cloud(self) -> None: ...
        def state(self) -> None: ...
        def is_up(self) -> bool:
            return True

        def down(self) -> None:
            taken_down.append(True)

    monkeypatch.setattr(foreground, "follow", lambda *_: itertools.repeat(""))
    held: Any = Held()
    asked = threading.Event()
    asked.set()
    foreground.hold(held, asked, applied=0, watch=False, quiet=True)
    assert taken_down == [True]
