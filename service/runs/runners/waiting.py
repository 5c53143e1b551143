"""Attempts at what is not ready yet: soon at first, then at growing pauses that no two callers share."""

import random
import time
from collections.abc import Iterator

_FIRST_SECONDS = 0.05
_LONGEST_SECONDS = 2.0


def attempts(seconds: float) -> Iterator[None]:
    """One attempt at once, then others until so many seconds are over.

    The pause before each is anything up to a bound that doubles (full jitter).
    """
    deadline = time.monotonic() + seconds
    bound = _FIRST_SECONDS
    yield
    while (left := deadline - time.monotonic()) > 0:
        time.sleep(min(random.uniform(0, bound), left))  # noqa: S311
        bound = min(2 * bound, _LONGEST_SECONDS)
        yield
