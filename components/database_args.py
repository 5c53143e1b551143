"""What a database takes, and what is refused before anything is made of it. Pure: no resource is made here."""

from collections.abc import Mapping, Sequence
from typing import NotRequired

import pulumi

from components.component import ComponentArgs
from components.database_capacity import KEPT_BACK, PROXY_PERCENT, connection_budget, max_connections
from components.database_windows import is_daily, is_weekly, overlap
from components.rules import Rule, check, demand, halves, like, one_of, or_none, retention, several, truth, whole

LOGINS = ("password", "iam")
"""How clients may log in."""

DEFAULT_MIN_CAPACITY = 0.5
DEFAULT_MAX_CAPACITY = 2
DEFAULT_BACKUP_WINDOW = "02:00-03:00"
DEFAULT_MAINTENANCE_WINDOW = "sun:04:00-sun:05:00"


class DatabaseArgs(ComponentArgs):
    vpc_id: pulumi.Input[str]
    """The VPC to live in."""

    subnet_ids: pulumi.Input[Sequence[str]]
    """Subnets in at least two zones. Caution: with others, a proxy is made anew, and nothing connects meanwhile. Those
    of another VPC AWS refuses."""

    database_name: NotRequired[str]
    """The database made in the cluster. Default `app`. Caution: changing it replaces the cluster and its data."""

    min_capacity: NotRequired[float]
    """Aurora capacity units (2 GiB of memory each) kept while idle, in steps of 0.5; 0 pauses. Default 0.5."""

    max_capacity: NotRequired[float]
    """Aurora capacity units at full load, in steps of 0.5, 1 or more. Default 2. Caution: the number of connections
    that the cluster takes follows from it only when the instances are rebooted."""

    seconds_until_auto_pause: NotRequired[int | None]
    """Seconds without a connection before the cluster pauses, 300 to 86400; only with `min_capacity` 0. Default 300
    there."""

    instances: NotRequired[int]
    """Instances of the cluster: the writer, and readers that take over when it fails. 1 to 16. Default 1."""

    login: NotRequired[str]
    """How clients log in: `password`, which `administers()` makes and keeps in a secret, or `iam`, with a token that
    each client signs for each connection. Default `password`."""

    former_login: NotRequired[str | None]
    """The login that running code still uses while a deployment introduces the other one: what it takes stays until a
    deployment without this. Default none."""

    proxy: NotRequired[bool]
    """Whether RDS Proxy stands before the cluster, and many clients share few connections. Not with `min_capacity` 0,
    since a proxy keeps a connection open, and the cluster awake. Default false."""

    connections: NotRequired[int | None]
    """Connections that all clients together may have open at once: the sum of their functions' instances, where each
    has one. More than the writer takes at `max_capacity`, or the proxy at its share, is an error. Default unchecked."""

    insights: NotRequired[bool]
    """Whether Database Insights records what the instances wait for, and keeps it for 7 days at no charge. Default
    true. It takes memory: AWS advises a `min_capacity` of 2 with it."""

    log_retention_days: NotRequired[int]
    """Days that log lines are kept; one of the values CloudWatch knows. Default 30."""

    backup_retention_days: NotRequired[int]
    """Days that the continuous backup reaches back, 1 to 35. Default 7."""

    backup_window: NotRequired[str]
    """When the daily snapshot is taken, in UTC. Default `02:00-03:00`."""

    maintenance_window: NotRequired[str]
    """When AWS may maintain the cluster, in UTC, clear of `backup_window`. Default `sun:04:00-sun:05:00`."""

    deletion_protection: NotRequired[bool]
    """Whether AWS refuses to delete the cluster, and Pulumi to delete or replace whatever its data needs. Default
    true."""

    final_snapshot: NotRequired[bool]
    """Whether a snapshot is left behind when the cluster is deleted, named `<cluster>-final`. Default true. Caution:
    one that is left from before stops the next deletion: copy it, and delete it."""

    retain: NotRequired[bool]
    """Whether a database taken out of the program goes on running, no longer managed and with no snapshot made.
    Default false. Caution: its network has to stay, too: taken out with it, its deletion waits and fails."""


