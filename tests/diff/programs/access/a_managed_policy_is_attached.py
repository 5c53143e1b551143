"""A policy of AWS's own gives what nobody here can read; some give everything."""

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


def before() -> None:
    """A role without permissions."""
    _role("worker")


def after() -> None:
    """Two of AWS's policies."""
    role = _role("worker")
    for name in ("AdministratorAccess", "AWSXRayDaemonWriteAccess"):
        aws.iam.RolePolicyAttachment(name, role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{name}")


CHANGES: list[str] = [
    "create aws:iam/rolePolicyAttachment:RolePolicyAttachment AWSXRayDaemonWriteAccess",
    "create aws:iam/rolePolicyAttachment:RolePolicyAttachment AdministratorAccess",
]
RISKS: list[str] = ["access iam-any-resource AdministratorAccess", "access iam-widened AWSXRayDaemonWriteAccess"]
