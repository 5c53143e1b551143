"""Settings that cannot work are refused by name, with what to give instead."""

import dataclasses
from typing import Any

import pytest

from components.naming import bounded
from components.sandbox_function import NAME_LIMIT
from stacks.rules import VALUES
from stacks.settings import SettingsError, StackSettings
from tests.support.stack_settings import REQUIRED, settings_with

CERTIFICATE = "arn:aws:acm:eu-central-1:111111111111:certificate/1"
OIDC = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"
STATE = "arn:aws:s3:::organisation-state"
KEY = "arn:aws:kms:eu-central-1:111111111111:key/12345678-1234-1234-1234-123456789012"
RETENTIONS = "1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653"


def settings(**changed: Any) -> StackSettings:
    return settings_with(**{"stack": "staging", **changed})


@pytest.mark.parametrize(
    ("name", "values", "wanted"),
    [
        ("region", ["", "Frankfurt", "eu-central", None], "a region such as 'eu-central-1'"),
        ("account_id", ["", "12345", 111111111111, "11111111111a"], "the 12 digits of an AWS account, in quotes"),
        ("zones", ["", "a", "aa", "abcd", "AB", ["a", "b"]], "two or three different letters such as 'ab'"),
        ("protect_data", [None, 1, "yes"], "True or False"),
        (
            "network_cidr",
            ["", "10.0.0.0", "10.0.0.0/8", "10.0.0.0/25", "10.0.0.1/16", "::/64", None],
            "an IPv4 range from /16 to /24",
        ),
        ("database_min_capacity", [-1, 0.4, 256.5, "1", True], "a multiple of 0.5 from 0 to 256"),
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
        ("network_egress", ["nat", "", None], "'endpoints' or 'ipv6'"),
        ("network_flow_logs", [1, None], "True or False"),
        ("database_login", ["token", None], "'password' or 'iam'"),
        ("database_former_login", ["token", ""], "'password' or 'iam', or None"),
        ("database_proxy", [0], "True or False"),
        ("api_kept_version", [12, "0", "$LATEST", ""], "the number of a published version in quotes, such as '12', or"),
        ("api_kept_share", [1, -0.1, "0.5", True, float("nan")], "a number from 0 to below 1"),
        (
            "api_domain",
            ["", "localhost", "https://a.com", "a.com/", "*.a.com", "-a.com"],
            "a host name in lower case such as '",
        ),
        (
            "api_domain_zone_id",
            ["", "example.com"],
            "the id of a public Route 53 zone, such as 'Z0123456789ABCDEFGHIJ', or None",
        ),
        ("api_certificate_arn", ["", "arn:aws:iam::111111111111:role/x"], "the ARN of an ACM certificate, or None"),
        (
            "alarm_emails",
            ["a@b.com", ("a",), ("a@b",), ("a @b.com",), ("a@b.com",) * 2],
            "a tuple of different addresses such as ('on-call@exam",
        ),
        ("monthly_budget_usd", [0, 1.5, "100"], "a whole number from 1 to 1000000, or None"),
        ("github_repository", ["plinth", "a/*", "*/plinth", "a/b/c", ""], "'org/name' without wildcards, or "),
        ("github_oidc_provider_arn", ["", "arn:aws:iam::1:oidc-provider/x"], "the ARN of the account's provider of"),
        ("github_state_bucket_arn", ["", "a-state", "arn:aws:s3:::A", "arn:aws:s3:::a/b"], "the ARN of a bucket, "),
        (
            "github_secrets_key_arn",
            ["", "alias/a", "arn:aws:kms:eu-central-1:111111111111:alias/a"],
            "the ARN of a key, such as arn:aws:kms:eu-central-1:111111111111:key/…, and not of its alias, or None",
        ),
        (
            "permissions_boundary_arn",
            ["", "arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::111111111111:role/x"],
            "the ARN of a policy of the stack's account, or None",
        ),
        (
            "cors_origins",
            ["*", ("*",), ("https://a.com/",), ("a.com",)],
            "a tuple of origins such as ('https://",
        ),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_to_give(name: str, values: list[Any], wanted: str) -> None:
    for value in values:
        with pytest.raises(SettingsError) as refused:
            settings(**{name: value})
        assert str(refused.value).startswith(f"Stack staging: {name} is {value!r}: give {wanted}")


def test_the_longest_name_of_a_stack_leaves_its_sandbox_a_name_that_says_whose_it_is() -> None:
    allowed, _ = VALUES["stack"]
    longest = max((name for name in ("a" * length for length in range(1, 65)) if allowed(name)), key=len)
    assert bounded(f"plinth-{longest}-sandbox", NAME_LIMIT) == f"plinth-{longest}-sandbox"


@pytest.mark.parametrize("value", ["", "x", "Dev", "a-stack", "1st", "a" * 13])
def test_a_stack_needs_a_short_plain_name(value: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(stack=value)
    assert str(refused.value) == (
        f"Stack {value}: stack is {value!r}: give 2 to 12 lower-case letters and digits, a letter first."
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
        (
            {"protect_data": True, "api_reserved_concurrency": 10, "database_backup_days": 6},
            (
                "Stack staging: database_backup_days is 6: give 7 or more where protect_data is True, "
                "so that a fault of last week can be undone."
            ),
        ),
        (
            {"protect_data": True},
            (
                "Stack staging: api_reserved_concurrency is None: give a number where protect_data is True: "
                "without one, nothing bounds the connections to the database."
            ),
        ),
        (
            {"database_login": "iam", "database_former_login": "iam"},
            "Stack staging: database_former_login is 'iam': give None, or the login that database_login is not.",
        ),
        (
            {"database_min_capacity": 0, "reaper_minutes": 60, "database_proxy": True},
            (
                "Stack staging: database_proxy is True: give False where database_min_capacity is 0, "
                "since a proxy keeps the database awake."
            ),
        ),
        (
            {"network_egress": "ipv6", "sandbox_isolation": "microvm"},
            (
                "Stack staging: network_egress is 'ipv6': give 'endpoints' where sandbox_isolation is 'microvm', "
                "whose endpoint AWS does not offer on IPv6."
            ),
        ),
        *(
            (
                changed,
                (
                    f"Stack staging: api_kept_share is {changed.get('api_kept_share', 0)}: "
                    "give a number above 0 and below 1 with api_kept_version, and 0 without it."
                ),
            )
            for changed in ({"api_kept_version": "3"}, {"api_kept_share": 0.5})
        ),
        (
            {"api_domain": "api.example.com"},
            (
                "Stack staging: api_domain is 'api.example.com': give api_domain_zone_id as well, "
                "to make a certificate, or api_certificate_arn."
            ),
        ),
        (
            {"api_domain_zone_id": "Z123"},
            (
                "Stack staging: api_domain is None: give the domain that api_domain_zone_id and api_certificate_arn "
                "are for, or leave them out."
            ),
        ),
        (
            {"api_domain": "api.example.com", "api_certificate_arn": CERTIFICATE.replace("central", "west")},
            (
                f"Stack staging: api_certificate_arn is '{CERTIFICATE.replace('central', 'west')}': "
                "give a certificate in eu-central-1, where the API is."
            ),
        ),
        (
            {"monthly_budget_usd": 100},
            "Stack staging: alarm_emails is (): give whom to tell when monthly_budget_usd is spent.",
        ),
        (
            {"github_oidc_provider_arn": OIDC},
            f"Stack staging: github_oidc_provider_arn is '{OIDC}': give None, since there is no github_repository.",
        ),
        (
            {"github_state_bucket_arn": STATE},
            f"Stack staging: github_state_bucket_arn is '{STATE}': give None, since there is no github_repository.",
        ),
        (
            {"github_secrets_key_arn": KEY},
            f"Stack staging: github_secrets_key_arn is '{KEY}': give None, since there is no github_repository.",
        ),
        (
            {"permissions_boundary_arn": "arn:aws:iam::999999999999:policy/boundary"},
            (
                "Stack staging: permissions_boundary_arn is 'arn:aws:iam::999999999999:policy/boundary': "
                "give a policy of the account 111111111111, which alone can bound its roles."
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
        {"protect_data": True, "api_reserved_concurrency": 10, "database_backup_days": 7},
        {"database_proxy": True, "database_login": "iam", "database_former_login": "password"},
        {"network_egress": "ipv6", "network_flow_logs": True},
        {"api_kept_version": "12", "api_kept_share": 0.9},
        {"api_domain": "api.example.com", "api_domain_zone_id": "Z123"},
        {"api_domain": "api.example.com", "api_certificate_arn": CERTIFICATE},
        {"monthly_budget_usd": 100, "alarm_emails": ("on-call@example.com",)},
        {"github_repository": "organisation/plinth", "github_oidc_provider_arn": OIDC},
        {"github_repository": "organisation/plinth", "github_state_bucket_arn": STATE, "github_secrets_key_arn": KEY},
        {"permissions_boundary_arn": "arn:aws:iam::111111111111:policy/boundaries/of-stacks"},
    ],
)
def test_settings_that_go_together_are_taken(changed: dict[str, Any]) -> None:
    taken = settings(**changed)
    assert {name: getattr(taken, name) for name in changed} == changed


def test_a_setting_left_out_that_every_stack_must_decide_is_an_error() -> None:
    required = {field.name for field in dataclasses.fields(StackSettings) if field.default is dataclasses.MISSING}
    assert required == set(REQUIRED)


def test_every_setting_is_checked() -> None:
    assert set(VALUES) == {field.name for field in dataclasses.fields(StackSettings)}


def test_zones_are_named_in_full() -> None:
    assert settings(zones="ac").availability_zones == ["eu-central-1a", "eu-central-1c"]


@pytest.mark.parametrize(("reserved", "connections"), [(None, None), (200, 209)])
def test_the_connections_of_all_functions_are_counted_where_they_are_bounded(
    reserved: int | None, connections: int | None
) -> None:
    assert settings(api_reserved_concurrency=reserved).database_connections == connections


def test_settings_cannot_be_changed_after_they_were_checked() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings().zones = "b"  # pyright: ignore[reportAttributeAccessIssue]


def test_a_name_that_is_no_setting_is_refused_with_the_one_that_is_meant() -> None:
    with pytest.raises(SettingsError) as refused:
        settings(protect_dta=True)
    assert str(refused.value) == (
        "Stack staging: there is no setting protect_dta: give protect_data, if that was meant."
    )
    with pytest.raises(SettingsError, match=r"no setting wibble: give one of those in stacks/settings\.py\.$"):
        settings(wibble=True)


@pytest.mark.parametrize("name", sorted(REQUIRED.keys() - {"stack"}))
def test_a_setting_that_every_stack_has_to_give_is_asked_for(name: str) -> None:
    with pytest.raises(SettingsError) as refused:
        StackSettings(**{key: value for key, value in REQUIRED.items() if key != name})
    assert str(refused.value) == f"Stack test: {name} is missing: give {VALUES[name][1]}."


def test_digits_are_those_that_aws_knows() -> None:
    with pytest.raises(SettingsError, match="account_id is '١٢٣٤٥٦٧٨٩٠١٢': give the 12 digits of an AWS account"):
        settings(account_id="١٢٣٤٥٦٧٨٩٠١٢")
