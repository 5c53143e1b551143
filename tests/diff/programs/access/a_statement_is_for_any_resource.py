"""A permission without a resource and without a condition is pointed out by a rule of its own."""

from tests.support.roles import allow, role


def before() -> None:
    """One queue."""
    role("worker", allow(["sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


def after() -> None:
    """Any queue."""
    role("worker", allow(["sqs:ReceiveMessage"], "*"))


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[0].Resource"]
RISKS: list[str] = ["access iam-any-resource worker-policy"]
