"""Names that begin with their parent's follow it, level by level, and also where a child has an alias of its own."""

import pulumi
import pulumi_aws as aws


def _jobs(name: str, queue: str, outer: pulumi.ResourceOptions, inner: pulumi.ResourceOptions) -> None:
    jobs = pulumi.ComponentResource("test:index:Jobs", name, {}, outer)
    within = pulumi.ComponentResource(
        "test:index:Inner",
        f"{name}-inner",
        {},
        pulumi.ResourceOptions.merge(inner, pulumi.ResourceOptions(parent=jobs)),
    )
    aws.sqs.Queue(f"{name}-inner-dead", opts=pulumi.ResourceOptions(parent=within))
    aws.sqs.Queue(
        f"{name}-inner-{queue}",
        opts=pulumi.ResourceOptions(parent=within, aliases=[pulumi.Alias(f"{name}-inner-main")]),
    )
    aws.sqs.Queue("of-its-own-name", opts=pulumi.ResourceOptions(parent=jobs))


def before() -> None:
    """One name."""
    _jobs("jobs", "main", pulumi.ResourceOptions(), pulumi.ResourceOptions())


def after() -> None:
    """Another one, at the top and of one queue at the bottom."""
    _jobs("work", "first", pulumi.ResourceOptions(aliases=[pulumi.Alias("jobs")]), pulumi.ResourceOptions())


CHANGES = [
    "rename aws:sqs/queue:Queue work-inner-dead",
    "rename aws:sqs/queue:Queue work-inner-first",
]
RISKS: list[str] = []
