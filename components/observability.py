"""What tells people that a stack is unwell: alarms, a budget and a dashboard, and the one topic that carries them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NotRequired, cast

import pulumi
import pulumi_aws as aws

from components.alarms import Alarm, alarms
from components.component import Component, ComponentArgs
from components.dashboard import dashboard
from components.metrics import Metric, Watched
from components.naming import bounded, physical_name
from components.rules import (
    EMAIL,
    Rule,
    above_zero,
    account,
    check,
    demand,
    different,
    each_like,
    or_none,
    region,
    whole,
)
from components.transport import denied_in_the_clear

RUNBOOK = "docs/operations.md, section Alarms"
"""Where each alarm is explained."""

_PUBLISHERS = ("budgets", "cloudwatch")
"""The services that may publish, by the beginning of their principals."""


class ObservabilityArgs(ComponentArgs):
    region: str
    """The AWS region of what is watched, such as `eu-central-1`."""

    account_id: str
    """The AWS account, 12 digits: only its alarms and budgets may publish."""

    functions: Mapping[str, pulumi.Input[str]]
    """The functions to watch: what to call each in the alarms' names, such as `api`, to its name on AWS. Caution: with
    another label the alarm is another one, and the history of the old one is gone."""

    api_id: NotRequired[pulumi.Input[str]]
    """The HTTP API to watch. Default none."""

    queue_name: NotRequired[pulumi.Input[str]]
    """The queue whose oldest message is watched. Default none."""

    dead_letters_name: NotRequired[pulumi.Input[str]]
    """The dead-letter queue that should be empty. Default none."""

    database_cluster: NotRequired[pulumi.Input[str]]
    """The identifier of the Aurora Serverless v2 cluster to watch. Default none."""

    database_max_capacity: NotRequired[float]
    """Capacity units that the database can grow to: a line in the dashboard. Default none."""

    database_connections: NotRequired[int]
    """Connections that the database's clients may hold together; the alarm rings at four fifths. Default no alarm."""

    rate_limit_store: NotRequired[pulumi.Input[str]]
    """The name of the serverless cache to watch. Default none."""

    reaper: NotRequired[str]
    """The label, among `functions`, of the one that clears up after others: it must run and leave nothing. Default
    none."""

    reaper_minutes: NotRequired[int]
    """Minutes from one pass of the reaper to the next, 1 to 60. Default 1. It is missed after a quarter of an hour or
    three passes, whichever is longer."""

    metrics_namespace: NotRequired[str]
    """The CloudWatch namespace of the service's own metrics. Default `Plinth`."""

    api_error_percent: NotRequired[float]
    """Percentage of requests, more than 0, that may end as 5xx before the alarm rings, five of them at least. Default
    1."""

    api_latency_ms: NotRequired[int]
    """Milliseconds that 95 of 100 requests have to be answered within. Default 1500."""

    queue_age_seconds: NotRequired[int]
    """Seconds that a message may wait. Default 1800: more than twice the time after which a message whose worker was
    lost comes back."""

    emails: NotRequired[Sequence[str]]
    """Addresses to tell. Each gets a message with a link, and nothing else until it is followed. Default none."""

    monthly_budget_usd: NotRequired[float | None]
    """What the stack may cost in a month, in USD. Default none: no budget. Caution: AWS can only tell the stack's
    costs apart once the tag `plinth:stack` has been activated as a cost allocation tag in the billing console."""


