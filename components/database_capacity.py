"""How many connections an Aurora Serverless v2 cluster takes: arithmetic that needs no AWS to be checked."""

from itertools import pairwise

KEPT_BACK = 15
"""Connections that are nobody's to plan with: PostgreSQL keeps three for superusers, AWS some for itself and for the
master user, and a migration or a person at a shell must get in even at full load."""

PROXY_PERCENT = 90
"""The share of all connections that a proxy may open. The rest is for who goes straight to the cluster."""

_CONNECTIONS = ((1, 189), (4, 823), (8, 1669), (16, 3360), (32, 5000))
"""Maximum capacity in units to the default of `max_connections` (Aurora User Guide: Maximum connections for Aurora
Serverless v2). It is `LEAST(DBInstanceClassMemory / 9531392, 5000)`, of the memory that 2 GiB a unit leave to the
server: a straight line up to 5000."""

_CONNECTIONS_FROM_HALF_A_UNIT = 2000
"""The most where the minimum capacity is 0 or 0.5, whatever the maximum (the same page)."""


def max_connections(max_capacity: float, min_capacity: float) -> int:
    """The default of `max_connections` for a cluster of that capacity, and never more than that.

    The instances take another maximum capacity at once, but another `max_connections` only when they are rebooted.
    """
    most = _between(max_capacity)
    return most if min_capacity > 0.5 else min(most, _CONNECTIONS_FROM_HALF_A_UNIT)


def connection_budget(max_capacity: float, min_capacity: float, *, proxied: bool) -> int:
    """The connections that all clients of the writer may have open at once; behind a proxy, that it may open."""
    most = max_connections(max_capacity, min_capacity)
    return most * PROXY_PERCENT // 100 if proxied else most - KEPT_BACK


def _between(capacity: float) -> int:
    """The table, and a straight line from one row to the next, rounded down."""
    for (low, fewer), (high, more) in pairwise(_CONNECTIONS):
        if capacity <= high:
            return int(fewer + (more - fewer) * (capacity - low) / (high - low))
    return _CONNECTIONS[-1][1]
