"""A permission on the same queue under another name on AWS is the same permission."""

import json

import pulumi_aws as aws


def _program(physical: str) -> None:
    queue = aws.sqs.Queue("runs", name=physical)
    policy = queue.arn.apply(
        lambda arn: json.dumps(
            {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}}
        )
    )
    aws.iam.RolePolicy("sender", role="sender", policy=policy)


def before() -> None:
    """One name."""
    _program("runs")


def after() -> None:
    """Another."""
    _program("runs-of-all-teams")


CHANGES: list[str] = [
    "replace aws:sqs/queue:Queue runs: name!",
    "update aws:iam/rolePolicy:RolePolicy sender: policy.Statement[0].Resource",
]
RISKS: list[str] = ["data-loss replaced runs"]
