"""What was denied and is no longer has become possible."""

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
    """Everything but emptying the queue."""
    _role(
        "worker",
        _allow(["sqs:*"], "arn:aws:sqs:eu-central-1:111111111111:runs"),
        {"Effect": "Deny", "Action": "sqs:PurgeQueue", "Resource": "*"},
    )


def after() -> None:
    """Everything."""
    _role("worker", _allow(["sqs:*"], "arn:aws:sqs:eu-central-1:111111111111:runs"))


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy worker-policy: policy.Statement[1]"]
RISKS: list[str] = ["access iam-widened worker-policy"]
