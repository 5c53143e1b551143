"""A resource that had no parent says so with an alias, and is the same one."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """The queue stands by itself."""
    aws.sqs.Queue("jobs")


def after() -> None:
    """It is in a component."""
    component = pulumi.ComponentResource("test:index:Jobs", "work", {})
    alias = pulumi.Alias(parent=pulumi.ROOT_STACK_RESOURCE)
    aws.sqs.Queue("jobs", opts=pulumi.ResourceOptions(parent=component, aliases=[alias]))


CHANGES = ["rename aws:sqs/queue:Queue jobs"]
RISKS: list[str] = []
