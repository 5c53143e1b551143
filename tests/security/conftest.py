"""Guards: one a mode and test process, as long as nothing happens to it."""

import os
from collections.abc import Callable, Iterator

import pytest

from sandbox_lambda import kernel
from tests.security.guard import Guard, Mode


@pytest.fixture(scope="session")
def guards() -> Iterator[Callable[[Mode], Guard]]:
    """Gives the guard of a mode, a new one where the last has ended."""
    kept: dict[Mode, Guard] = {}

    def guard(mode: Mode) -> Guard:
        if not kernel.LINUX:
            pytest.skip("The sandbox's home is Linux.")
        if mode.own_user and os.geteuid() != 0:
            pytest.skip("A run has a uid of its own only under root.")
        if mode in kept and not kept[mode].alive:
            kept.pop(mode).close()
        if mode not in kept:
            kept[mode] = Guard(mode)
        return kept[mode]

    yield guard
    for each in kept.values():
        each.close()
