"""A policy that is written in another resource for the same role opens nothing."""

import json

import pulumi_aws as aws

_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "lambda.amazonaws.com"},
        },
    }
)
_TAKES = {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "arn:aws:sqs:eu-central-1:111111111111:runs"}


def _document(*statements: dict[str, str]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def before() -> None:
    """An inline policy."""
    role = aws.iam.Role("worker", assume_role_policy=_TRUST)
    aws.iam.RolePolicy("worker-policy", role=role.name, policy=_document(_TAKES))


def after() -> None:
    """A managed policy of the stack's own, attached."""
    role = aws.iam.Role("worker", assume_role_policy=_TRUST)
    policy = aws.iam.Policy("worker-takes", policy=_document(_TAKES))
    aws.iam.RolePolicyAttachment("worker-takes", role=role.name, policy_arn=policy.arn)


CHANGES: list[str] = [
    "delete aws:iam/rolePolicy:RolePolicy worker-policy",
    "create aws:iam/policy:Policy worker-takes",
    "create aws:iam/rolePolicyAttachment:RolePolicyAttachment worker-takes",
]
RISKS: list[str] = []
