"""What a stack costs agrees with the arithmetic by hand, and a change with what it changes."""

from functools import cache

import pytest

from components.http_api import HttpApi, HttpApiArgs, Throttle
from tests.support.costs import QUIET, changed, lines, stack_with
from tests.support.evaluation import REGION, stack_manifest
from workbench.cost.estimate import Load, cost_change, estimate
from workbench.diff.model import CostLine
from workbench.diff.snapshot import Snapshot, snapshot_of


@cache
def deployed(name: str) -> Snapshot:
    """A stack of the checkout."""
    return snapshot_of(stack_manifest(name), REGION, b"a key")


@cache
def small() -> Snapshot:
    """A stack with no setting but those that it has to have."""
    return stack_with()


# Each pass of the reaper, once a minute: its invocations, half a second of half a GB, traces, and 1,000 bytes of log.
PASSES = 60 * 730
REAPER = PASSES * (1.00e-6 + 0.20e-6 + 0.5 * 0.5 * 0.0000133334 + 5.00e-6 + 1000e-9 * 0.50)
POLLING = 5 * 3 * 60 * 730 * 0.40e-6
RATE_LIMITS = 0.1 * 730 * 0.084
WATCHING = 20 * 0.10 + 3.00 + 1.00


def _stored(days: int) -> float:
    """What it costs to keep the reaper's log."""
    return PASSES * 1000e-9 * days / (730 / 24) * 0.15 * 0.03


def test_dev_costs_61_usd_a_month_idle() -> None:
    database = 0.5 * 730 * 0.12 + 10 * 0.10 + 2 * 0.40
    snapshot = 0.5 * 730 * 3600 * 0.0000015046
    signing_keys = 0.40
    idle = database + snapshot + signing_keys + RATE_LIMITS + WATCHING + POLLING + REAPER + _stored(7)
    assert estimate(deployed("dev")).idle == pytest.approx(idle, abs=0.000_1)
    assert round(idle, 2) == 60.81


def test_prod_costs_435_usd_a_month_idle() -> None:
    database = 2 * 2 * 730 * 0.12 + 10 * 0.10 + 0.40
    endpoints = 3 * 3 * 730 * 0.01
    snapshot = 1 * 730 * 3600 * 0.0000015046
    signing_keys = 0.40
    idle = database + endpoints + snapshot + signing_keys + RATE_LIMITS + WATCHING + POLLING + REAPER + _stored(90)
    assert estimate(deployed("prod")).idle == pytest.approx(idle, abs=0.000_1)
    assert round(idle, 2) == 434.69


def test_a_million_requests_cost_what_each_of_their_parts_does() -> None:
    million = 1_000_000
    runs = million // 20
    requests = 1.00 + 500e-9 * million * 0.50
    api = million * (0.20e-6 + 0.1 * 0.5 * 0.0000133334 + 5.00e-6 + 1000e-9 * 0.50) + 2000 * 0.5 * 0.0001397998
    worker = runs * (0.20e-6 + 3 * 0.5 * 0.0000133334 + 5.00e-6 + 1000e-9 * 0.50)
    sandbox = runs * (0.20e-6 + 2 * 0.5 * 0.0000133334)
    queue = runs * 3 * 0.40e-6
    stores = 5 * 0.20 + 3 * 0.0023 + 2 * 2000 / 10_000 * 0.05
    kept_logs = (0.5 + 1.0 + 0.05) * 7 / (730 / 24) * 0.15 * 0.03
    added = requests + api + worker + sandbox + queue + stores + kept_logs
    found = estimate(deployed("dev"), Load(requests=million))
    assert found.load - found.idle == pytest.approx(added, abs=0.000_1)


def test_idle_does_not_depend_on_the_load() -> None:
    assert estimate(deployed("prod"), Load(requests=0)).idle == estimate(deployed("prod")).idle
    assert estimate(deployed("prod"), Load(requests=0)).load == estimate(deployed("prod")).idle


def test_nothing_differs_where_nothing_changes() -> None:
    change = cost_change(small(), small())
    assert list(change.lines) == []
    assert (change.idle_before, change.load_before) == (change.idle_after, change.load_after)


def test_the_last_figures_are_the_sum_of_the_lines() -> None:
    change = cost_change(None, small())
    assert (change.idle_before, change.load_before) == (0, 0)
    assert change.idle_after == pytest.approx(sum(line.idle_after for line in change.lines))
    assert change.load_after == pytest.approx(sum(line.load_after for line in change.lines))
    assert cost_change(small(), None).idle_before == change.idle_after


def test_the_largest_difference_comes_first() -> None:
    sizes = [line.load_after for line in cost_change(None, small()).lines]
    assert sizes == sorted(sizes, reverse=True)
    assert cost_change(None, small()).lines[0] == CostLine(
        component="database",
        item="capacity: 0.5 units x 730 h x 0.12 USD",
        idle_before=0,
        idle_after=0.5 * 730 * 0.12,
        load_before=0,
        load_after=0.5 * 730 * 0.12,
    )


def test_it_says_what_load_and_which_prices_it_assumes() -> None:
    change = cost_change(None, small(), Load(requests=2_500_000))
    assert change.load == (
        "2,500,000 requests a month, evenly spread, of 100 ms; 5 % of them start a run of 2 seconds; "
        "10 GB in the database."
    )
    assert change.prices == "Prices of us-east-1, as of 2026-06-30."
    assert change.notes == [
        "The stack is in eu-central-1, where prices may be 10 to 20 % higher.",
        "Free tiers are left out: they are an account's, and other stacks share them.",
        "Left out as well: taxes, data transfer, backups, what the database logs, and what metrics the code sends.",
    ]