class Observability(Component):
    """Alarms on what is given, a monthly budget, a dashboard, and the encrypted topic that they are told through.

    Each alarm tells when it rings and when it is over. What is not given is not watched.

    Defaults: 1 % of 5xx, 1.5 seconds for 95 % of the requests, half an hour for a message; no addresses, no budget.
    Cost: 0.10 USD a month for each metric in an alarm, ten of them free; 3.00 for the dashboard, three of them free in
    an account; 1.00 for the key, and as much again for each of its first two yearly rotations (us-east-1). With five
    functions and all the rest that are 20 metrics: 1.00 to 2.00 for alarms, 2.00 to 6.00 USD in all, later 2 more.
    Budgets and the first thousand e-mails a month cost nothing.
    Security: nobody publishes but CloudWatch alarms and Budgets of this account, not even its administrators, and
    over TLS only. At rest the topic is encrypted with a key of its own, rotated each year: the key that AWS keeps for
    SNS lets neither service encrypt with it, and the messages would be lost without a word.
    """

    topic_arn: pulumi.Output[str]
    """The topic, for further subscriptions."""

    dashboard_name: pulumi.Output[str]
    """The dashboard."""

    alarm_names: pulumi.Output[Sequence[str]]
    """The alarms' names on AWS."""

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        _check(self._label, args)
        self._inside = pulumi.ResourceOptions(parent=self)
        account = args["account_id"]
        watched = _watched(args)

        key = aws.kms.Key(
            f"{name}-key",
            description=f"The messages of {physical_name(name)}",
            policy=_key_policy(account),
            enable_key_rotation=True,
            # Nothing that it encrypts outlives the day.
            deletion_window_in_days=7,
            opts=self._inside,
        )
        topic = aws.sns.Topic(f"{name}-topic", name=physical_name(name), kms_master_key_id=key.arn, opts=self._inside)
        heard = aws.sns.TopicPolicy(
            f"{name}-topic-policy",
            arn=topic.arn,
            policy=topic.arn.apply(lambda arn: _topic_policy(arn, args["region"], account)),
            opts=self._inside,
        )
        for email in args.get("emails", ()):
            aws.sns.TopicSubscription(
                f"{name}-to-{bounded(email, 60)}",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                opts=self._inside,
            )
        rows = alarms(watched)
        for alarm in rows:
            self._rings(name, alarm, topic)
        alarm_names = [_alarm_name(name, alarm) for alarm in rows]
        board = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=physical_name(name),
            dashboard_body=_dashboard_body(watched, [_alarm_arn(args, each) for each in alarm_names]),
            opts=self._inside,
        )
        if (limit := args.get("monthly_budget_usd")) is not None:
            self._is_afforded(name, account, limit, topic, heard)

        self.topic_arn = topic.arn
        self.dashboard_name = board.dashboard_name
        self.alarm_names = cast("pulumi.Output[Sequence[str]]", pulumi.Output.from_input(alarm_names))
        self.register_outputs(
            {
                "topic_arn": self.topic_arn,
                "dashboard_name": self.dashboard_name,
                "alarm_names": self.alarm_names,
            }
        )

    def _rings(self, name: str, alarm: Alarm, topic: aws.sns.Topic) -> None:
        aws.cloudwatch.MetricAlarm(
            f"{name}-{alarm.name}",
            name=_alarm_name(name, alarm),
            alarm_description=f"{alarm.meaning} First: {alarm.first} ({RUNBOOK})",
            comparison_operator=alarm.comparison,
            threshold=alarm.threshold,
            evaluation_periods=alarm.periods,
            treat_missing_data=alarm.missing,
            alarm_actions=[topic.arn],
            ok_actions=[topic.arn],
            opts=self._inside,
            **(_single(alarm, alarm.metric) if alarm.metric else _computed(alarm)),
        )

    def _is_afforded(
        self, name: str, account: str, limit: float, topic: aws.sns.Topic, heard: aws.sns.TopicPolicy
    ) -> None:
        """The budget of everything that carries the stack's tag: told at four fifths, and when it will not last."""
        aws.budgets.Budget(
            f"{name}-budget",
            name=physical_name(name),
            account_id=account,
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{limit:.2f}",
            limit_unit="USD",
            cost_filters=[
                aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:plinth:stack${pulumi.get_stack()}"])
            ],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_sns_topic_arns=[topic.arn],
                )
                for kind, percent in (("ACTUAL", 80), ("FORECASTED", 100))
            ],
            # Budgets asks, when it is made, whether it may publish.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[heard]),
        )


def _check(label: str, args: ObservabilityArgs) -> None:
    check(label, args, _RULES)
    if (reaper := args.get("reaper")) is not None:
        known = ", ".join(sorted(args["functions"]))
        demand(reaper in args["functions"], label, "reaper", reaper, f"the label of one of its functions ({known})")


