"""A new name with an alias for the old one is the same resource."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """The queue is called jobs."""
    aws.sqs.Queue("jobs", visibility_timeout_seconds=30)


def after() -> None:
    """It is called work, and says that it was jobs."""
    aws.sqs.Queue(
        "work", visibility_timeout_seconds=30, opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="jobs")])
    )


CHANGES = ["rename aws:sqs/queue:Queue work"]
RISKS: list[str] = []
