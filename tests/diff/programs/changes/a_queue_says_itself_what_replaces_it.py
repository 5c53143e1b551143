"""A program may have a resource made anew for what could be changed in place, and so on down the chain."""

import pulumi
import pulumi_aws as aws


def _queues(delay: int) -> None:
    jobs = aws.sqs.Queue("jobs", delay_seconds=delay, opts=pulumi.ResourceOptions(replace_on_changes=["delaySeconds"]))
    tags = pulumi.ResourceOptions(replace_on_changes=["tags"])
    aws.sns.Topic("alarms", tags={"queue": jobs.url}, opts=tags)
    aws.sns.Topic("news", tags={"queue": jobs.url})


def before() -> None:
    """A second."""
    _queues(1)


def after() -> None:
    """Two."""
    _queues(2)


CHANGES = [
    "replace aws:sns/topic:Topic alarms: tags.queue!",
    "replace aws:sqs/queue:Queue jobs: delaySeconds!",
    "update aws:sns/topic:Topic news: tags.queue",
]
RISKS = ["data-loss replaced jobs"]
