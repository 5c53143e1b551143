"""What is watched, when each alarm rings, who hears of it, and who may speak on the topic."""

import json
from pathlib import Path
from typing import Any

import pytest

from components.alarms import BAD, FINE, UNCHANGED, alarms
from components.metrics import Watched
from components.observability import Observability, ObservabilityArgs
from tests.support.evaluation import deploy, inputs, names_of, registered, resource
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"
TOPIC_ARN = "arn:aws:sns:eu-central-1:111111111111:plinth-test-watch"
KEY_ARN = "arn:aws:kms:eu-central-1:111111111111:key/watch-key"

LEAST: ObservabilityArgs = {"region": "eu-central-1", "account_id": "111111111111", "functions": {"api": "app-api"}}
ARGS: ObservabilityArgs = {
    **LEAST,
    "functions": {"api": "app-api", "reaper": "app-reaper"},
    "api_id": "a1b2c3",
    "queue_name": "app-runs",
    "dead_letters_name": "app-runs-dead-letters",
    "database_cluster": "app-database",
    "database_max_capacity": 8,
    "database_connections": 200,
    "rate_limit_store": "app-rate-limits",
    "reaper": "reaper",
    "reaper_minutes": 10,
    "emails": ["on-call@example.com"],
    "monthly_budget_usd": 250,
}


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return deploy(lambda: Observability("watch", ARGS))


def test_it_is_a_topic_with_its_key_alarms_a_dashboard_and_a_budget(manifest: Manifest) -> None:
    parent = "plinth:index:Observability"
    assert registered(manifest) == [
        f"{parent}$aws:budgets/budget:Budget::watch-budget",
        f"{parent}$aws:cloudwatch/dashboard:Dashboard::watch-dashboard",
        *(
            f"{parent}${ALARM}::watch-{name}"
            for name in (
                "api-errors",
                "api-function-errors",
                "api-function-throttles",
                "api-latency",
                "database-capacity",
                "database-connections",
                "dead-letters",
                "queue-age",
                "rate-limits-throttled",
                "reaper-function-errors",
                "reaper-function-throttles",
                "reaper-leaks",
                "reaper-silence",
            )
        ),
        f"{parent}$aws:kms/key:Key::watch-key",
        f"{parent}$aws:sns/topic:Topic::watch-topic",
        f"{parent}$aws:sns/topicPolicy:TopicPolicy::watch-topic-policy",
        f"{parent}$aws:sns/topicSubscription:TopicSubscription::watch-to-on-call-example-com-c63654f3",
        f"{parent}::watch",
    ]


def test_what_is_not_given_is_not_watched() -> None:
    names = [resource.name for resource in deploy(lambda: Observability("watch", LEAST)).resources]
    assert sorted(names) == [
        "watch",
        "watch-api-function-errors",
        "watch-api-function-throttles",
        "watch-dashboard",
        "watch-key",
        "watch-topic",
        "watch-topic-policy",
    ]


def test_only_alarms_and_budgets_of_the_account_publish_and_only_over_tls(manifest: Manifest) -> None:
    policy = inputs(manifest, "aws:sns/topicPolicy:TopicPolicy", "watch-topic-policy")
    assert policy["arn"] == TOPIC_ARN

    def allowed(service: str, source: str) -> dict[str, Any]:
        return {
            "Effect": "Allow",
            "Principal": {"Service": service},
            "Action": "sns:Publish",
            "Resource": TOPIC_ARN,
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "111111111111"},
                "ArnLike": {"aws:SourceArn": source},
            },
        }

    def denied(key: str) -> dict[str, Any]:
        return {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "sns:Publish",
            "Resource": TOPIC_ARN,
            "Condition": {"Bool": {key: "false"}},
        }

    assert json.loads(policy["policy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            allowed("budgets.amazonaws.com", "arn:aws:budgets::111111111111:*"),
            allowed("cloudwatch.amazonaws.com", "arn:aws:cloudwatch:eu-central-1:111111111111:alarm:*"),
            denied("aws:PrincipalIsAWSService"),
            denied("aws:SecureTransport"),
        ],
    }


def test_the_topic_is_encrypted_with_a_key_that_both_publishers_may_use(manifest: Manifest) -> None:
    assert inputs(manifest, "aws:sns/topic:Topic", "watch-topic") == {
        "name": "plinth-test-watch",
        "kmsMasterKeyId": KEY_ARN,
    }
    key = inputs(manifest, "aws:kms/key:Key", "watch-key")
    assert json.loads(key.pop("policy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
                "Action": "kms:*",
                "Resource": "*",
            },
            *(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}},
                }
                for service in ("budgets.amazonaws.com", "cloudwatch.amazonaws.com")
            ),
        ],
    }
    assert key == {
        "description": "The messages of plinth-test-watch",
        "enableKeyRotation": True,
        "deletionWindowInDays": 7,
    }


