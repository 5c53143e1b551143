"""What a stack is assumed to do in a month: how many requests, and what each of them takes."""

from dataclasses import dataclass

HOURS = 730
"""Hours of a month, as AWS's own examples count them."""

SECONDS = HOURS * 3600
"""Seconds of a month."""

MONTH_DAYS = HOURS / 24


@dataclass(frozen=True)
class Load:
    """What the estimate assumes to happen in a month. Only `requests` is likely to be known; the rest are ratios."""

    requests: int = 1_000_000
    """API requests, evenly spread."""

    request_seconds: float = 0.1
    """Seconds that the API's function takes for one."""

    run_share: float = 0.05
    """The share of requests that starts a run, through the queue, the worker and a sandbox."""

    worker_seconds: float = 3.0
    """Seconds that a worker takes for one run, most of which it waits."""

    run_seconds: float = 2.0
    """Seconds that a sandbox takes for one run."""

    scheduled_seconds: float = 0.5
    """Seconds that a function takes when a schedule invokes it."""

    cold_starts: float = 0.002
    """The share of requests for which a new instance starts."""

    access_log_bytes: int = 500
    """Bytes of access log a request."""

    function_log_bytes: int = 1000
    """Bytes that a function logs an invocation."""

    route_hours: float = 0.25
    """The share of the month's hours in which a given route is asked for at all."""

    cache_units: int = 3
    """Processing units of the rate-limit store a request: one for each thing that is counted."""

    database_unit_seconds: float = 0.02
    """Seconds for which a request takes one capacity unit of the database."""

    database_requests: int = 5
    """I/O requests of the database a request."""

    database_gb: float = 10.0
    """GB in the database, with or without requests."""

    stored_gb: float = 1.0
    """GB in each bucket or table, with or without requests."""

    connections: int = 100
    """Connections that the requests hold open in the network at a time, of which flow logs keep records."""

    @property
    def runs(self) -> float:
        """Runs a month."""
        return self.requests * self.run_share

    def sentence(self) -> str:
        """The assumptions that weigh most, for the reader of an estimate."""
        return (
            f"{self.requests:,} requests a month, evenly spread, of {self.request_seconds * 1000:g} ms; "
            f"{self.run_share * 100:g} % of them start a run of {self.run_seconds:g} seconds; "
            f"{self.database_gb:g} GB in the database."
        )
