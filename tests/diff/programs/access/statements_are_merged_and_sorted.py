"""The same permissions in fewer statements, in another order, open nothing."""

import json

import pulumi_aws as aws


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def _role(name: str, *statements: dict[str, object]) -> aws.iam.Role:
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    role = aws.iam.Role(name, name=f"plinth-{name}", assume_role_policy=_document(trusted))
    if statements:
        aws.iam.RolePolicy(f"{name}-policy", role=role.name, policy=_document(*statements))
    return role


def _allow(actions: list[str], resource: str, **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def before() -> None:
    """Three statements."""
    _role(
        "worker",
        _allow(["sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"),
        _allow(["sqs:DeleteMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"),
        _allow(["s3:GetObject"], "arn:aws:s3:::plinth/*"),
    )


def after() -> None:
    """Two."""
    _role(
        "worker",
        _allow(["s3:GetObject"], "arn:aws:s3:::plinth/*"),
        _allow(["sqs:DeleteMessage", "sqs:ReceiveMessage"], "arn:aws:sqs:eu-central-1:111111111111:runs"),
    )


CHANGES: list[str] = [
    "update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[1], policy.Statement[1].Action"
]
RISKS: list[str] = []
