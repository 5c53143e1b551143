"""With an alias the cluster is the one of before, and its new name costs nothing."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """One name."""
    aws.rds.Cluster("database", cluster_identifier="orders", engine="aurora-postgresql", skip_final_snapshot=True)


def after() -> None:
    """Another one, which says what it was."""
    aws.rds.Cluster(
        "orders",
        cluster_identifier="orders",
        engine="aurora-postgresql",
        skip_final_snapshot=True,
        opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="database")]),
    )


CHANGES = ["rename aws:rds/cluster:Cluster orders"]
RISKS: list[str] = []
