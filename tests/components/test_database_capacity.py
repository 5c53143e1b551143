"""How many connections a cluster takes, and when AWS may touch it: arithmetic, held against AWS's own figures."""

import pytest

from components.database_capacity import KEPT_BACK, connection_budget, max_connections
from components.database_windows import is_daily, is_weekly, overlap


@pytest.mark.parametrize(("units", "connections"), [(1, 189), (4, 823), (8, 1669), (16, 3360), (32, 5000), (64, 5000)])
def test_the_defaults_are_those_of_the_aurora_user_guide(units: float, connections: int) -> None:
    assert max_connections(units, 1) == connections


@pytest.mark.parametrize("low", [0, 0.5])
def test_a_cluster_that_shrinks_to_half_a_unit_takes_2000_at_most(low: float) -> None:
    assert [max_connections(high, low) for high in (1, 8, 9, 10, 16, 256)] == [189, 1669, 1880, 2000, 2000, 2000]


def test_no_more_is_promised_than_the_formula_gives() -> None:
    # The memory that 2 GiB a unit leave to the server, as the table has it from 1 unit to 16.
    memory = {each / 2: (1.878 * each / 2 - 0.19) * 2**30 for each in range(2, 513)}
    assert [units for units in memory if max_connections(units, 1) > min(memory[units] / 9_531_392, 5000)] == []


def test_more_capacity_never_means_fewer_connections() -> None:
    found = [max_connections(each / 2, 1) for each in range(2, 513)]
    assert found == sorted(found)


def test_clients_may_have_what_is_not_kept_back() -> None:
    assert connection_budget(1, 1, proxied=False) == 189 - KEPT_BACK == 174


def test_a_proxy_may_have_its_share_and_leaves_what_is_kept_back() -> None:
    assert connection_budget(8, 1, proxied=True) == 1502
    assert 189 - connection_budget(1, 0.5, proxied=True) >= KEPT_BACK


@pytest.mark.parametrize("window", ["02:00-03:00", "23:45-00:15", "00:00-23:59"])
def test_a_daily_window_may_pass_midnight(window: str) -> None:
    assert is_daily(window)


@pytest.mark.parametrize("window", ["2:00-3:00", "24:00-01:00", "02:00-02:29", "02:00-02:00", "02:60-03:30", "", 2])
def test_what_is_no_daily_window_is_told_apart(window: object) -> None:
    assert not is_daily(window)


@pytest.mark.parametrize("window", ["sun:04:00-sun:05:00", "sun:23:45-mon:00:15", "mon:00:00-tue:00:00"])
def test_a_weekly_window_may_pass_the_end_of_the_week(window: str) -> None:
    assert is_weekly(window)


@pytest.mark.parametrize(
    "window", ["Sun:04:00-Sun:05:00", "sun:04:00-05:00", "sun:04:00-sun:04:29", "sun:05:00-sun:04:00", None]
)
def test_what_is_no_weekly_window_is_told_apart(window: object) -> None:
    assert not is_weekly(window)


@pytest.mark.parametrize(
    ("daily", "weekly", "common"),
    [
        ("02:00-03:00", "sun:03:00-sun:04:00", False),
        ("02:00-03:00", "sun:02:59-sun:04:00", True),
        ("02:00-03:00", "sat:23:00-sun:02:00", False),
        ("02:00-03:00", "sat:23:00-sun:02:01", True),
        ("23:30-00:30", "mon:00:00-mon:00:30", True),
        ("23:30-00:30", "mon:00:30-mon:01:00", False),
    ],
)
def test_windows_overlap_where_they_have_a_minute_in_common(daily: str, weekly: str, common: bool) -> None:
    assert overlap(daily, weekly) is common
