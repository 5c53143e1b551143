"""What one stack may choose, with units, defaults and limits. A wrong choice fails before anything is registered."""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pulumi

from components.sandbox_function import ISOLATION_CHOICE, ISOLATIONS


class SettingsError(ValueError):
    """A setting is out of range: the message names the stack, the setting and its value, and says what to give."""


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """The settings of one stack. Those without a default are the ones that every stack has to think about."""

    stack: str
    """The stack's name: the folder in stacks/, and a part of every physical name."""

    region: str
    """The AWS region."""

    account_id: str
    """The AWS account, 12 digits."""

    zones: str
    """Letters of the availability zones to use, such as `ab`. Two or three."""

    protect_data: bool
    """Whether the database resists deletion, by AWS and by Pulumi, and leaves a snapshot and itself behind."""

    log_retention_days: int
    """Days that logs are kept; one of the values CloudWatch knows."""

    network_cidr: str = "10.0.0.0/16"
    """The network's IPv4 range. Caution: changing it replaces everything that holds data."""

    database_min_capacity: float
    """Aurora capacity units (2 GiB each) kept while idle, in steps of 0.5. 0 pauses an idle database."""

    database_max_capacity: float
    """Aurora capacity units at full load, in steps of 0.5."""

    database_instances: int
    """The writer and its readers. Two or more survive the loss of a zone within a minute."""

    database_backup_days: int
    """Days that the continuous backup reaches back."""

    rate_limit_ecpu_per_second: int = 1000
    """Upper limit of the counter store's processing units a second. One request takes about three: it counts
    for its address, its user or key, and with a key for all keys of the user."""

    api_memory_mb: int = 512
    """Memory of an instance of the API in MB; processor time grows with it."""

    api_timeout_seconds: int = 20
    """Seconds that a request may take. The gateway gives up after 30."""

    api_reserved_concurrency: int | None = None
    """Instances of the API at most, taken out of the account's; None shares them."""

    api_snap_start: bool = True
    """Whether the API starts from a snapshot: a cold start of well under a second for about 2 USD a month."""

    worker_memory_mb: int = 512
    """Memory of an instance of the worker in MB."""

    worker_timeout_seconds: int = 120
    """Seconds that one run may take in all: the sandbox made, the code run, the sandbox deleted."""

    worker_concurrency: int
    """Runs at once; the rest waits in the queue. With `ephemeral` more than about 20 gain nothing: a run makes two of
    the 15 control calls a second that Lambda takes from a whole account, and lasts some three seconds."""

    queue_max_receives: int = 5
    """Attempts at a run that fails for reasons of ours before it ends as `error`, and deliveries of a message that
    cannot be handled at all before it is set aside in the dead-letter queue."""

    reaper_minutes: int = 1
    """Minutes from one pass of the reaper to the next: how long what a lost worker left behind may stay."""

    sandbox_isolation: str = "ephemeral"
    """How untrusted code is kept apart. `ephemeral`: a function made for one run and deleted after it. `tenant`: one
    function, of which Lambda gives each run an environment of its own. `microvm`: a virtual machine for each run."""

    sandbox_reserved_concurrency: int | None = None
    """Runs at once at most with `tenant`, taken out of the account's instances; None shares them."""

    sandbox_memory_mb: int = 512
    """Memory of one sandbox in MB. MicroVMs have 2048, whatever it says."""

    sandbox_timeout_seconds: int = 20
    """Seconds before Lambda stops a sandbox. The runner's own limit of 10 comes first."""

    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API, such as `https://app.example.com`."""

    def __post_init__(self) -> None:
        for name, (holds, wanted) in RULES.items():
            self._demand(holds(getattr(self, name)), name, wanted)
        self._demand(
            self.database_max_capacity >= max(1, self.database_min_capacity),
            "database_max_capacity",
            f"1 or more, and no less than database_min_capacity ({self.database_min_capacity})",
        )
        self._demand(
            self.worker_timeout_seconds >= self.sandbox_timeout_seconds + _SANDBOX_SETUP_SECONDS,
            "worker_timeout_seconds",
            f"at least sandbox_timeout_seconds and {_SANDBOX_SETUP_SECONDS} seconds to make and delete a sandbox: "
            f"{self.sandbox_timeout_seconds + _SANDBOX_SETUP_SECONDS} or more",
        )
        self._demand(
            self.database_min_capacity > 0 or self.reaper_minutes >= _PAUSE_MINUTES,
            "reaper_minutes",
            f"{_PAUSE_MINUTES} or more where database_min_capacity is 0, since each pass wakes a paused database",
        )
        self._demand(
            self.sandbox_isolation == "tenant" or self.sandbox_reserved_concurrency is None,
            "sandbox_reserved_concurrency",
            f"None, since it is for 'tenant' and sandbox_isolation is {self.sandbox_isolation!r}",
        )

    @property
    def availability_zones(self) -> list[str]:
        """The zones by their full names, such as `eu-central-1a`."""
        return [f"{self.region}{letter}" for letter in self.zones]

    def _demand(self, holds: bool, name: str, wanted: str) -> None:
        if not holds:
            raise SettingsError(f"Stack {self.stack}: {name} is {getattr(self, name)!r}: give {wanted}.")


def configured_region() -> str:
    """`aws:region` of the stack's configuration file."""
    return pulumi.Config("aws").require("region")


