"""A resource that no component holds any longer is found by the URN of the one that did."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """Two queues in a component, and a component inside it."""
    jobs = pulumi.ComponentResource("test:index:Jobs", "jobs", {})
    inner = pulumi.ComponentResource("test:index:Inner", "jobs-inner", {}, pulumi.ResourceOptions(parent=jobs))
    aws.sqs.Queue("jobs-one", opts=pulumi.ResourceOptions(parent=jobs))
    aws.sqs.Queue("jobs-two", opts=pulumi.ResourceOptions(parent=inner))


def after() -> None:
    """Both at the top, and the second by another name."""
    jobs = "urn:pulumi:test::plinth::test:index:Jobs::jobs"
    inner = "urn:pulumi:test::plinth::test:index:Jobs$test:index:Inner::jobs-inner"
    aws.sqs.Queue("jobs-one", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=jobs)]))
    aws.sqs.Queue("two", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="jobs-two", parent=inner)]))


CHANGES = ["rename aws:sqs/queue:Queue jobs-one", "rename aws:sqs/queue:Queue two"]
RISKS: list[str] = []