def test_an_address_is_subscribed_to_the_topic(manifest: Manifest) -> None:
    type_, name = "aws:sns/topicSubscription:TopicSubscription", "watch-to-on-call-example-com-c63654f3"
    assert inputs(manifest, type_, name) == {
        "topic": TOPIC_ARN,
        "protocol": "email",
        "endpoint": "on-call@example.com",
    }


def test_the_budget_is_the_stacks_and_tells_of_what_was_spent_and_what_will_be(manifest: Manifest) -> None:
    def told(kind: str, percent: int) -> dict[str, Any]:
        return {
            "comparisonOperator": "GREATER_THAN",
            "notificationType": kind,
            "threshold": percent,
            "thresholdType": "PERCENTAGE",
            "subscriberSnsTopicArns": [TOPIC_ARN],
        }

    assert inputs(manifest, "aws:budgets/budget:Budget", "watch-budget") == {
        "name": "plinth-test-watch",
        "accountId": "111111111111",
        "budgetType": "COST",
        "timeUnit": "MONTHLY",
        "limitAmount": "250.00",
        "limitUnit": "USD",
        "costFilters": [{"name": "TagKeyValue", "values": ["user:plinth:stack$test"]}],
        "notifications": [told("ACTUAL", 80), told("FORECASTED", 100)],
    }
    budget = resource(manifest, "aws:budgets/budget:Budget", "watch-budget")
    assert names_of(budget) == {"watch-topic", "watch-topic-policy"}


RATE = "IF(errors >= 5, 100 * errors / requests, 0)"
WRITER = {"DBClusterIdentifier": "app-database", "Role": "WRITER"}
SERVICE = {"stack": "test", "service": "app-reaper"}

TABLE: dict[str, tuple[Any, ...]] = {
    # name: (namespace, metric, dimensions, statistic, comparison, threshold, period, periods, missing)
    "api-latency": ("AWS/ApiGateway", "Latency", {"ApiId": "a1b2c3"}, "p95", ">", 1500, 300, 3, FINE),
    "api-function-errors": ("AWS/Lambda", "Errors", {"FunctionName": "app-api"}, "Sum", ">", 0, 300, 1, FINE),
    "reaper-function-errors": ("AWS/Lambda", "Errors", {"FunctionName": "app-reaper"}, "Sum", ">", 0, 300, 1, FINE),
    "api-function-throttles": ("AWS/Lambda", "Throttles", {"FunctionName": "app-api"}, "Sum", ">", 0, 300, 2, FINE),
    "reaper-function-throttles": (
        *("AWS/Lambda", "Throttles", {"FunctionName": "app-reaper"}, "Sum"),
        *(">", 0, 300, 2, FINE),
    ),
    "dead-letters": (
        *("AWS/SQS", "ApproximateNumberOfMessagesVisible", {"QueueName": "app-runs-dead-letters"}, "Maximum"),
        *(">", 0, 300, 1, FINE),
    ),
    "queue-age": (
        *("AWS/SQS", "ApproximateAgeOfOldestMessage", {"QueueName": "app-runs"}, "Maximum"),
        *(">", 1800, 300, 1, FINE),
    ),
    "reaper-leaks": ("Plinth", "SandboxesLeft", SERVICE, "Minimum", ">", 0, 600, 3, UNCHANGED),
    "reaper-silence": ("AWS/Lambda", "Invocations", {"FunctionName": "app-reaper"}, "Sum", "<", 1, 600, 3, BAD),
    "database-capacity": ("AWS/RDS", "ACUUtilization", WRITER, "Average", ">=", 95, 300, 3, FINE),
    "database-connections": ("AWS/RDS", "DatabaseConnections", WRITER, "Maximum", ">", 160, 300, 2, FINE),
    "rate-limits-throttled": (
        *("AWS/ElastiCache", "ThrottledCmds", {"clusterId": "app-rate-limits"}, "Sum"),
        *(">", 0, 300, 2, FINE),
    ),
}
SIGNS = {
    "GreaterThanThreshold": ">",
    "GreaterThanOrEqualToThreshold": ">=",
    "LessThanThreshold": "<",
}


@pytest.mark.parametrize("name", TABLE)
def test_each_alarm_looks_at_its_metric_and_rings_as_the_table_says(manifest: Manifest, name: str) -> None:
    alarm = inputs(manifest, ALARM, f"watch-{name}")
    assert (
        alarm["namespace"],
        alarm["metricName"],
        alarm["dimensions"],
        alarm.get("statistic") or alarm["extendedStatistic"],
        SIGNS[alarm["comparisonOperator"]],
        alarm["threshold"],
        alarm["period"],
        alarm["evaluationPeriods"],
        alarm["treatMissingData"],
    ) == TABLE[name]


