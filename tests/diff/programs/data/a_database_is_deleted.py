"""A database is taken out of the program: all its data goes, but for a last snapshot."""

import pulumi_aws as aws


def before() -> None:
    """A database that leaves a snapshot behind, and one that does not."""
    aws.rds.Cluster(
        "orders", engine="aurora-postgresql", skip_final_snapshot=False, final_snapshot_identifier="orders-final"
    )
    aws.rds.Instance("reports", instance_class="db.t4g.micro", engine="postgres", skip_final_snapshot=True)


def after() -> None:
    """None."""


CHANGES = ["delete aws:rds/cluster:Cluster orders", "delete aws:rds/instance:Instance reports"]
RISKS = ["data-loss deleted orders", "data-loss deleted reports"]
