"""What each setting must be, alone and beside the others, with the words for it. The numbers are limits of AWS."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from components.database_args import LOGINS
from components.network import EGRESSES
from components.rules import (
    EMAIL,
    ORIGIN,
    Rule,
    account,
    certificate,
    different,
    each_like,
    halves,
    host_name,
    hosted_zone,
    ipv4_range,
    like,
    one_of,
    or_none,
    region,
    repository,
    retention,
    truth,
    whole,
)
from components.sandbox_function import ISOLATION

_SANDBOX_SETUP_SECONDS = 60
"""What Lambda may take to attach a new function to a VPC, and to delete it."""

_PROTECTED_BACKUP_DAYS = 7

_PAUSE_MINUTES = 10
"""Twice what Aurora waits for before it pauses an idle database: less, and it would never be paused for long."""

Combination = tuple[str, Callable[[Any], bool], str | Callable[[Any], str]]
"""The setting to change, a predicate of all settings, and the words for it, which may tell other settings."""


def _are_zones(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[a-f]{2,3}", value) is not None and len(set(value)) == len(value)


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < 1


VALUES: Mapping[str, Rule] = {
    # With a longer one the sandbox's name would be cut short, and the deploy role would not know it for the stack's.
    "stack": like("[a-z][a-z0-9]{1,11}", "2 to 12 lower-case letters and digits, a letter first"),
    "region": region(),
    "account_id": account(),
    "zones": (_are_zones, "two or three different letters such as 'ab'"),
    "protect_data": truth(),
    "log_retention_days": retention(),
    "network_cidr": ipv4_range(16, 24),
    "network_egress": one_of(*EGRESSES),
    "network_flow_logs": truth(),
    "database_min_capacity": halves(0, 256),
    "database_max_capacity": halves(1, 256),
    "database_instances": whole(1, 16),
    "database_backup_days": whole(1, 35),
    "database_login": one_of(*LOGINS),
    "database_former_login": or_none(one_of(*LOGINS)),
    "database_proxy": truth(),
    "rate_limit_ecpu_per_second": whole(1000, 15_000_000),
    "api_memory_mb": whole(128, 10_240),
    "api_timeout_seconds": whole(1, 29),
    "api_reserved_concurrency": or_none(whole(1, 10_000)),
    "api_snap_start": truth(),
    "api_kept_version": or_none(like(r"[1-9]\d*", "the number of a published version in quotes, such as '12'")),
    "api_kept_share": (_is_share, "a number from 0 to below 1"),
    "api_domain": or_none(host_name()),
    "api_domain_zone_id": or_none(hosted_zone()),
    "api_certificate_arn": or_none(certificate()),
    "worker_memory_mb": whole(128, 10_240),
    "worker_timeout_seconds": whole(1, 900),
    "worker_concurrency": whole(2, 1000),
    "queue_max_receives": whole(1, 1000),
    "reaper_minutes": whole(1, 60),
    "sandbox_isolation": ISOLATION,
    "sandbox_reserved_concurrency": or_none(whole(1, 10_000)),
    "sandbox_memory_mb": whole(128, 10_240),
    "sandbox_timeout_seconds": whole(1, 840),
    "alarm_emails": different(
        each_like(EMAIL, "a tuple of different addresses such as ('on-call@example.com',)", (tuple,))
    ),
    "monthly_budget_usd": or_none(whole(1, 1_000_000)),
    "github_repository": or_none(repository()),
    "github_oidc_provider_arn": or_none(
        like(
            r"arn:aws:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com",
            "the ARN of the account's provider of token.actions.githubusercontent.com",
        )
    ),
    "github_state_bucket_arn": or_none(
        like(r"arn:aws:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "the ARN of a bucket, such as arn:aws:s3:::a-state")
    ),
    "github_secrets_key_arn": or_none(
        like(
            r"arn:aws:kms:[a-z0-9-]+:\d{12}:key/[\w-]+",
            "the ARN of a key, such as arn:aws:kms:eu-central-1:111111111111:key/…, and not of its alias",
        )
    ),
    "permissions_boundary_arn": or_none(
        like(r"arn:aws:iam::\d{12}:policy/[\w+=,.@/-]+", "the ARN of a policy of the stack's account")
    ),
    "cors_origins": each_like(ORIGIN, "a tuple of origins such as ('https://app.example.com',)", (tuple,)),
}
"""What each setting must be by itself."""


def _with_a_repository(name: str) -> Combination:
    """A setting that is for the roles of a repository's workflows, and for nothing else."""
    return (
        name,
        lambda its: its.github_repository is not None or getattr(its, name) is None,
        "None, since there is no github_repository",
    )


