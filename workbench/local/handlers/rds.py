"""RDS: a database of its own in this stack's PostgreSQL for each Aurora cluster."""

import json
import secrets
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from workbench.local import postgres
from workbench.local.cloud import Cloud
from workbench.local.handlers.base import Custom, Handler, Made, auto_name
from workbench.local.processes import LOOPBACK
from workbench.local.state import Applied


class Cluster(Custom):
    """An Aurora cluster with a managed master secret: a role, a database, and the secret in the emulator."""

    def facts(self, cloud: Cloud) -> Any:
        """The address."""
        return cloud.database_port

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Makes role and database where they are not there from before, and a secret with a new password."""
        physical = inputs.get("clusterIdentifier") or auto_name(name)
        user = str(inputs.get("masterUsername", "postgres"))
        database = str(inputs.get("databaseName", "postgres"))
        password = secrets.token_urlsafe(24)
        with psycopg.connect(postgres.url(cloud.folder, cloud.database_port), autocommit=True) as connection:
            _ensure(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", user, "CREATE ROLE {}")
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}").format(sql.Identifier(user), password)
            )
            _ensure(connection, "SELECT 1 FROM pg_database WHERE datname = %s", database, "CREATE DATABASE {}")
            connection.execute(
                sql.SQL("ALTER DATABASE {} OWNER TO {}").format(sql.Identifier(database), sql.Identifier(user))
            )
        secret = cloud.client("secretsmanager").create_secret(
            Name=f"rds!cluster-{physical}", SecretString=json.dumps({"username": user, "password": password})
        )
        return physical, {
            "arn": f"arn:aws:rds:{cloud.region}:{cloud.account}:cluster:{physical}",
            "clusterIdentifier": physical,
            "clusterResourceId": f"cluster-{physical}",
            "endpoint": LOOPBACK,
            "readerEndpoint": LOOPBACK,
            "port": cloud.database_port,
            "databaseName": database,
            "masterUserSecrets": [{"secretArn": secret["ARN"], "secretStatus": "active", "kmsKeyId": ""}],
        }

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Capacity and the like mean nothing here; another database or user is another cluster."""
        if any(
            inputs.get(key) != before.inputs.get(key) for key in ("clusterIdentifier", "databaseName", "masterUsername")
        ):
            return None
        return before.id, {**before.outputs, "port": cloud.database_port}

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes the secret. The data stays until `plinth down --wipe`."""
        secret = applied.outputs["masterUserSecrets"][0]["secretArn"]
        cloud.client("secretsmanager").delete_secret(SecretId=secret, ForceDeleteWithoutRecovery=True)


def _ensure(connection: psycopg.Connection[Any], exists: str, name: str, create: str) -> None:
    if connection.execute(exists.encode(), [name]).fetchone() is None:
        connection.execute(sql.SQL(create).format(sql.Identifier(name)))  # pyright: ignore[reportArgumentType]


HANDLERS: Mapping[str, Handler] = {"aws:rds/cluster:Cluster": Cluster()}

RECORDED_ONLY: Mapping[str, str] = {
    "aws:rds/clusterInstance:ClusterInstance": "one PostgreSQL server stands for all instances of a cluster",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": "Aurora's parameters; the local server has its own",
    "aws:rds/subnetGroup:SubnetGroup": "the emulator has no network",
}
