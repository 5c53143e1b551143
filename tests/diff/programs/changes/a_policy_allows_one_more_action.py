"""A policy is compared as JSON: an action that is added is one change, whatever the text looks like."""

import json

import pulumi_aws as aws


def _policy(actions: str | list[str], indent: int | None = None) -> str:
    statements = [{"Sid": "Send", "Effect": "Allow", "Action": actions, "Resource": "arn:aws:sqs:eu-central-1:1:jobs"}]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=indent)


def before() -> None:
    """One action, as a string, on one line."""
    aws.iam.RolePolicy("jobs", role="jobs", policy=_policy("sqs:SendMessage"))


def after() -> None:
    """Two actions, as a list, on many lines."""
    aws.iam.RolePolicy("jobs", role="jobs", policy=_policy(["sqs:GetQueueUrl", "sqs:SendMessage"], indent=2))


CHANGES = ["update aws:iam/rolePolicy:RolePolicy jobs: policy.Statement[Send].Action"]
RISKS = ["access iam-widened jobs"]
