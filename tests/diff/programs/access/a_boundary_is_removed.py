"""Without its permissions boundary a role may do all that its policies allow."""

import json

import pulumi_aws as aws


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def before() -> None:
    """A boundary."""
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    aws.iam.Role(
        "worker",
        assume_role_policy=_document(trusted),
        permissions_boundary="arn:aws:iam::111111111111:policy/boundary",
    )


def after() -> None:
    """None."""
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    aws.iam.Role("worker", assume_role_policy=_document(trusted))


CHANGES: list[str] = ["update aws:iam/role:Role worker: permissionsBoundary"]
RISKS: list[str] = ["access iam-widened worker"]
