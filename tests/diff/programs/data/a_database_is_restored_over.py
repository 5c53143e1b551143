"""A cluster from a snapshot is another cluster: what was written since is in neither."""

import pulumi_aws as aws


def before() -> None:
    """As it is."""
    aws.rds.Cluster("database", engine="aurora-postgresql", skip_final_snapshot=True)


def after() -> None:
    """As it was."""
    aws.rds.Cluster(
        "database", engine="aurora-postgresql", skip_final_snapshot=True, snapshot_identifier="before-the-fault"
    )


CHANGES = ["replace aws:rds/cluster:Cluster database: snapshotIdentifier!"]
RISKS = ["data-loss restored-over database"]
