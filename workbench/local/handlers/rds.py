"""RDS: a database of its own in this stack's PostgreSQL for each Aurora cluster, and a way in for each user of IAM.

No PostgreSQL outside of RDS can check a token of IAM. Who would log in with one logs in with a password that libpq
finds in a file, readable by this account alone.
"""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from workbench.local import postgres
from workbench.local.cloud import Cloud
from workbench.local.files import locked, write_atomically
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
            _offer_tokens(connection, user)
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


class Proxy(Custom):
    """A proxy: the PostgreSQL itself, by another name."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Leads to where all clusters of the stack are."""
        physical = str(inputs.get("name") or auto_name(name))
        return physical, {
            "arn": f"arn:aws:rds:{cloud.region}:{cloud.account}:db-proxy:{physical}",
            "name": physical,
            "endpoint": LOOPBACK,
        }

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:  # noqa: ARG002
        """Pools and logins of a proxy mean nothing here; another name is another proxy."""
        return None if inputs.get("name") != before.inputs.get("name") else (before.id, before.outputs)


def password_file(cloud: Cloud, role: str) -> Path:
    """A file in which libpq finds the password of that role, which gets one now: as on RDS, who migrates made it.

    What a role was given here it keeps, however often it is asked for.
    """
    file = cloud.folder / "database-logins"
    with locked(cloud.folder / "database-logins.lock", wait_seconds=30):
        known = dict(line.split(":")[3:] for line in file.read_text().splitlines()) if file.exists() else {}
        password = known.setdefault(role, secrets.token_urlsafe(24))
        with psycopg.connect(postgres.url(cloud.folder, cloud.database_port), autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
                connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), password))
        lines = [f"{LOOPBACK}:{cloud.database_port}:*:{role}:{password}\n" for role, password in known.items()]
        write_atomically(file, "".join(lines))
    return file


def _offer_tokens(connection: psycopg.Connection[Any], master: str) -> None:
    """What RDS makes in every server: the role whose members IAM lets in, for the master user to give."""
    _ensure(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s", "rds_iam", "CREATE ROLE {}")
    grant = sql.SQL("GRANT rds_iam TO {} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE")
    connection.execute(grant.format(sql.Identifier(master)))


def _ensure(connection: psycopg.Connection[Any], exists: str, name: str, create: str) -> None:
    if connection.execute(exists.encode(), [name]).fetchone() is None:
        connection.execute(sql.SQL(create).format(sql.Identifier(name)))  # pyright: ignore[reportArgumentType]


HANDLERS: Mapping[str, Handler] = {"aws:rds/cluster:Cluster": Cluster(), "aws:rds/proxy:Proxy": Proxy()}

RECORDED_ONLY: Mapping[str, str] = {
    "aws:rds/clusterInstance:ClusterInstance": "one PostgreSQL server stands for all instances of a cluster",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup": "Aurora's parameters; the local server has its own",
    "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup": "the local proxy is the PostgreSQL itself",
    "aws:rds/proxyTarget:ProxyTarget": "the local proxy is the PostgreSQL itself",
    "aws:rds/subnetGroup:SubnetGroup": "the emulator has no network",
}
