"""A resource that is renamed and changed at once is both."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """The queue is called jobs."""
    aws.sqs.Queue("jobs", visibility_timeout_seconds=30)


def after() -> None:
    """It is called work, by its URN of before, and waits longer."""
    former = "urn:pulumi:test::plinth::aws:sqs/queue:Queue::jobs"
    aws.sqs.Queue("work", visibility_timeout_seconds=60, opts=pulumi.ResourceOptions(aliases=[former]))


CHANGES = ["renamed update aws:sqs/queue:Queue work: visibilityTimeoutSeconds"]
RISKS: list[str] = []
