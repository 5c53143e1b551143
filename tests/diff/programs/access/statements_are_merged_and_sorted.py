"""The same permissions in fewer statements, in another order, open nothing."""

from tests.support.roles import allow, role


def before() -> None:
    """Three statements."""
    role(
        "worker",
        allow(["sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"),
        allow(["sqs:DeleteMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"),
        allow(["s3:GetObject"], "arn:aws:s3:::plinth/*"),
    )


def after() -> None:
    """Two."""
    role(
        "worker",
        allow(["s3:GetObject"], "arn:aws:s3:::plinth/*"),
        allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"),
    )


CHANGES: list[str] = [
    "update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[1], policy.Statement[1].Action"
]
RISKS: list[str] = []
