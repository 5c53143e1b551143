"""Alarms, their topic and the dashboard in the local cloud: made as on AWS, read back, changed and deleted."""

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import boto3
import pytest

from components.observability import Observability, ObservabilityArgs
from workbench.evaluate import evaluate
from workbench.local.apply import LocalProvider
from workbench.local.cloud import Cloud
from workbench.local.handlers import HANDLERS
from workbench.local.state import State

pytestmark = pytest.mark.xdist_group("emulator")

ARGS: ObservabilityArgs = {
    "region": "eu-central-1",
    "account_id": "111111111111",
    "functions": {"api": "watched-api", "reaper": "watched-reaper"},
    "reaper": "reaper",
    "api_id": "a1b2c3",
    "emails": ["on-call@example.com"],
    "monthly_budget_usd": 50,
}
TOPIC = "arn:aws:sns:eu-central-1:111111111111:plinth-watched-observability"
ALARMS = [
    "api-errors",
    "api-function-errors",
    "api-function-throttles",
    "api-latency",
    "reaper-function-errors",
    "reaper-function-throttles",
    "reaper-leaks",
    "reaper-silence",
]


class Watch:
    """A stack that is only watched, applied again with other arguments."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.state = State()

    def apply(self, args: ObservabilityArgs | None) -> dict[str, str]:
        """What happened to each resource, those that stayed the same left out."""
        steps: dict[str, str] = {}

        def program() -> None:
            if args is not None:
                Observability("observability", args)

        provider = LocalProvider(self.cloud, self.state, lambda step, what: steps.update({what.name: step}))
        evaluate(program, provider, stack_name="watched")
        provider.delete_unseen()
        return {name: step for name, step in steps.items() if step != "same"}

    def alarms(self) -> dict[str, Any]:
        """The alarms by the ends of their names."""
        prefix = "plinth-watched-observability-"
        found = self.cloud.client("cloudwatch").describe_alarms(AlarmNamePrefix=prefix)["MetricAlarms"]
        return {alarm["AlarmName"].removeprefix(prefix): alarm for alarm in found}


@pytest.fixture
def watch(cloud: Cloud) -> Generator[Watch]:
    """Everything watched, and gone after the test."""
    watched = Watch(cloud)
    watched.apply(ARGS)
    yield watched
    watched.apply(None)


def test_the_alarms_can_be_read_back(watch: Watch) -> None:
    found = watch.alarms()
    assert sorted(found) == ALARMS
    silence = found["reaper-silence"]
    assert {key: silence[key] for key in ("Namespace", "MetricName", "Dimensions", "Statistic", "Period")} == {
        "Namespace": "AWS/Lambda",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "FunctionName", "Value": "watched-reaper"}],
        "Statistic": "Sum",
        "Period": 300,
    }
    assert (silence["AlarmActions"], silence["OKActions"]) == ([TOPIC], [TOPIC])
    assert found["api-latency"]["ExtendedStatistic"] == "p95"


def test_an_alarm_of_several_metrics_is_asked_for_as_the_api_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator keeps alarms on one metric only, so it is the request that is looked at."""
    client = boto3.client("cloudwatch", region_name="eu-central-1", endpoint_url="http://127.0.0.1:1")
    asked: dict[str, object] = {}
    monkeypatch.setattr(client, "put_metric_alarm", lambda **parameters: asked.update(parameters) or {})
    cloud = Cloud(Path(), "eu-central-1", "111111111111", 1, 1, 1, 1, _clients={"cloudwatch": client})
    HANDLERS["aws:cloudwatch/metricAlarm:MetricAlarm"].create(
        cloud,
        "errors",
        {
            "name": "errors",
            "evaluationPeriods": 1,
            "evaluateLowSampleCountPercentiles": "ignore",
            "metricQueries": [
                {
                    "id": "errors",
                    "returnData": False,
                    "metric": {
                        "namespace": "AWS/ApiGateway",
                        "metricName": "5xx",
                        "dimensions": {"ApiId": "a1b2c3"},
                        "period": 300,
                        "stat": "Sum",
                    },
                },
                {"id": "computed", "expression": "errors * 2", "label": "twice", "returnData": True},
            ],
        },
    )
    metric = {
        "Namespace": "AWS/ApiGateway",
        "MetricName": "5xx",
        "Dimensions": [{"Name": "ApiId", "Value": "a1b2c3"}],
    }
    assert asked == {
        "AlarmName": "errors",
        "EvaluationPeriods": 1,
        "EvaluateLowSampleCountPercentile": "ignore",
        "Metrics": [
            {"Id": "errors", "ReturnData": False, "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Sum"}},
            {"Id": "computed", "Expression": "errors * 2", "Label": "twice", "ReturnData": True},
        ],
    }


def test_an_address_is_subscribed_and_the_topic_is_encrypted_and_closed(watch: Watch) -> None:
    sns = watch.cloud.client("sns")
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    assert [(each["Protocol"], each["Endpoint"]) for each in subscriptions] == [("email", "on-call@example.com")]
    attributes = sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    key = watch.cloud.client("kms").describe_key(KeyId=attributes["KmsMasterKeyId"])["KeyMetadata"]
    assert key["Enabled"] is True
    effects = [statement["Effect"] for statement in json.loads(attributes["Policy"])["Statement"]]
    assert effects == ["Allow", "Allow", "Deny", "Deny"]


def test_the_dashboard_can_be_read_back(watch: Watch) -> None:
    board = watch.cloud.client("cloudwatch").get_dashboard(DashboardName="plinth-watched-observability")
    alarm, *_others = json.loads(board["DashboardBody"])["widgets"]
    prefix = "arn:aws:cloudwatch:eu-central-1:111111111111:alarm:plinth-watched-observability-"
    assert sorted(arn.removeprefix(prefix) for arn in alarm["properties"]["alarms"]) == ALARMS


def test_a_second_apply_changes_nothing_and_another_limit_one_alarm_and_its_line(watch: Watch) -> None:
    assert watch.apply(ARGS) == {}
    assert watch.apply({**ARGS, "api_latency_ms": 800}) == {
        "observability-api-latency": "update",
        "observability-dashboard": "update",
    }
    assert watch.alarms()["api-latency"]["Threshold"] == 800


def test_what_is_no_longer_watched_has_no_alarm(watch: Watch) -> None:
    less: ObservabilityArgs = {**ARGS, "functions": {"api": "watched-api"}}
    del less["reaper"]
    watch.apply(less)
    assert sorted(watch.alarms()) == ALARMS[:4]
    watch.apply(None)
    assert watch.alarms() == {}
    names = [topic["TopicArn"] for topic in watch.cloud.client("sns").list_topics().get("Topics", [])]
    assert TOPIC not in names
