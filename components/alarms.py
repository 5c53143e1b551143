"""The alarms of a stack as a table: what each one looks at, when it rings, what that means and what to do first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from components.metrics import Metric, Watched, of_api, of_function, of_queue, of_service, of_store, of_writer

_FIVE_MINUTES = 300

ABOVE = "GreaterThanThreshold"
AT_LEAST = "GreaterThanOrEqualToThreshold"
BELOW = "LessThanThreshold"

FINE = "notBreaching"
"""No data is good news: nothing was used, so nothing went wrong."""

BAD = "breaching"
"""No data is the very thing that the alarm is for."""

UNCHANGED = "ignore"
"""No data says nothing: the alarm stays as it was."""


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One alarm. It rings once each of the last `periods` periods was beyond the threshold."""

    name: str
    """The end of its name, as docs/operations.md lists it."""

    meaning: str
    """What has happened, as the message says it."""

    first: str
    """What to do first."""

    metric: Metric | None = None
    """What it looks at; none where that is an expression."""

    expression: str = ""
    """What is computed of several metrics."""

    metrics: Mapping[str, Metric] | None = None
    """The metrics in the expression, by their names there."""

    comparison: str = ABOVE
    threshold: float = 0

    period: int = _FIVE_MINUTES
    """Seconds that one value stands for."""

    periods: int = 1

    missing: str = FINE
    """What it makes of a period without any data."""


def alarms(watched: Watched) -> list[Alarm]:
    """The alarms of what is watched, in the order in which they matter to whoever uses the stack."""
    return [
        *_of_the_api(watched),
        *_of_functions(watched),
        *_of_runs(watched),
        *_of_the_reaper(watched),
        *_of_the_database(watched),
        *_of_the_rate_limits(watched),
    ]


def _of_the_api(watched: Watched) -> Sequence[Alarm]:
    if watched.api_id is None:
        return ()
    return (
        Alarm(
            name="api-errors",
            meaning=f"More than {watched.api_error_percent:g} % of the requests in five minutes ended as 5xx.",
            first="Read the errors in the api function's log; if they began with a deployment, take it back.",
            # One failed request in a quiet night is no rate; five are.
            expression="IF(errors >= 5, 100 * errors / requests, 0)",
            metrics={
                "errors": of_api(watched.api_id, "5xx", "Sum"),
                "requests": of_api(watched.api_id, "Count", "Sum"),
            },
            threshold=watched.api_error_percent,
        ),
        Alarm(
            name="api-latency",
            meaning=f"One request in twenty took longer than {watched.api_latency_ms} ms, for a quarter of an hour.",
            first="Compare with the database's capacity and connections, then look at the slowest traces in X-Ray.",
            metric=of_api(watched.api_id, "Latency", "p95"),
            threshold=watched.api_latency_ms,
            periods=3,
        ),
    )


def _of_functions(watched: Watched) -> Sequence[Alarm]:
    errors = [
        Alarm(
            name=f"{label}-function-errors",
            meaning=f"An invocation of {label} ended with an exception, a timeout or without memory.",
            first="Read the function's log around that time; it names the request or the run.",
            metric=of_function(function, "Errors", "Sum"),
        )
        for label, function in watched.functions.items()
    ]
    throttles = [
        Alarm(
            name=f"{label}-function-throttles",
            meaning=f"Lambda refused invocations of {label} for ten minutes: no instance was free.",
            first="Compare ConcurrentExecutions with the function's reserved concurrency and the account's quota.",
            metric=of_function(function, "Throttles", "Sum"),
            periods=2,
        )
        for label, function in watched.functions.items()
    ]
    return (*errors, *throttles)


def _of_runs(watched: Watched) -> Sequence[Alarm]:
    found: list[Alarm] = []
    if watched.dead_letters_name is not None:
        found.append(
            Alarm(
                name="dead-letters",
                meaning="Messages lie in the dead-letter queue: the worker failed at them again and again.",
                first="Read in the worker's log why, mend that, then purge the queue: no run is lost with a message.",
                metric=of_queue(watched.dead_letters_name, "ApproximateNumberOfMessagesVisible", "Maximum"),
            )
        )
    if watched.queue_name is not None:
        found.append(
            Alarm(
                name="queue-age",
                meaning=f"A message has waited longer than {watched.queue_age_seconds} seconds for a worker.",
                first="See whether the worker runs at all; if it does, raise worker_concurrency.",
                metric=of_queue(watched.queue_name, "ApproximateAgeOfOldestMessage", "Maximum"),
                threshold=watched.queue_age_seconds,
            )
        )
    return found


def _of_the_reaper(watched: Watched) -> Sequence[Alarm]:
    if watched.reaper is None:
        return ()
    # At least one pass falls into each period.
    period = max(_FIVE_MINUTES, 60 * watched.reaper_minutes)
    return (
        Alarm(
            name="reaper-leaks",
            meaning="Every pass of the reaper left sandboxes behind that it could not destroy.",
            first="Its log names each sandbox and the error; go on as under 'When SandboxesLeft stays above zero'.",
            # The least of all passes: one that found nothing left ends the leak.
            metric=of_service(watched, watched.reaper, "SandboxesLeft", "Minimum"),
            period=period,
            periods=3,
            # Without a pass nobody looked, and what was left is still there.
            missing=UNCHANGED,
        ),
        Alarm(
            name="reaper-silence",
            meaning="The reaper is not invoked any more: nothing clears up after a lost worker.",
            first="Look at the schedule's state and its role; invoke the reaper by hand meanwhile.",
            metric=of_function(watched.functions[watched.reaper], "Invocations", "Sum"),
            comparison=BELOW,
            threshold=1,
            period=period,
            periods=3,
            missing=BAD,
        ),
    )


def _of_the_database(watched: Watched) -> Sequence[Alarm]:
    if watched.database_cluster is None:
        return ()
    found = [
        Alarm(
            name="database-capacity",
            meaning="The database has run at its greatest capacity for a quarter of an hour and cannot grow further.",
            first="Find the statement that takes it in Database Insights; raise database_max_capacity meanwhile.",
            metric=of_writer(watched.database_cluster, "ACUUtilization", "Average"),
            comparison=AT_LEAST,
            threshold=95,
            periods=3,
        )
    ]
    if watched.database_connections is not None:
        found.append(
            Alarm(
                name="database-connections",
                meaning=f"More than four fifths of the {watched.database_connections} connections are in use.",
                first="See which function has grown; lower its reserved concurrency or raise the database's capacity.",
                metric=of_writer(watched.database_cluster, "DatabaseConnections", "Maximum"),
                comparison=ABOVE,
                threshold=0.8 * watched.database_connections,
                periods=2,
            )
        )
    return found


def _of_the_rate_limits(watched: Watched) -> Sequence[Alarm]:
    if watched.rate_limit_store is None:
        return ()
    return (
        Alarm(
            name="rate-limits-throttled",
            meaning="The rate-limit store refused commands for ten minutes: limits are counted per instance meanwhile.",
            first="Raise rate_limit_ecpu_per_second, unless the requests are an attack: the access log says.",
            metric=of_store(watched.rate_limit_store, "ThrottledCmds", "Sum"),
            periods=2,
        ),
    )
