"""What is in a component that goes, goes too; another one comes."""

import pulumi_aws as aws

from components.work_queue import WorkQueue


def before() -> None:
    """A component with two queues in it, and a topic beside it."""
    WorkQueue("runs", {})
    aws.sns.Topic("alarms")


def after() -> None:
    """Only the topic, and a group for logs."""
    aws.sns.Topic("alarms")
    aws.cloudwatch.LogGroup("jobs", name="jobs")


CHANGES = [
    "delete aws:sqs/queue:Queue runs",
    "delete aws:sqs/queue:Queue runs-dead-letters",
    "delete aws:sqs/queuePolicy:QueuePolicy runs-dead-letters-policy",
    "delete aws:sqs/queuePolicy:QueuePolicy runs-policy",
    "delete aws:sqs/redriveAllowPolicy:RedriveAllowPolicy runs-dead-letters-source",
    "create aws:cloudwatch/logGroup:LogGroup jobs",
]
RISKS = ["data-loss deleted runs", "data-loss deleted runs-dead-letters"]
