"""The same permission under fewer conditions is wider."""

from tests.support.roles import allow, role


def before() -> None:
    """Only with the team's tag."""
    tagged = {"StringEquals": {"aws:ResourceTag/team": "runs"}}
    role("worker", allow(["sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs", Condition=tagged))


def after() -> None:
    """With any."""
    role("worker", allow(["sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[0].Condition"]
RISKS: list[str] = ["access iam-widened worker-policy"]
