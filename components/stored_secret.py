"""A secret whose value the program never sees: a function of the stack stores it, so that no state file holds it."""

import pulumi
import pulumi_aws as aws

from components.grants import Statement, allow
from components.naming import physical_name

RECOVERY_DAYS = 30
"""Days that AWS can bring a deleted secret back where it is protected: the longest that it offers."""


def stored_secret(
    name: str, description: str, *, protected: bool, opts: pulumi.ResourceOptions
) -> aws.secretsmanager.Secret:
    """The secret, without a value. One that is not protected is gone at once when it is deleted, and its name free."""
    return aws.secretsmanager.Secret(
        name,
        name=physical_name(name),
        description=description,
        recovery_window_in_days=RECOVERY_DAYS if protected else 0,
        opts=opts,
    )


def reads(secret_arn: pulumi.Output[str]) -> Statement:
    """The right to read the value."""
    return allow(["secretsmanager:GetSecretValue"], secret_arn)


def writes(secret_arn: pulumi.Output[str]) -> Statement:
    """The right to read the value and to store the next one."""
    return allow(["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"], secret_arn)
