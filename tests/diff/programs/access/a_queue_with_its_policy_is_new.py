"""A queue that only denies what does not come over TLS opens nothing."""

from components.work_queue import WorkQueue


def before() -> None:
    """Nothing."""


def after() -> None:
    """A queue of the house."""
    WorkQueue("runs", {})


CHANGES: list[str] = [
    "create aws:sqs/queue:Queue runs",
    "create aws:sqs/queue:Queue runs-dead-letters",
    "create aws:sqs/queuePolicy:QueuePolicy runs-dead-letters-policy",
    "create aws:sqs/queuePolicy:QueuePolicy runs-policy",
    "create aws:sqs/redriveAllowPolicy:RedriveAllowPolicy runs-dead-letters-source",
]
RISKS: list[str] = []
