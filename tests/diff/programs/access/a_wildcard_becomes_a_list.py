"""An explicit list in the place of a wildcard is narrower, though every line of it is new."""

from tests.support.roles import allow, role


def before() -> None:
    """All actions of a service."""
    role("worker", allow(["sqs:*"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


def after() -> None:
    """The two that are used."""
    role("worker", allow(["sqs:ReceiveMessage", "sqs:DeleteMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[0].Action"]
RISKS: list[str] = []
