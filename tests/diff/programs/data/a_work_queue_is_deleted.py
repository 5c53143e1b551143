"""A queue goes with the messages in it, and so does the one with those that failed."""

from components.work_queue import WorkQueue


def before() -> None:
    """A queue with its dead letters."""
    WorkQueue("runs", {})


def after() -> None:
    """None."""


CHANGES = [
    "delete aws:sqs/queue:Queue runs",
    "delete aws:sqs/queue:Queue runs-dead-letters",
    "delete aws:sqs/queuePolicy:QueuePolicy runs-dead-letters-policy",
    "delete aws:sqs/queuePolicy:QueuePolicy runs-policy",
    "delete aws:sqs/redriveAllowPolicy:RedriveAllowPolicy runs-dead-letters-source",
]
RISKS = ["data-loss deleted runs", "data-loss deleted runs-dead-letters"]
