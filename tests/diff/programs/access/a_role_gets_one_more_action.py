"""A statement that gains an action opens access by that action alone."""

from tests.support.roles import allow, role


def before() -> None:
    """The worker takes messages."""
    role("worker", allow(["sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


def after() -> None:
    """It may empty the queue as well."""
    role("worker", allow(["sqs:ReceiveMessage", "sqs:PurgeQueue"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[0].Action"]
RISKS: list[str] = ["access iam-widened worker-policy"]
