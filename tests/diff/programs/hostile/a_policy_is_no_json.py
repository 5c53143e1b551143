"""Policies that are no JSON are compared as texts, and said to be beyond judging where they say anything."""

import pulumi_aws as aws

_ROLE = "arn:aws:iam::123456789012:role/reader"


def before() -> None:
    """Three broken policies."""
    aws.iam.RolePolicy("cut", role="reader", policy='{"Statement": [{"Effect": "Allow"')
    aws.iam.RolePolicy("list", role="reader", policy='["Statement"]')
    aws.iam.RolePolicy("empty", role="reader", policy="")


def after() -> None:
    """They are broken otherwise."""
    aws.iam.RolePolicy("cut", role="reader", policy='{"Statement": [{"Effect": "Deny"')
    aws.iam.RolePolicy("list", role="reader", policy='["Statement", null, 1e999]')
    aws.iam.RolePolicy("empty", role="reader", policy=" ")


CHANGES = [
    "update aws:iam/rolePolicy:RolePolicy cut: policy",
    "update aws:iam/rolePolicy:RolePolicy empty: policy",
    "update aws:iam/rolePolicy:RolePolicy list: policy[1], policy[2]",
]
RISKS = ["access cannot-be-judged cut"]
