"""What AWS keeps is no longer managed, and not lost."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """A database that stays when it is taken out."""
    aws.rds.Cluster("database", engine="aurora-postgresql", opts=pulumi.ResourceOptions(retain_on_delete=True))


def after() -> None:
    """None."""


CHANGES = ["delete aws:rds/cluster:Cluster database"]
RISKS: list[str] = []
