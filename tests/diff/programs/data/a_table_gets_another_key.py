"""The key of a table is chosen once: another one is another table, and settings of the old one matter no more."""

import pulumi_aws as aws


def _table(key: str, *, recovers: bool) -> None:
    aws.dynamodb.Table(
        "orders",
        name="orders",
        hash_key=key,
        billing_mode="PAY_PER_REQUEST",
        attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S")],
        point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(enabled=recovers),
    )


def before() -> None:
    """One key, and a way back to any second of the last weeks."""
    _table("id", recovers=True)


def after() -> None:
    """Another one, and none."""
    _table("order", recovers=False)


CHANGES = [
    "replace aws:dynamodb/table:Table orders: attributes[id], attributes[order], hashKey!, pointInTimeRecovery.enabled"
]
RISKS = ["data-loss replaced orders"]
