"""A statement that loses an action opens nothing."""

from tests.support.roles import allow, role


def before() -> None:
    """The worker may empty the queue."""
    role("worker", allow(["sqs:ReceiveMessage", "sqs:PurgeQueue"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


def after() -> None:
    """It may only take messages."""
    role("worker", allow(["sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[0].Action"]
RISKS: list[str] = []