def test_the_rate_of_errors_is_computed_of_both_counts(manifest: Manifest) -> None:
    alarm = inputs(manifest, ALARM, "watch-api-errors")
    assert alarm.pop("alarmDescription").startswith("More than 1 % of the requests in five minutes ended as 5xx.")

    def counted(id_: str, metric: str) -> dict[str, Any]:
        return {
            "id": id_,
            "returnData": False,
            "metric": {
                "namespace": "AWS/ApiGateway",
                "metricName": metric,
                "dimensions": {"ApiId": "a1b2c3"},
                "period": 300,
                "stat": "Sum",
            },
        }

    assert alarm == {
        "name": "plinth-test-watch-api-errors",
        "comparisonOperator": "GreaterThanThreshold",
        "threshold": 1,
        "evaluationPeriods": 1,
        "treatMissingData": "notBreaching",
        "alarmActions": [TOPIC_ARN],
        "okActions": [TOPIC_ARN],
        "metricQueries": [
            counted("errors", "5xx"),
            counted("requests", "Count"),
            {"id": "computed", "expression": RATE, "label": "api-errors", "returnData": True},
        ],
    }


def test_every_alarm_tells_when_it_rings_and_when_it_is_over(manifest: Manifest) -> None:
    told = [inputs(manifest, ALARM, alarm.name) for alarm in manifest.of_type(ALARM)]
    assert len(told) == len(TABLE) + 1
    assert [(alarm["alarmActions"], alarm["okActions"]) for alarm in told] == [([TOPIC_ARN], [TOPIC_ARN])] * len(told)


def test_percentiles_of_a_handful_of_requests_ring_nothing(manifest: Manifest) -> None:
    assert inputs(manifest, ALARM, "watch-api-latency")["evaluateLowSampleCountPercentiles"] == "ignore"


@pytest.mark.parametrize(("minutes", "period"), [(1, 300), (5, 300), (10, 600), (60, 3600)])
def test_at_least_one_pass_of_the_reaper_falls_into_each_period(minutes: int, period: int) -> None:
    watched = Watched(region="r", stack="s", functions={"reaper": "f"}, reaper="reaper", reaper_minutes=minutes)
    assert {alarm.period for alarm in alarms(watched) if alarm.name.startswith("reaper-") and alarm.periods == 3} == {
        period
    }


def test_every_alarm_is_in_the_operations_manual(manifest: Manifest) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operations.md").read_text()
    section = manual.partition("\n## Alarms\n")[2].partition("\n## ")[0]
    labels = ("api-function-", "reaper-function-")
    names = {alarm.name.removeprefix("watch-") for alarm in manifest.of_type(ALARM)}
    written = {
        f"<function>-function-{name.partition('-function-')[2]}" if name.startswith(labels) else name for name in names
    }
    rows = {line.split("`")[1] for line in section.splitlines() if line.startswith("| `")}
    assert rows == {*written, "budget"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"region": "eu"}, "region is 'eu': give a region such as 'eu-central-1'."),
        ({"account_id": "1"}, "account_id is '1': give the 12 digits of an AWS account, in quotes."),
        ({"api_latency_ms": 0}, "api_latency_ms is 0: give a whole number, 1 or more."),
        ({"queue_age_seconds": 0.5}, "queue_age_seconds is 0.5: give a whole number, 1 or more."),
        ({"database_max_capacity": 0}, "database_max_capacity is 0: give a finite number above 0."),
        (
            {"functions": {"The API": "f"}},
            "functions is {'The API': 'f'}: give labels of lower-case letters, digits and hyphens, such as 'api'.",
        ),
        ({"reaper": "broom"}, "reaper is 'broom': give the label of one of its functions (api)."),
        ({"reaper_minutes": 61}, "reaper_minutes is 61: give a whole number from 1 to 60."),
        ({"api_error_percent": 0}, "api_error_percent is 0: give a finite number above 0."),
        ({"database_connections": 0}, "database_connections is 0: give a whole number, 1 or more."),
        ({"monthly_budget_usd": -1}, "monthly_budget_usd is -1: give a finite number above 0, or None."),
        ({"emails": ["ops"]}, "emails is ['ops']: give different addresses such as 'on-call@example.com'."),
        (
            {"emails": ["a@b.example", "a@b.example"]},
            "emails is ['a@b.example', 'a@b.example']: give different addresses such as 'on-call@example.com'.",
        ),
    ],
)
def test_a_wrong_argument_is_told_with_what_to_give(args: dict[str, Any], message: str) -> None:
    wrong: Any = {**LEAST, **args}
    with pytest.raises(ProgramError) as told:
        deploy(lambda: Observability("watch", wrong))
    assert f"Observability 'watch': {message}" in str(told.value)
