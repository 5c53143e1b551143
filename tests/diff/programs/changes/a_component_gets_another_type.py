"""An alias of another type on a component carries what is in it."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """The component's type is Jobs."""
    component = pulumi.ComponentResource("test:index:Jobs", "jobs", {})
    aws.sqs.Queue("jobs-queue", opts=pulumi.ResourceOptions(parent=component))


def after() -> None:
    """It is Work."""
    alias = pulumi.Alias(type_="test:index:Jobs")
    component = pulumi.ComponentResource("test:index:Work", "jobs", {}, pulumi.ResourceOptions(aliases=[alias]))
    aws.sqs.Queue("jobs-queue", opts=pulumi.ResourceOptions(parent=component))


CHANGES = ["rename aws:sqs/queue:Queue jobs-queue"]
RISKS: list[str] = []
