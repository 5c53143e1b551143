"""The PostgreSQL database of one environment."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.grants import Connection, Grant
from components.naming import physical_name
from components.stored_secret import reads, stored_secret, writes

ENGINE = aws.rds.EngineType.AURORA_POSTGRESQL
ENGINE_VERSION = "16.9"
"""Pinned: AWS upgrades nothing by itself, and a preview shows the upgrade when this changes."""

_PORT = 5432
_FAMILY = f"{ENGINE.value}{ENGINE_VERSION.partition('.')[0]}"


class DatabaseArgs(TypedDict):
    vpc_id: pulumi.Input[str]
    """The VPC to live in."""

    subnet_ids: pulumi.Input[Sequence[str]]
    """Subnets in at least two zones."""

    database_name: NotRequired[str]
    """The database made in the cluster. Default `app`. Caution: changing it replaces the cluster and its data."""

    min_capacity: NotRequired[float]
    """Aurora capacity units (2 GiB of memory each) kept while idle, in steps of 0.5; 0 pauses. Default 0.5."""

    max_capacity: NotRequired[float]
    """Aurora capacity units at full load, in steps of 0.5. Default 2."""

    instances: NotRequired[int]
    """Instances of the cluster: the writer, and readers that take over when it fails. Default 1."""

    backup_retention_days: NotRequired[int]
    """Days that the continuous backup reaches back, 1 to 35. Default 7."""

    deletion_protection: NotRequired[bool]
    """Whether AWS refuses to delete the cluster and Pulumi refuses to delete or replace any part. Default true."""

    final_snapshot: NotRequired[bool]
    """Whether a snapshot is left behind when the cluster is deleted. Default true."""

    retain: NotRequired[bool]
    """Whether a database taken out of the program goes on running, no longer managed. Default false."""


class Database(pulumi.ComponentResource):
    """An Aurora PostgreSQL Serverless v2 cluster in isolated subnets.

    Defaults: one instance of 0.5 to 2 capacity units, 7 days of backup, protected from deletion.
    Cost: 0.12 USD a capacity unit and hour (us-east-1): 0.5 units all month are about 44 USD, plus 0.10 USD a GB of
    storage and 0.80 USD a month for two secrets. `min_capacity` 0 pauses an idle database; the first connection
    afterwards takes some 15 seconds.
    Security: encrypted; TLS only; reachable only by holders of a grant. AWS makes, keeps and rotates the master
    password in Secrets Manager. The application logs in as a role of its own, whose secret has no value here: who
    `administers()` makes the role and stores its password. So neither password is in a state file.
    """

    endpoint: pulumi.Output[str]
    """Host name of the writer."""

    secret_arn: pulumi.Output[str]
    """The secret with the application's login, as JSON with `username` and `password`."""

    admin_secret_arn: pulumi.Output[str]
    """The secret with the master user's login, in the same shape."""

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:Database", name, {**args}, opts)
        protected = args.get("deletion_protection", True)
        final_snapshot = args.get("final_snapshot", True)
        # The cluster cannot outlive its subnets, parameters or security group, so all of it is kept together.
        kept = pulumi.ResourceOptions(parent=self, protect=protected, retain_on_delete=args.get("retain", False))
        identifier = physical_name(name, 50)

        subnets = aws.rds.SubnetGroup(f"{name}-subnets", subnet_ids=args["subnet_ids"], opts=kept)
        parameters = aws.rds.ClusterParameterGroup(
            f"{name}-parameters",
            family=_FAMILY,
            parameters=[aws.rds.ClusterParameterGroupParameterArgs(name="rds.force_ssl", value="1")],
            opts=kept,
        )
        self._security_group = aws.ec2.SecurityGroup(
            f"{name}-security-group", description="The database", vpc_id=args["vpc_id"], opts=kept
        )
        cluster = aws.rds.Cluster(
            name,
            cluster_identifier=identifier,
            engine=ENGINE,
            engine_mode="provisioned",
            engine_version=ENGINE_VERSION,
            database_name=args.get("database_name", "app"),
            master_username="plinth",
            manage_master_user_password=True,
            port=_PORT,
            serverlessv2_scaling_configuration=aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
                min_capacity=args.get("min_capacity", 0.5), max_capacity=args.get("max_capacity", 2)
            ),
            db_subnet_group_name=subnets.name,
            db_cluster_parameter_group_name=parameters.name,
            vpc_security_group_ids=[self._security_group.id],
            storage_encrypted=True,
            backup_retention_period=args.get("backup_retention_days", 7),
            copy_tags_to_snapshot=True,
            deletion_protection=protected,
            skip_final_snapshot=not final_snapshot,
            final_snapshot_identifier=f"{identifier}-final" if final_snapshot else None,
            opts=kept,
        )
        for number in range(1, args.get("instances", 1) + 1):
            aws.rds.ClusterInstance(
                f"{name}-instance-{number}",
                cluster_identifier=cluster.id,
                engine=ENGINE,
                engine_version=ENGINE_VERSION,
                instance_class="db.serverless",
                auto_minor_version_upgrade=False,
                publicly_accessible=False,
                # Readers of tiers 0 and 1 scale with the writer, so that one can take over at full load.
                promotion_tier=number - 1 if number <= 2 else 2,
                opts=kept,
            )

        login = stored_secret(
            f"{name}-app", "The login of the application's own role in the database", protected=protected, opts=kept
        )

        self.endpoint = cluster.endpoint
        self.secret_arn = login.arn
        self.admin_secret_arn = cluster.master_user_secrets.apply(lambda secrets: secrets[0].secret_arn or "")
        self._environment = {
            "DATABASE_HOST": cluster.endpoint,
            "DATABASE_PORT": cluster.port.apply(str),
            "DATABASE_NAME": cluster.database_name,
            "DATABASE_SECRET_ARN": self.secret_arn,
            "PGSSLMODE": "require",
        }
        self._connection = Connection(name=name, security_group_id=self._security_group.id, port=_PORT)
        self.register_outputs(
            {"endpoint": self.endpoint, "secret_arn": self.secret_arn, "admin_secret_arn": self.admin_secret_arn}
        )

    def connects(self) -> Grant:
        """What a client needs: where the writer is, the login of the application's role, and the way there."""
        return Grant(
            environment=self._environment,
            statements=[reads(self.secret_arn)],
            connections=[self._connection],
        )

    def administers(self) -> Grant:
        """What the one function needs that changes the schema: the master user's login, and to store the client's."""
        return Grant(
            environment={**self._environment, "DATABASE_ADMIN_SECRET_ARN": self.admin_secret_arn},
            statements=[reads(self.admin_secret_arn), writes(self.secret_arn)],
            connections=[self._connection],
        )
