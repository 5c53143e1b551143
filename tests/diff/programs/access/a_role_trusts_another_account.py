"""A trust policy that admits more opens the role."""

import pulumi_aws as aws

from tests.support.roles import document


def before() -> None:
    """The account's own."""
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111111111111"}}
    aws.iam.Role("deploy", assume_role_policy=document(trusted))


def after() -> None:
    """And another."""
    trusted = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ["111111111111", "222222222222"]}}
    aws.iam.Role("deploy", assume_role_policy=document(trusted))


CHANGES: list[str] = ["update aws:iam/role:Role deploy: assumeRolePolicy.Statement[0].Principal.AWS"]
RISKS: list[str] = ["access iam-widened deploy"]
