"""An alias that names the parent of before finds the resource, also as that parent is renamed."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """The queue is in one component."""
    old = pulumi.ComponentResource("test:index:Old", "old", {})
    aws.sqs.Queue("jobs", opts=pulumi.ResourceOptions(parent=old))


def after() -> None:
    """It is in another one; the first goes by another name now."""
    old = pulumi.ComponentResource(
        "test:index:Old", "older", {}, pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")])
    )
    new = pulumi.ComponentResource("test:index:New", "new", {})
    aws.sqs.Queue("jobs", opts=pulumi.ResourceOptions(parent=new, aliases=[pulumi.Alias(parent=old)]))


CHANGES = ["rename aws:sqs/queue:Queue jobs"]
RISKS: list[str] = []
