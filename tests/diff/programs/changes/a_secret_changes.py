"""A secret is compared without being seen."""

import pulumi
import pulumi_aws as aws


def _queues(secret: str) -> None:
    aws.sqs.Queue("jobs", tags={"key": pulumi.Output.secret(secret)})
    aws.sqs.Queue("runs", tags={"key": pulumi.Output.secret("stays-as-it-is")})


def before() -> None:
    """One value."""
    _queues("first-marker-of-a-secret")


def after() -> None:
    """Another one."""
    _queues("second-marker-of-a-secret")


CHANGES = ["update aws:sqs/queue:Queue jobs: tags.key"]
RISKS: list[str] = []
