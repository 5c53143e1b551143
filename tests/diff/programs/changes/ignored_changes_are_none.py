"""What the program ignores, Pulumi leaves as it is: at any depth, and by position or key."""

import pulumi
import pulumi_aws as aws


def _queue(delay: int, team: str, cost: str, *, ignored: list[str] | None = None) -> None:
    aws.sqs.Queue(
        "jobs",
        delay_seconds=delay,
        tags={"team": team, "cost centre": cost, "stage": "test"},
        opts=pulumi.ResourceOptions(ignore_changes=ignored or []),
    )


def before() -> None:
    """Some values."""
    _queue(1, "blue", "17")


def after() -> None:
    """Others, two of which are ignored."""
    _queue(2, "green", "18", ignored=["delaySeconds", 'tags["cost centre"]'])


CHANGES = ["update aws:sqs/queue:Queue jobs: tags.team"]
RISKS: list[str] = []