def configured_account() -> str:
    """`plinth:accountId` of the stack's configuration file."""
    return pulumi.Config("plinth").require("accountId")


_SANDBOX_SETUP_SECONDS = 60
"""What Lambda may take to attach a new function to a VPC, and to delete it."""

_PAUSE_MINUTES = 10
"""Twice what Aurora waits for before it pauses an idle database: less, and it would never be paused for long."""

_RETENTIONS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""Days that PutRetentionPolicy takes (CloudWatch Logs API reference)."""

Rule = tuple[Callable[[Any], bool], str]
"""A predicate, and the words for it."""


def _whole(low: int, high: int) -> Rule:
    def holds(value: Any) -> bool:
        return type(value) is int and low <= value <= high

    return holds, f"a whole number from {low} to {high}"


def _whole_or_none(low: int, high: int) -> Rule:
    holds, wanted = _whole(low, high)
    return lambda value: value is None or holds(value), f"{wanted}, or None"


def _like(pattern: str, wanted: str) -> Rule:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None, wanted


def _capacity(low: float) -> Rule:
    def holds(value: Any) -> bool:
        return isinstance(value, (int, float)) and low <= value <= 256 and (value * 2) % 1 == 0

    return holds, f"a multiple of 0.5 from {low} to 256"


def _truth() -> Rule:
    return lambda value: isinstance(value, bool), "True or False"


def _is_network(value: Any) -> bool:
    try:
        return 16 <= ipaddress.IPv4Network(value).prefixlen <= 24
    except ValueError:
        return False


def _are_zones(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch("[a-f]{2,3}", value) is not None and len(set(value)) == len(value)


def _are_origins(value: Any) -> bool:
    origins = cast("tuple[Any, ...]", value) if isinstance(value, tuple) else ("",)
    return all(re.fullmatch(r"https?://[^/*\s]+", str(origin)) for origin in origins)


RULES: Mapping[str, Rule] = {
    "stack": _like("[a-z][a-z0-9]{1,15}", "2 to 16 lower-case letters and digits, a letter first"),
    "region": _like(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-central-1"),
    "account_id": _like(r"\d{12}", "the 12 digits of an AWS account, in quotes"),
    "zones": (_are_zones, "two or three different letters such as 'ab'"),
    "protect_data": _truth(),
    "log_retention_days": (lambda value: value in _RETENTIONS, f"one of {', '.join(map(str, _RETENTIONS))}"),
    "network_cidr": (_is_network, "an IPv4 range from /16 to /24 such as 10.0.0.0/16"),
    "database_min_capacity": _capacity(0),
    "database_max_capacity": _capacity(1),
    "database_instances": _whole(1, 16),
    "database_backup_days": _whole(1, 35),
    "rate_limit_ecpu_per_second": _whole(1000, 15_000_000),
    "api_memory_mb": _whole(128, 10_240),
    "api_timeout_seconds": _whole(1, 29),
    "api_reserved_concurrency": _whole_or_none(1, 10_000),
    "api_snap_start": _truth(),
    "worker_memory_mb": _whole(128, 10_240),
    "worker_timeout_seconds": _whole(1, 900),
    "worker_concurrency": _whole(2, 1000),
    "queue_max_receives": _whole(1, 1000),
    "reaper_minutes": _whole(1, 60),
    "sandbox_isolation": (lambda value: value in ISOLATIONS, ISOLATION_CHOICE),
    "sandbox_reserved_concurrency": _whole_or_none(1, 10_000),
    "sandbox_memory_mb": _whole(128, 10_240),
    "sandbox_timeout_seconds": _whole(1, 840),
    "cors_origins": (_are_origins, "a tuple of origins such as ('https://app.example.com',)"),
}
"""What each setting must be. The numbers are the limits of the AWS services."""
