"""A policy that is secret as a whole is not shown, and said not to have been judged."""

import pulumi
import pulumi_aws as aws

from tests.support.roles import allow, document


def _program(actions: list[str]) -> None:
    policy = pulumi.Output.secret(document(allow(actions, "arn:aws:sqs:eu-central-1:111111111111:runs")))
    aws.iam.RolePolicy("sender", role="sender", policy=policy)


def before() -> None:
    """One policy."""
    _program(["sqs:SendMessage"])


def after() -> None:
    """Another."""
    _program(["sqs:*"])


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy sender: policy"]
RISKS: list[str] = ["access cannot-be-judged sender"]
