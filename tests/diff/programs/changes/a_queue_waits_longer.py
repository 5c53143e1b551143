"""One property of one resource changes."""

import pulumi_aws as aws


def before() -> None:
    """Messages stay hidden for half a minute."""
    aws.sqs.Queue("jobs", visibility_timeout_seconds=30)


def after() -> None:
    """Messages stay hidden for a minute."""
    aws.sqs.Queue("jobs", visibility_timeout_seconds=60)


CHANGES = ["update aws:sqs/queue:Queue jobs: visibilityTimeoutSeconds"]
RISKS: list[str] = []
