"""Without its permissions boundary a role may do all that its policies allow."""

import pulumi_aws as aws

from tests.support.roles import document


def before() -> None:
    """A boundary."""
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    aws.iam.Role(
        "worker",
        assume_role_policy=document(trusted),
        permissions_boundary="arn:aws:iam::111111111111:policy/boundary",
    )


def after() -> None:
    """None."""
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    aws.iam.Role("worker", assume_role_policy=document(trusted))


CHANGES: list[str] = ["update aws:iam/role:Role worker: permissionsBoundary"]
RISKS: list[str] = ["access iam-widened worker"]
