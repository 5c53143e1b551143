"""A policy that is secret as a whole is not shown, and said not to have been judged."""

import json

import pulumi
import pulumi_aws as aws


def _document(*statements: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def _allow(actions: list[str], resource: str, **more: object) -> dict[str, object]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def _program(actions: list[str]) -> None:
    policy = pulumi.Output.secret(_document(_allow(actions, "arn:aws:sqs:eu-central-1:111111111111:runs")))
    aws.iam.RolePolicy("sender", role="sender", policy=policy)


def before() -> None:
    """One policy."""
    _program(["sqs:SendMessage"])


def after() -> None:
    """Another."""
    _program(["sqs:*"])


CHANGES: list[str] = ["update aws:iam/rolePolicy:RolePolicy sender: policy"]
RISKS: list[str] = ["access cannot-be-judged sender"]
