"""CloudWatch. The emulator has few metrics of its own, but it keeps, shows and sets the state of alarms."""

from collections.abc import Mapping
from typing import Any

from workbench.local.handlers.base import Api, Call, Handler


def _alarm(inputs: dict[str, Any]) -> dict[str, Any]:
    placed = {**inputs}
    if "dimensions" in placed:
        placed["dimensions"] = _dimensions(placed["dimensions"])
    if "metricQueries" in placed:
        placed["metrics"] = [_query(query) for query in placed.pop("metricQueries")]
    return placed


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    metric = query.get("metric")
    rest = {name: value for name, value in query.items() if name != "metric"}
    if metric is None:
        return rest
    about = {"namespace": metric.get("namespace"), "metricName": metric["metricName"]}
    dimensions = _dimensions(metric.get("dimensions") or {})
    return {
        **rest,
        "metricStat": {
            "metric": {**about, "dimensions": dimensions},
            "period": metric["period"],
            "stat": metric["stat"],
        },
    }


def _dimensions(dimensions: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in dimensions.items()]


HANDLERS: Mapping[str, Handler] = {
    "aws:cloudwatch/dashboard:Dashboard": Api(
        service="cloudwatch",
        create_call="PutDashboard",
        id="in.dashboardName",
        outputs={
            "dashboardArn": "join('', ['arn:aws:cloudwatch::', account, ':dashboard/', in.dashboardName])",
        },
        fixed=("dashboardName",),
        update_call=Call("PutDashboard"),
        delete_call=Call("DeleteDashboards", {"DashboardNames": "[id]"}),
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Api(
        service="cloudwatch",
        create_call="PutMetricAlarm",
        names="name",
        rename={"name": "AlarmName", "evaluateLowSampleCountPercentiles": "EvaluateLowSampleCountPercentile"},
        ignored=("tags",),
        prepare=_alarm,
        id="in.name",
        outputs={"arn": "join('', ['arn:aws:cloudwatch:', region, ':', account, ':alarm:', in.name])"},
        fixed=("name",),
        update_call=Call("PutMetricAlarm"),
        delete_call=Call("DeleteAlarms", {"AlarmNames": "[id]"}),
    ),
}
