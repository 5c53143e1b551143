"""So many changes that nobody reads them all."""

import pulumi_aws as aws


def before() -> None:
    """The first 800 of a thousand queues."""
    for number in range(800):
        aws.sqs.Queue(f"queue-{number:04}", visibility_timeout_seconds=30)


def after() -> None:
    """The last 800 of a thousand queues: 200 are gone, 200 are new, and the others wait longer."""
    for number in range(200, 1000):
        aws.sqs.Queue(f"queue-{number:04}", visibility_timeout_seconds=60)


CHANGES = [
    *(f"delete aws:sqs/queue:Queue queue-{number:04}" for number in range(200)),
    *(f"update aws:sqs/queue:Queue queue-{number:04}: visibilityTimeoutSeconds" for number in range(200, 800)),
    *(f"create aws:sqs/queue:Queue queue-{number:04}" for number in range(800, 1000)),
]
RISKS = [f"data-loss deleted queue-{number:04}" for number in range(200)]
