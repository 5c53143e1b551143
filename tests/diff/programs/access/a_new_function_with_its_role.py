"""What a new role may do is new, and said once."""

import pulumi_aws as aws

from tests.support.roles import allow, role


def before() -> None:
    """No roles."""
    aws.sqs.Queue("runs", name="runs")


def after() -> None:
    """A role for a worker."""
    aws.sqs.Queue("runs", name="runs")
    role("worker", allow(["sqs:ReceiveMessage", "sqs:DeleteMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


CHANGES: list[str] = ["create aws:iam/role:Role worker", "create aws:iam/rolePolicy:RolePolicy worker-policy"]
RISKS: list[str] = ["access iam-widened worker"]