def test_a_way_out_over_ipv6_saves_the_endpoints() -> None:
    assert changed(small(), stack_with(network_egress="ipv6")) == [
        ("network", "interface endpoints: 3 x 2 zones x 730 h x 0.01 USD", -43.8)
    ]


def test_a_greater_least_capacity_costs_that_much_all_month() -> None:
    assert changed(small(), stack_with(database_min_capacity=2)) == [
        ("database", "capacity: 0.5 units x 730 h x 0.12 USD -> 2 units x 730 h x 0.12 USD", 131.4)
    ]


def test_a_second_instance_has_the_least_capacity_too() -> None:
    assert changed(small(), stack_with(database_instances=2)) == [
        ("database", "capacity: 0.5 units x 730 h x 0.12 USD -> 2 x 0.5 units x 730 h x 0.12 USD", 43.8)
    ]


def test_a_proxy_costs_eight_units_at_least() -> None:
    assert changed(small(), stack_with(database_proxy=True, api_reserved_concurrency=20)) == [
        ("database", "proxy: 8 units x 730 h x 0.015 USD", 87.6)
    ]


def test_a_proxy_before_larger_instances_costs_as_many_units_as_they_have() -> None:
    larger = {"database_min_capacity": 6, "database_max_capacity": 16, "database_instances": 2}
    with_proxy = stack_with(**larger, database_proxy=True, api_reserved_concurrency=20)
    assert changed(stack_with(**larger), with_proxy) == [("database", "proxy: 12 units x 730 h x 0.015 USD", 131.4)]


def test_a_database_that_may_pause_is_awake_as_often_as_a_schedule_wakes_it() -> None:
    paused = stack_with(database_min_capacity=0, reaper_minutes=60)
    (line,) = [line for line in estimate(paused, QUIET).lines if line.what == "capacity"]
    assert line.arithmetic == "0.5 units x 60.8 h awake x 0.12 USD"
    # Five minutes of each hour.
    assert line.idle == pytest.approx(0.5 * 0.12 * 730 * 5 / 60)


def test_a_busy_database_takes_the_units_that_its_requests_need() -> None:
    billion = Load(requests=1_000_000_000)
    (line,) = [line for line in estimate(small(), billion).lines if line.what == "capacity"]
    assert line.idle == pytest.approx(0.5 * 730 * 0.12)
    # A billion times 20 ms of a unit are 7.6 units all month, and the database may have two.
    assert line.load == pytest.approx(2 * 730 * 0.12)
    assert line.arithmetic == "0.5 units x 730 h x 0.12 USD + 1.5 more units x 730 h x 0.12 USD under load"


def test_no_snapshot_costs_nothing() -> None:
    assert changed(small(), stack_with(api_snap_start=False)) == [
        ("api", "snapshot: 0.5 GB x 2,628,000 s x 0.0000015046 USD", -1.977)
    ]


def test_more_memory_costs_more_while_it_runs_and_in_the_snapshot() -> None:
    change = cost_change(small(), stack_with(api_memory_mb=1024), Load(requests=1_000_000))
    assert [(line.component, line.item.partition(":")[0]) for line in change.lines] == [
        ("api", "snapshot"),
        ("api", "time"),
        ("api", "snapshot restores"),
    ]
    assert change.load_after - change.load_before == pytest.approx(1.977 + 0.6667 + 0.1398, abs=0.001)


def test_a_slower_reaper_costs_less() -> None:
    change = cost_change(small(), stack_with(reaper_minutes=10), QUIET)
    assert change.idle_before - change.idle_after == pytest.approx((REAPER + _stored(7)) * 0.9, abs=0.000_1)
    assert {line.component for line in change.lines} == {"reaper"}


def test_a_login_by_token_saves_a_secret() -> None:
    assert changed(small(), stack_with(database_login="iam")) == [
        ("database", "secrets: 2 secrets x 0.40 USD -> 1 secret x 0.40 USD", -0.4)
    ]


def test_microvms_are_paid_by_the_second_that_they_run() -> None:
    change = cost_change(small(), stack_with(sandbox_isolation="microvm"), Load(requests=1_000_000))
    sandbox = {line.item.partition(":")[0]: line for line in change.lines if line.component == "sandbox"}
    assert sandbox["processors"].load_after == pytest.approx(50_000 * 2 * 0.0000276944)
    assert sandbox["memory"].load_after == pytest.approx(50_000 * 2 * 2 * 0.0000036667)
    assert sandbox["image"].idle_after == pytest.approx(2 * 0.08)
    assert (sandbox["time"].load_before, sandbox["time"].load_after) == (pytest.approx(0.66667), 0)


def test_a_route_is_asked_for_in_no_more_hours_than_there_are_requests() -> None:
    throttle = Throttle(rate=50, burst=100)
    args = HttpApiArgs(
        function_name="api",
        alias_name="live",
        invoke_arn="arn:aws:lambda",
        routes={"GET /items": throttle},
        default_throttle=throttle,
        route_metrics=True,
    )
    found = lines(lambda: HttpApi("edge", args), Load(requests=100))
    (line,) = [line for line in found if line.what == "metrics per route"]
    assert (line.idle, line.load) == (0, pytest.approx(100 / 730 * 6 * 0.30))
    assert [line for line in estimate(small()).lines if line.what == "metrics per route"] == []


def test_a_stack_that_is_new_lists_everything_that_costs_while_idle() -> None:
    assert sorted({component for component, _, _ in changed(None, small())}) == [
        "api",
        "database",
        "network",
        "observability",
        "rate-limits",
        "reaper",
        "signing-keys",
        "worker",
    ]
