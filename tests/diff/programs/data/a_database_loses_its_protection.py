"""Nothing is deleted yet, but nothing stands in the way any more."""

from components.database import Database


def _database(*, protected: bool) -> None:
    Database(
        "database",
        {
            "vpc_id": "vpc-1",
            "subnet_ids": ["subnet-1", "subnet-2"],
            "deletion_protection": protected,
            "final_snapshot": protected,
        },
    )


def before() -> None:
    """Protected by AWS and by Pulumi, with a last snapshot."""
    _database(protected=True)


def after() -> None:
    """None of it."""
    _database(protected=False)


CHANGES = [
    "update aws:cloudwatch/logGroup:LogGroup database-logs: [protect]",
    "update aws:ec2/securityGroup:SecurityGroup database-security-group: [protect]",
    (
        "update aws:rds/cluster:Cluster database: "
        "deletionProtection, finalSnapshotIdentifier, skipFinalSnapshot, [protect]"
    ),
    "update aws:rds/clusterInstance:ClusterInstance database-instance-1: [protect]",
    "update aws:rds/clusterParameterGroup:ClusterParameterGroup database-parameters: [protect]",
    "update aws:rds/subnetGroup:SubnetGroup database-subnets: [protect]",
]
RISKS = ["data-loss protection-removed database", "data-loss protection-removed database-logs"]
