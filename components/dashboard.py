"""The one dashboard of a stack: rows in the order in which somebody on call asks. Pure: names in, JSON out."""

from collections.abc import Mapping, Sequence
from typing import Any

from components.metrics import Metric, Watched, of_api, of_function, of_queue, of_service, of_store, of_writer

Widget = dict[str, Any]

_COLUMNS = 24
_HEIGHT = 6


def dashboard(watched: Watched, alarm_arns: Sequence[str]) -> dict[str, Any]:
    """The dashboard's body (CloudWatch: Dashboard body structure and syntax). Every name has to be known."""
    rows = [
        [_alarms(alarm_arns)],
        *_section("Are requests answered?", _of_the_api(watched)),
        *_section("Do the functions work?", _of_functions(watched)),
        *_section("Are runs made, and cleared up after?", _of_runs(watched)),
        *_section("Does the database keep up?", _of_the_database(watched)),
        *_section("Are requests counted?", _of_the_rate_limits(watched)),
    ]
    return {"widgets": _placed(rows)}


def _placed(rows: Sequence[Sequence[Widget]]) -> list[Widget]:
    """The widgets of each row side by side, as wide as there is room, and the rows below one another."""
    placed: list[Widget] = []
    y = 0
    for row in rows:
        width = _COLUMNS // len(row)
        placed += [{"x": index * width, "y": y, "width": width, **widget} for index, widget in enumerate(row)]
        y += row[0]["height"]
    return placed


def _alarms(arns: Sequence[str]) -> Widget:
    return {"type": "alarm", "height": 4, "properties": {"title": "Alarms", "alarms": list(arns)}}


def _section(question: str, widgets: Sequence[Widget]) -> Sequence[Sequence[Widget]]:
    return [[{"type": "text", "height": 1, "properties": {"markdown": f"## {question}"}}], widgets] if widgets else []


def _of_the_api(watched: Watched) -> Sequence[Widget]:
    if watched.api_id is None:
        return ()
    api = watched.api_id
    return (
        _graph(
            watched,
            "Requests",
            {
                "all": of_api(api, "Count", "Sum"),
                "4xx": of_api(api, "4xx", "Sum"),
                "5xx": of_api(api, "5xx", "Sum"),
            },
        ),
        _graph(
            watched,
            "Latency, ms",
            {statistic: of_api(api, "Latency", statistic) for statistic in ("p50", "p95", "p99")},
            {"alarm on p95": watched.api_latency_ms},
        ),
    )


def _of_functions(watched: Watched) -> Sequence[Widget]:
    def each(name: str, statistic: str) -> dict[str, Metric]:
        return {label: of_function(function, name, statistic) for label, function in watched.functions.items()}

    if not watched.functions:
        return ()
    return (
        _graph(watched, "Errors", each("Errors", "Sum")),
        _graph(watched, "Duration p95, ms", each("Duration", "p95")),
        _graph(watched, "Instances at once", each("ConcurrentExecutions", "Maximum")),
        _graph(watched, "Throttles", each("Throttles", "Sum")),
    )


def _of_runs(watched: Watched) -> Sequence[Widget]:
    found: list[Widget] = []
    if watched.queue_name is not None:
        waiting = {"queue": of_queue(watched.queue_name, "ApproximateNumberOfMessagesVisible", "Maximum")}
        if watched.dead_letters_name is not None:
            waiting["dead letters"] = of_queue(
                watched.dead_letters_name, "ApproximateNumberOfMessagesVisible", "Maximum"
            )
        age = {"oldest": of_queue(watched.queue_name, "ApproximateAgeOfOldestMessage", "Maximum")}
        found = [
            _graph(watched, "Messages waiting", waiting),
            _graph(watched, "Age of the oldest message, s", age, {"alarm": watched.queue_age_seconds}),
        ]
    if (reaper := watched.reaper) is not None:
        names = ("RunsClosed", "SandboxesReaped", "SandboxesLeft", "OwnersWoken")
        found.append(_graph(watched, "Reaper", {name: of_service(watched, reaper, name, "Sum") for name in names}))
    return found


def _of_the_database(watched: Watched) -> Sequence[Widget]:
    if watched.database_cluster is None:
        return ()
    cluster = watched.database_cluster
    capacity = {"greatest": watched.database_max_capacity} if watched.database_max_capacity is not None else {}
    connections = {"budget": watched.database_connections} if watched.database_connections is not None else {}
    return (
        _graph(
            watched, "Capacity units", {"writer": of_writer(cluster, "ServerlessDatabaseCapacity", "Average")}, capacity
        ),
        _graph(watched, "Connections", {"writer": of_writer(cluster, "DatabaseConnections", "Maximum")}, connections),
        _graph(watched, "Time of a commit, ms", {"writer": of_writer(cluster, "CommitLatency", "Average")}),
    )


def _of_the_rate_limits(watched: Watched) -> Sequence[Widget]:
    if watched.rate_limit_store is None:
        return ()
    store = watched.rate_limit_store
    return (
        _graph(watched, "Processing units", {"used": of_store(store, "ElastiCacheProcessingUnits", "Sum")}),
        _graph(watched, "Commands refused", {"refused": of_store(store, "ThrottledCmds", "Sum")}),
    )


def _graph(
    watched: Watched, title: str, lines: Mapping[str, Metric], levels: Mapping[str, float] | None = None
) -> Widget:
    properties: dict[str, Any] = {
        "title": title,
        "region": watched.region,
        "view": "timeSeries",
        "period": 300,
        "yAxis": {"left": {"min": 0}},
        "metrics": [_line(label, metric) for label, metric in lines.items()],
    }
    if levels:
        properties["annotations"] = {
            "horizontal": [{"label": label, "value": value} for label, value in levels.items()]
        }
    return {"type": "metric", "height": _HEIGHT, "properties": properties}


def _line(label: str, metric: Metric) -> list[Any]:
    dimensions = [part for dimension in metric.dimensions.items() for part in dimension]
    return [metric.namespace, metric.name, *dimensions, {"stat": metric.statistic, "label": label}]