_RULES: Mapping[str, Rule] = {
    "subnet_ids": several(2, 20, "subnets in at least two zones"),
    "database_name": like(r"[A-Za-z][A-Za-z0-9_]{0,62}", "a letter and up to 62 letters, digits and underscores"),
    "min_capacity": halves(0, 256),
    "max_capacity": halves(1, 256),
    "seconds_until_auto_pause": or_none(whole(300, 86_400)),
    "instances": whole(1, 16),
    "login": one_of(*LOGINS),
    "former_login": or_none(one_of(*LOGINS)),
    "proxy": truth(),
    "connections": or_none(whole(1, 1_000_000)),
    "insights": truth(),
    "log_retention_days": retention(),
    "backup_retention_days": whole(1, 35),
    "backup_window": (is_daily, "times in UTC such as '02:00-03:00', 30 minutes or more"),
    "maintenance_window": (is_weekly, "times in UTC such as 'sun:04:00-sun:05:00', 30 minutes to 24 hours"),
    "deletion_protection": truth(),
    "final_snapshot": truth(),
    "retain": truth(),
}


def check_database(label: str, args: DatabaseArgs) -> None:
    """Refuses before anything is registered what AWS would refuse half-way through, or what would not work together.

    Raises ValueError, which begins with `label` and says what to give.
    """
    check(label, args, _RULES)
    low, high = args.get("min_capacity", DEFAULT_MIN_CAPACITY), args.get("max_capacity", DEFAULT_MAX_CAPACITY)
    pause, former = args.get("seconds_until_auto_pause"), args.get("former_login")
    backup = args.get("backup_window", DEFAULT_BACKUP_WINDOW)
    maintenance = args.get("maintenance_window", DEFAULT_MAINTENANCE_WINDOW)
    proxied = args.get("proxy", False)
    demand(high >= low, label, "max_capacity", high, f"no less than min_capacity ({low})")
    demand(
        pause is None or low == 0,
        label,
        "seconds_until_auto_pause",
        pause,
        f"nothing, since only a min_capacity of 0 pauses, and it is {low}",
    )
    demand(
        not (proxied and low == 0),
        label,
        "min_capacity",
        low,
        "0.5 or more with a proxy: it keeps a connection open, and the cluster awake",
    )
    demand(
        former != args.get("login", "password"), label, "former_login", former, "the other login than login, or nothing"
    )
    demand(
        not overlap(backup, maintenance),
        label,
        "maintenance_window",
        maintenance,
        f"a time clear of backup_window ({backup}, every day)",
    )
    wanted, budget = args.get("connections"), connection_budget(high, low, proxied=proxied)
    held_by_minimum = max_connections(high, 1) > max_connections(high, low)
    demand(
        wanted is None or wanted <= budget,
        label,
        "connections",
        wanted,
        f"{budget} or fewer, by fewer instances of the functions that connect, or raise"
        f" {f'min_capacity ({low})' if held_by_minimum else f'max_capacity ({high})'}: the writer has"
        f" {max_connections(high, low)} connections, of which"
        f" {_share(proxied)}",
    )


def _share(proxied: bool) -> str:
    return f"{PROXY_PERCENT} % are the proxy's" if proxied else f"{KEPT_BACK} are kept back"


def uses_passwords(args: DatabaseArgs) -> bool:
    """Whether the application's role has a password: to log in by, or still, or already."""
    return "password" in _logins(args)


def uses_tokens(args: DatabaseArgs) -> bool:
    """Whether it may log in with tokens of IAM."""
    return "iam" in _logins(args)


def _logins(args: DatabaseArgs) -> Sequence[str | None]:
    return args.get("login", "password"), args.get("former_login")
