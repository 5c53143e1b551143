"""What Pulumi refuses is still a risk: somebody will take the protection away to get on."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """A protected database."""
    aws.rds.Cluster(
        "database",
        engine="aurora-postgresql",
        deletion_protection=True,
        skip_final_snapshot=True,
        opts=pulumi.ResourceOptions(protect=True),
    )


def after() -> None:
    """None."""


CHANGES = ["delete aws:rds/cluster:Cluster database"]
RISKS = ["data-loss deleted database"]
