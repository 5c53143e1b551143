"""Lists that are sets on AWS do not change with their order."""

import pulumi_aws as aws


def before() -> None:
    """One order."""
    aws.rds.SubnetGroup("data", name="data", subnet_ids=["subnet-a", "subnet-b", "subnet-c"])


def after() -> None:
    """Another one, and one subnet in another's place."""
    aws.rds.SubnetGroup("data", name="data", subnet_ids=["subnet-d", "subnet-b", "subnet-a"])


CHANGES = ["update aws:rds/subnetGroup:SubnetGroup data: subnetIds"]
RISKS: list[str] = []
