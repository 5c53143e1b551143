"""A name that was there is the resource of that name, whatever its aliases say: two cannot change places."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """One waits, the other does not."""
    aws.sqs.Queue("first", delay_seconds=1)
    aws.sqs.Queue("second", delay_seconds=2)


def after() -> None:
    """Each says that it was the other one."""
    aws.sqs.Queue("first", delay_seconds=2, opts=pulumi.ResourceOptions(aliases=[pulumi.Alias("second")]))
    aws.sqs.Queue("second", delay_seconds=1, opts=pulumi.ResourceOptions(aliases=[pulumi.Alias("first")]))


CHANGES = ["update aws:sqs/queue:Queue first: delaySeconds", "update aws:sqs/queue:Queue second: delaySeconds"]
RISKS: list[str] = []
