"""Settings that cannot work are refused by name, with what to give instead."""

import dataclasses
from typing import Any

import pytest

from stacks.settings import RULES, SettingsError, StackSettings

REQUIRED: dict[str, Any] = {
    "stack": "staging",
    "region": "eu-central-1",
    "account_id": "111111111111",
    "zones": "ab",
    "protect_data": False,
    "database_min_capacity": 0.5,
    "database_max_capacity": 2,
    "database_instances": 1,
    "database_backup_days": 7,
    "worker_concurrency": 5,
    "log_retention_days": 30,
}
RETENTIONS = "1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"


def settings(**changed: Any) -> StackSettings:
    return StackSettings(**{**REQUIRED, **changed})


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("region", ["", "Frankfurt", "eu-central", None], "a region such as eu-central-1"),
        ("account_id", ["", "12345", 111111111111, "11111111111a"], "the 12 digits of an AWS account, in quotes"),
        ("zones", ["", "a", "aa", "abcd", "AB", ["a", "b"]], "two or three different letters such as 'ab'"),
        ("protect_data", [None, 1, "yes"], "True or False"),
        (
            "network_cidr",
            ["", "10.0.0.0", "10.0.0.0/8", "10.0.0.1/16", "::/64"],
            "an IPv4 range from /16 to /24",
        ),
        ("database_min_capacity", [-1, 0.4, 256.5, "1"], "a multiple of 0.5 from 0 to 256"),
        ("database_max_capacity", [0.5, 2.25, 300], "a multiple of 0.5 from 1 to 256"),
        ("database_instances", [0, 17, 1.0, True], "a whole number from 1 to 16"),
        ("database_backup_days", [0, 36], "a whole number from 1 to 35"),
        ("rate_limit_ecpu_per_second", [999, 15_000_001], "a whole number from 1000 to 15000000"),
        ("api_memory_mb", [127, 10_241], "a whole number from 128 to 10240"),
        ("api_timeout_seconds", [0, 30], "a whole number from 1 to 29"),
        ("api_reserved_concurrency", [0, 10_001, "10"], "a whole number from 1 to 10000, or None"),
        ("api_snap_start", ["on"], "True or False"),
        ("worker_memory_mb", [64], "a whole number from 128 to 10240"),
        ("worker_timeout_seconds", [0, 901], "a whole number from 1 to 900"),
        ("worker_concurrency", [0, 1, 1001], "a whole number from 2 to 1000"),
        ("queue_max_receives", [0, 1001], "a whole number from 1 to 1000"),
        ("reaper_minutes", [0, 61, 1.5], "a whole number from 1 to 60"),
        (
            "sandbox_isolation",
            ["subprocess", "", None],
            "'ephemeral' or 'tenant' or 'microvm', and never a subprocess of the worker, which has its rights",
        ),
        ("sandbox_reserved_concurrency", [0, 10_001, "10"], "a whole number from 1 to 10000, or None"),
        ("sandbox_memory_mb", [0], "a whole number from 128 to 10240"),
        ("sandbox_timeout_seconds", [0, 841], "a whole number from 1 to 840"),
        ("log_retention_days", [0, 2, 31, None], f"one of {RETENTIONS}"),
        ("cors_origins", ["*", ("*",), ("https://a.com/",), ("a.com",)], "a tuple of origins such as ('https://"),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_to_give(name: str, values: list[Any], wanted: str) -> None:
    for value in values:
        with pytest.raises(SettingsError) as refused:
            settings(**{name: value})
        assert str(refused.value).startswith(f"Stack staging: {name} is {value!r}: give {wanted}")


@pytest.mark.parametrize("value", ["", "x", "Dev", "a-stack", "1st", "a" * 17])
def test_a_stack_needs_a_short_plain_name(value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(stack=value)
    assert str(refused.value) == (
        f"Stack {value}: stack is {value!r}: give 2 to 16 lower-case letters and digits, a letter first."
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"database_min_capacity": 4, "database_max_capacity": 2},
            "Stack staging: database_max_capacity is 2: give 1 or more, and no less than database_min_capacity (4).",
        ),
        (
            {"worker_timeout_seconds": 60},
            (
                "Stack staging: worker_timeout_seconds is 60: give at least sandbox_timeout_seconds and 60 seconds "
                "to make and delete a sandbox: 80 or more."
            ),
        ),
        (
            {"database_min_capacity": 0, "reaper_minutes": 9},
            (
                "Stack staging: reaper_minutes is 9: give 10 or more where database_min_capacity is 0, "
                "since each pass wakes a paused database."
            ),
        ),
        (
            {"sandbox_reserved_concurrency": 5},
            (
                "Stack staging: sandbox_reserved_concurrency is 5: give None, "
                "since it is for 'tenant' and sandbox_isolation is 'ephemeral'."
            ),
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(changed: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(**changed)
    assert str(refused.value) == message


@pytest.mark.parametrize(
    "changed",
    [
        {"database_min_capacity": 0, "reaper_minutes": 10},
        {"database_min_capacity": 0.5, "reaper_minutes": 1},
        {"sandbox_isolation": "tenant", "sandbox_reserved_concurrency": 5},
        {"sandbox_isolation": "microvm"},
    ],
)
def test_settings_that_go_together_are_taken(changed: dict[str, Any]) -> None:
    taken = settings(**changed)
    assert {name: getattr(taken, name) for name in changed} == changed


def test_a_setting_left_out_that_every_stack_must_decide_is_an_error() -> None:
    required = {field.name for field in dataclasses.fields(StackSettings) if field.default is dataclasses.MISSING}
    assert required == set(REQUIRED)


def test_every_setting_is_checked() -> None:
    assert set(RULES) == {field.name for field in dataclasses.fields(StackSettings)}


def test_zones_are_named_in_full() -> None:
    assert settings(zones="ac").availability_zones == ["eu-central-1a", "eu-central-1c"]


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings().zones = "b"  # pyright: ignore[reportAttributeAccessIssue]
