"""The pauses between attempts: they grow to a bound, differ among callers, and end in time."""

import itertools

import pytest

from service.runs.runners import waiting
from service.runs.runners.waiting import attempts


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting, "time", clock)
    return clock


def test_pauses_double_up_to_two_seconds_and_end_with_the_time(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting.random, "uniform", lambda _least, most: most)
    moments = [round(clock.now, 2) for _ in attempts(10)]
    assert moments == [0, 0.05, 0.15, 0.35, 0.75, 1.55, 3.15, 5.15, 7.15, 9.15, 10]


def test_no_two_callers_share_their_pauses(clock: Clock) -> None:
    for _ in itertools.islice(attempts(60), 7):
        pass
    for _ in itertools.islice(attempts(60), 7):
        pass
    first, second = clock.slept[:6], clock.slept[6:]
    assert first != second
    bounds = [0.05, 0.1, 0.2, 0.4, 0.8, 1.6]
    assert all(0 <= pause <= bound for pause, bound in zip(first + second, 2 * bounds, strict=True))


def test_there_is_one_attempt_even_without_time(clock: Clock) -> None:
    assert len(list(attempts(0))) == 1
    assert clock.slept == []
