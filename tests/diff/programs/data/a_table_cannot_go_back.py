"""Without recovery a table has no yesterday."""

import pulumi_aws as aws


def before() -> None:
    """A way back, and no way to delete it."""
    aws.dynamodb.Table(
        "orders",
        name="orders",
        hash_key="id",
        point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=True),
        deletion_protection_enabled=True,
    )


def after() -> None:
    """Neither."""
    aws.dynamodb.Table("orders", name="orders", hash_key="id")


CHANGES = ["update aws:dynamodb/table:Table orders: deletionProtectionEnabled, pointInTimeRecovery"]
RISKS = ["data-loss protection-removed orders"]