def _are_labels(value: Any) -> bool:
    return all(re.fullmatch("[a-z][a-z0-9-]*", label) for label in value)


_RULES: Mapping[str, Rule] = {
    "region": region(),
    "account_id": account(),
    "functions": (_are_labels, "labels of lower-case letters, digits and hyphens, such as 'api'"),
    "reaper_minutes": whole(1, 60),
    "api_error_percent": above_zero(),
    "api_latency_ms": whole(1),
    "queue_age_seconds": whole(1),
    "database_max_capacity": above_zero(),
    "database_connections": whole(1),
    "monthly_budget_usd": or_none(above_zero()),
    "emails": different(each_like(EMAIL, "different addresses such as 'on-call@example.com'")),
}


def _watched(args: ObservabilityArgs) -> Watched:
    apart = ("account_id", "emails", "monthly_budget_usd", "adjust")
    given = {key: value for key, value in cast("Mapping[str, Any]", args).items() if key not in apart}
    return Watched(stack=pulumi.get_stack(), **given)


def _alarm_name(name: str, alarm: Alarm) -> str:
    return physical_name(f"{name}-{alarm.name}", 255)


def _alarm_arn(args: ObservabilityArgs, alarm_name: str) -> str:
    return f"arn:aws:cloudwatch:{args['region']}:{args['account_id']}:alarm:{alarm_name}"


def _single(alarm: Alarm, metric: Metric) -> dict[str, Any]:
    is_percentile = metric.statistic.startswith("p")
    return {
        "namespace": metric.namespace,
        "metric_name": metric.name,
        "dimensions": metric.dimensions,
        "period": alarm.period,
        "statistic": None if is_percentile else metric.statistic,
        "extended_statistic": metric.statistic if is_percentile else None,
        # The slowest of a handful of requests is not the slowest twentieth.
        "evaluate_low_sample_count_percentiles": "ignore" if is_percentile else None,
    }


def _computed(alarm: Alarm) -> dict[str, Any]:
    asked = [
        aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=id_,
            return_data=False,
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=metric.namespace,
                metric_name=metric.name,
                dimensions=metric.dimensions,
                period=alarm.period,
                stat=metric.statistic,
            ),
        )
        for id_, metric in (alarm.metrics or {}).items()
    ]
    computed = aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id="computed", expression=alarm.expression, label=alarm.name, return_data=True
    )
    return {"metric_queries": [*asked, computed]}


def _dashboard_body(watched: Watched, alarm_arns: Sequence[str]) -> pulumi.Output[str]:
    names: dict[str, Any] = {
        key: value
        for key, value in vars(watched).items()
        if key in ("functions", "api_id", "queue_name", "dead_letters_name", "database_cluster", "rate_limit_store")
    }
    return pulumi.Output.from_input(names).apply(
        lambda known: json.dumps(dashboard(replace(watched, **known), alarm_arns))
    )


def _key_policy(account: str) -> str:
    """The account's own policies decide who looks after the key; the two services may encrypt for this account."""
    services = [
        {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": ["kms:Decrypt", "kms:GenerateDataKey*"],
            # In a key's policy this means the key itself.
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:SourceAccount": account}},
        }
        for service in _PUBLISHERS
    ]
    own = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [own, *services]})


def _topic_policy(topic_arn: str, region: str, account: str) -> str:
    sources = {
        "budgets": f"arn:aws:budgets::{account}:*",
        "cloudwatch": f"arn:aws:cloudwatch:{region}:{account}:alarm:*",
    }
    allowed = [
        {
            "Effect": "Allow",
            "Principal": {"Service": f"{service}.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic_arn,
            "Condition": {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"aws:SourceArn": sources[service]},
            },
        }
        for service in _PUBLISHERS
    ]
    in_the_clear = denied_in_the_clear("sns:Publish", topic_arn)
    by_hand = {**in_the_clear, "Condition": {"Bool": {"aws:PrincipalIsAWSService": "false"}}}
    return json.dumps({"Version": "2012-10-17", "Statement": [*allowed, by_hand, in_the_clear]})
