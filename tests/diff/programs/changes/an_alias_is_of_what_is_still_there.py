"""What goes on under its own name cannot be another resource as well: Pulumi refuses the program."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """One queue."""
    aws.sqs.Queue("jobs")


def after() -> None:
    """It is still there, and a new one says that it is that."""
    aws.sqs.Queue("jobs")
    aws.sqs.Queue("work", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias("jobs")]))


CHANGES = ["create aws:sqs/queue:Queue work"]
RISKS: list[str] = []
