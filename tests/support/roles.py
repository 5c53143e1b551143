"""Roles of programs, with the policies that say what they may do."""

import json

import pulumi_aws as aws


def document(*statements: dict[str, object]) -> str:
    """A policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def role(name: str, *statements: dict[str, object]) -> aws.iam.Role:
    """A role of Lambda functions and, where there are statements, the policy `name-policy` of it."""
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    made = aws.iam.Role(name, name=f"plinth-{name}", assume_role_policy=document(trusted))
    if statements:
        aws.iam.RolePolicy(f"{name}-policy", role=made.name, policy=document(*statements))
    return made


def allow(actions: list[str], resource: str, **more: object) -> dict[str, object]:
    """A statement that allows these actions on that."""
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}
