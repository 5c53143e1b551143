"""A resource whose name is the URN of another: each change is told of the one it happens to."""

import pulumi_aws as aws

_URN = "urn:pulumi:test::plinth::aws:sqs/queue:Queue::jobs"


def before() -> None:
    """Two queues."""
    aws.sqs.Queue("jobs", visibility_timeout_seconds=30)
    aws.sqs.Queue(_URN, visibility_timeout_seconds=30)


def after() -> None:
    """Only the one that is called by the URN waits longer."""
    aws.sqs.Queue("jobs", visibility_timeout_seconds=30)
    aws.sqs.Queue(_URN, visibility_timeout_seconds=60)


CHANGES = [f"update aws:sqs/queue:Queue {_URN}: visibilityTimeoutSeconds"]
RISKS: list[str] = []
