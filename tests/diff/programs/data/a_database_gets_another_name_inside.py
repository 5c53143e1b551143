"""The name of the database in a cluster cannot be changed: the cluster is made anew, and its data is gone."""

from components.database import Database


def _database(name: str) -> None:
    Database(
        "database",
        {
            "vpc_id": "vpc-1",
            "subnet_ids": ["subnet-1", "subnet-2"],
            "database_name": name,
            "deletion_protection": False,
        },
    )


def before() -> None:
    """One name."""
    _database("app")


def after() -> None:
    """Another one."""
    _database("service")


CHANGES = [
    "replace aws:rds/cluster:Cluster database: databaseName!",
    "replace aws:rds/clusterInstance:ClusterInstance database-instance-1: clusterIdentifier!",
]
RISKS = ["data-loss replaced database"]
