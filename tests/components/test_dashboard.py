"""The dashboard as a whole document."""

from typing import Any

from components.dashboard import dashboard
from components.metrics import Watched

WATCHED = Watched(
    region="eu-central-1",
    stack="test",
    functions={"api": "app-api", "reaper": "app-reaper"},
    reaper="reaper",
    api_id="a1b2c3",
    queue_name="app-runs",
    dead_letters_name="app-dead",
    database_cluster="app-database",
    database_max_capacity=8,
    database_connections=200,
    rate_limit_store="app-limits",
)


def text(y: int, question: str) -> dict[str, Any]:
    properties = {"markdown": f"## {question}"}
    return {"x": 0, "y": y, "width": 24, "type": "text", "height": 1, "properties": properties}


def graph(
    x: int, y: int, width: int, title: str, *metrics: list[Any], levels: dict[str, float] | None = None
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": title,
        "region": "eu-central-1",
        "view": "timeSeries",
        "period": 300,
        "yAxis": {"left": {"min": 0}},
        "metrics": [*metrics],
    }
    if levels:
        properties["annotations"] = {"horizontal": [{"label": label, "value": at} for label, at in levels.items()]}
    return {"x": x, "y": y, "width": width, "type": "metric", "height": 6, "properties": properties}


def api(name: str, statistic: str, label: str) -> list[Any]:
    return ["AWS/ApiGateway", name, "ApiId", "a1b2c3", {"stat": statistic, "label": label}]


def functions(name: str, statistic: str) -> list[list[Any]]:
    return [
        ["AWS/Lambda", name, "FunctionName", f"app-{label}", {"stat": statistic, "label": label}]
        for label in ("api", "reaper")
    ]


def queue(name: str, metric: str, label: str) -> list[Any]:
    return ["AWS/SQS", metric, "QueueName", name, {"stat": "Maximum", "label": label}]


def reaper(name: str) -> list[Any]:
    return ["Plinth", name, "stack", "test", "service", "app-reaper", {"stat": "Sum", "label": name}]


def writer(name: str, statistic: str) -> list[Any]:
    where = ["DBClusterIdentifier", "app-database", "Role", "WRITER"]
    return ["AWS/RDS", name, *where, {"stat": statistic, "label": "writer"}]


def store(name: str, label: str) -> list[Any]:
    return ["AWS/ElastiCache", name, "clusterId", "app-limits", {"stat": "Sum", "label": label}]


def test_it_answers_in_the_order_in_which_somebody_on_call_asks() -> None:
    alarm = {"title": "Alarms", "alarms": ["arn:one", "arn:two"]}
    visible, age = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    assert dashboard(WATCHED, ["arn:one", "arn:two"]) == {
        "widgets": [
            {"x": 0, "y": 0, "width": 24, "type": "alarm", "height": 4, "properties": alarm},
            text(4, "Are requests answered?"),
            graph(0, 5, 12, "Requests", api("Count", "Sum", "all"), api("4xx", "Sum", "4xx"), api("5xx", "Sum", "5xx")),
            graph(
                *(12, 5, 12, "Latency, ms"),
                *(api("Latency", percentile, percentile) for percentile in ("p50", "p95", "p99")),
                levels={"alarm on p95": 1500},
            ),
            text(11, "Do the functions work?"),
            graph(0, 12, 6, "Errors", *functions("Errors", "Sum")),
            graph(6, 12, 6, "Duration p95, ms", *functions("Duration", "p95")),
            graph(12, 12, 6, "Instances at once", *functions("ConcurrentExecutions", "Maximum")),
            graph(18, 12, 6, "Throttles", *functions("Throttles", "Sum")),
            text(18, "Are runs made, and cleared up after?"),
            graph(
                *(0, 19, 8, "Messages waiting"),
                queue("app-runs", visible, "queue"),
                queue("app-dead", visible, "dead letters"),
            ),
            graph(
                *(8, 19, 8, "Age of the oldest message, s"),
                queue("app-runs", age, "oldest"),
                levels={"alarm": 1800},
            ),
            graph(
                *(16, 19, 8, "Reaper"),
                *(reaper(name) for name in ("RunsClosed", "SandboxesReaped", "SandboxesLeft", "OwnersWoken")),
            ),
            text(25, "Does the database keep up?"),
            graph(
                *(0, 26, 8, "Capacity units"),
                writer("ServerlessDatabaseCapacity", "Average"),
                levels={"greatest": 8},
            ),
            graph(8, 26, 8, "Connections", writer("DatabaseConnections", "Maximum"), levels={"budget": 200}),
            graph(16, 26, 8, "Time of a commit, ms", writer("CommitLatency", "Average")),
            text(32, "Are requests counted?"),
            graph(0, 33, 12, "Processing units", store("ElastiCacheProcessingUnits", "used")),
            graph(12, 33, 12, "Commands refused", store("ThrottledCmds", "refused")),
        ]
    }


def test_there_is_no_section_for_what_is_not_there() -> None:
    titles = [widget["type"] for widget in dashboard(Watched(region="r", stack="s", functions={}), [])["widgets"]]
    assert titles == ["alarm"]
