"""Fewer days of backup are gone at once; more, or those that a default already had, take nothing away."""

import pulumi_aws as aws


def before() -> None:
    """A month, a week, and AWS's default of a day."""
    for name, days in (("month", 30), ("week", 7), ("default", None)):
        aws.rds.Cluster(name, engine="aurora-postgresql", skip_final_snapshot=True, backup_retention_period=days)


def after() -> None:
    """A week, a month, and the same day said aloud."""
    for name, days in (("month", 7), ("week", 30), ("default", 1)):
        aws.rds.Cluster(name, engine="aurora-postgresql", skip_final_snapshot=True, backup_retention_period=days)


CHANGES = [
    "update aws:rds/cluster:Cluster default: backupRetentionPeriod",
    "update aws:rds/cluster:Cluster month: backupRetentionPeriod",
    "update aws:rds/cluster:Cluster week: backupRetentionPeriod",
]
RISKS = ["data-loss retention-cut month"]
