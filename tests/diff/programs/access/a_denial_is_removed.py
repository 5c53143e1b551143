"""What was denied and is no longer has become possible."""

from tests.support.roles import allow, role


def before() -> None:
    """Everything but emptying the queue."""
    role(
        "worker",
        allow(["sqs:*"], "arn:aws:sqs:eu-central-1:111111111111:runs"),
        {"Effect": "Deny", "Action": "sqs:PurgeQueue", "Resource": "*"},
    )


def after() -> None:
    """Everything."""
    role("worker", allow(["sqs:*"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[1]"]
RISKS: list[str] = ["access iam-widened worker-policy"]