COMBINATIONS: Sequence[Combination] = (
    (
        "database_max_capacity",
        lambda its: its.database_max_capacity >= max(1, its.database_min_capacity),
        lambda its: f"1 or more, and no less than database_min_capacity ({its.database_min_capacity})",
    ),
    (
        "worker_timeout_seconds",
        lambda its: its.worker_timeout_seconds >= its.sandbox_timeout_seconds + _SANDBOX_SETUP_SECONDS,
        lambda its: (
            f"at least sandbox_timeout_seconds and {_SANDBOX_SETUP_SECONDS} seconds to make and delete a sandbox: "
            f"{its.sandbox_timeout_seconds + _SANDBOX_SETUP_SECONDS} or more"
        ),
    ),
    (
        "reaper_minutes",
        lambda its: its.database_min_capacity > 0 or its.reaper_minutes >= _PAUSE_MINUTES,
        f"{_PAUSE_MINUTES} or more where database_min_capacity is 0, since each pass wakes a paused database",
    ),
    (
        "sandbox_reserved_concurrency",
        lambda its: its.sandbox_isolation == "tenant" or its.sandbox_reserved_concurrency is None,
        lambda its: f"None, since it is for 'tenant' and sandbox_isolation is {its.sandbox_isolation!r}",
    ),
    (
        "database_backup_days",
        lambda its: not its.protect_data or its.database_backup_days >= _PROTECTED_BACKUP_DAYS,
        f"{_PROTECTED_BACKUP_DAYS} or more where protect_data is True, so that a fault of last week can be undone",
    ),
    (
        "api_reserved_concurrency",
        lambda its: not its.protect_data or its.api_reserved_concurrency is not None,
        "a number where protect_data is True: without one, nothing bounds the connections to the database",
    ),
    (
        "database_former_login",
        lambda its: its.database_former_login != its.database_login,
        "None, or the login that database_login is not",
    ),
    (
        "database_proxy",
        lambda its: its.database_min_capacity > 0 or not its.database_proxy,
        "False where database_min_capacity is 0, since a proxy keeps the database awake",
    ),
    (
        "network_egress",
        lambda its: its.network_egress == "endpoints" or its.sandbox_isolation != "microvm",
        "'endpoints' where sandbox_isolation is 'microvm', whose endpoint AWS does not offer on IPv6",
    ),
    (
        "api_kept_share",
        lambda its: (its.api_kept_share > 0) == (its.api_kept_version is not None),
        "a number above 0 and below 1 with api_kept_version, and 0 without it",
    ),
    (
        "api_domain",
        lambda its: its.api_domain is None or bool(its.api_domain_zone_id or its.api_certificate_arn),
        "api_domain_zone_id as well, to make a certificate, or api_certificate_arn",
    ),
    (
        "api_domain",
        lambda its: its.api_domain is not None or not (its.api_domain_zone_id or its.api_certificate_arn),
        "the domain that api_domain_zone_id and api_certificate_arn are for, or leave them out",
    ),
    (
        "api_certificate_arn",
        lambda its: its.api_certificate_arn is None or f":{its.region}:" in its.api_certificate_arn,
        lambda its: f"a certificate in {its.region}, where the API is",
    ),
    (
        "alarm_emails",
        lambda its: its.monthly_budget_usd is None or bool(its.alarm_emails),
        "whom to tell when monthly_budget_usd is spent",
    ),
    _with_a_repository("github_oidc_provider_arn"),
    _with_a_repository("github_state_bucket_arn"),
    _with_a_repository("github_secrets_key_arn"),
    (
        "permissions_boundary_arn",
        lambda its: its.permissions_boundary_arn is None or f"::{its.account_id}:" in its.permissions_boundary_arn,
        lambda its: f"a policy of the account {its.account_id}, which alone can bound its roles",
    ),
)
"""What settings must be together: the one to change, whether they are, and what to give."""
