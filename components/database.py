"""The PostgreSQL database of one environment."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.component import Component, handed_out
from components.database_args import (
    DEFAULT_BACKUP_WINDOW,
    DEFAULT_MAINTENANCE_WINDOW,
    DEFAULT_MAX_CAPACITY,
    DEFAULT_MIN_CAPACITY,
    DatabaseArgs,
    check_database,
    uses_passwords,
    uses_tokens,
)
from components.database_entrances import IAM_USER, PORT, Behind, proxy, writer
from components.grants import Grant, Statement, allow
from components.naming import physical_name
from components.stored_secret import reads, stored_secret, writes

ENGINE = aws.rds.EngineType.AURORA_POSTGRESQL
ENGINE_VERSION = "16.9"
"""Pinned: AWS upgrades nothing by itself, and a preview shows the upgrade when this changes."""

_FAMILY = f"{ENGINE.value}{ENGINE_VERSION.partition('.')[0]}"

_PARAMETERS: Mapping[str, str] = {
    # Passwords, tokens and rows travel encrypted or not at all.
    "rds.force_ssl": "1",
    # Whoever forgets a transaction lets go of its locks. Aurora's own default is a day.
    "idle_in_transaction_session_timeout": "60000",
    # Finds the query that needs an index: what takes longer than a second.
    "log_min_duration_statement": "1000",
    # Who changed the schema, and when.
    "log_statement": "ddl",
    # Who waited for a lock for more than a second, and for whom.
    "log_lock_waits": "1",
    # The log is for operators. What users stored would be in the values of slow statements, and in the details of a
    # violated constraint.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
"""The cluster's parameters that differ from AWS's. All of them take effect without a reboot."""

_INSIGHTS_DAYS = 7
"""What Database Insights keeps at no charge."""

_LOGS: Mapping[str, str] = {"postgresql": "logs", "iam-db-auth-error": "refused-tokens"}
"""Logs of the cluster, by their names on AWS, to the names of their groups in the stack."""


class Database(Component):
    """An Aurora PostgreSQL Serverless v2 cluster in isolated subnets.

    What changes takes effect when it is deployed and not in the next maintenance window: for a new engine version that
    is an interruption of a minute or so.

    Defaults: one instance of 0.5 to 2 capacity units, login by password, no proxy, 7 days of backup, 30 days of logs,
    7 days of Database Insights, protected from deletion.
    Cost: 0.12 USD a capacity unit and hour (us-east-1): 0.5 units all month are about 44 USD, plus 0.10 USD a GB of
    storage, 0.20 USD a million I/O requests, 0.40 USD a month for the master's secret and, with the login `password`,
    0.40 USD for the clients'. Logs are 0.50 USD a GB. `min_capacity` 0 pauses an idle database; the first connection
    afterwards takes some 15 seconds. A proxy is 0.015 USD a capacity unit and hour, of at least 8: 88 USD a month.
    Security: encrypted; TLS only; reachable only by holders of a grant; the log holds statements, and no values. AWS
    makes, keeps and rotates the master password in Secrets Manager. The application logs in as a role of its own. With
    `iam` there is no password that could leak: a token is good for 15 minutes and for one role. With `password`, the
    secret has no value here: who `administers()` stores one. So no password is in a state file.
    """

    endpoint: pulumi.Output[str]
    """Host name that clients connect to: the writer's, or the proxy's."""

    cluster_identifier: pulumi.Output[str]
    """The cluster's name on AWS, as its metrics have it."""

    login_arn: pulumi.Output[str]
    """What clients log in with: the ARN of their secret, or of their role as IAM names it. Another one takes a
    migration before it lets anybody in."""

    secret_arn: pulumi.Output[str] | None
    """The secret with the application's login, as JSON with `username` and `password`. None where nobody has one."""

    admin_secret_arn: pulumi.Output[str]
    """The secret with the master user's login, in the same shape."""

    grants: pulumi.Output[Mapping[str, Grant]]
    """What users of it need, by use: the same as the methods return, for programs that have no methods."""

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        check_database(self._label, args)
        protected = args.get("deletion_protection", True)
        # The cluster cannot outlive its subnets, parameters or security group, so all of it is kept together.
        kept = pulumi.ResourceOptions(parent=self, protect=protected, retain_on_delete=args.get("retain", False))
        self._inside = pulumi.ResourceOptions(parent=self)
        self._login = args.get("login", "password")
        self._tokens = uses_tokens(args)

        security_group = aws.ec2.SecurityGroup(
            f"{name}-security-group", description="The database", vpc_id=args["vpc_id"], opts=kept
        )
        cluster = self._cluster(name, args, security_group, kept)
        instances = [self._instance(name, number, cluster, kept) for number in range(1, args.get("instances", 1) + 1)]
        self.secret_arn = None
        if uses_passwords(args):
            # Neither protected nor recoverable: where it is gone, a migration makes another one.
            self.secret_arn = stored_secret(
                f"{name}-app",
                "The login of the application's own role in the database",
                protected=False,
                opts=self._inside,
            ).arn
        behind = Behind(cluster, instances, security_group, self.secret_arn)
        self._writer = self._entrance = writer(name, behind)
        self._proxied = args.get("proxy", False)
        if self._proxied:
            self._entrance = proxy(name, args, behind, self._logs_in(self._writer.user_arn), self._inside)

        self.endpoint = self._entrance.endpoint
        self.cluster_identifier = cluster.cluster_identifier
        self.login_arn = self._writer.user_arn if self._login == "iam" or self.secret_arn is None else self.secret_arn
        self.admin_secret_arn = cluster.master_user_secrets.apply(lambda secrets: secrets[0].secret_arn or "")
        self._environment = {
            "DATABASE_PORT": cluster.port.apply(str),
            "DATABASE_NAME": cluster.database_name,
            "PGSSLMODE": "require",
        }
        self.grants = handed_out(connects=self.connects(), administers=self.administers())
        self.register_outputs(
            {
                "endpoint": self.endpoint,
                "cluster_identifier": self.cluster_identifier,
                "login_arn": self.login_arn,
                "secret_arn": self.secret_arn,
                "admin_secret_arn": self.admin_secret_arn,
                "grants": self.grants,
            }
        )

    def connects(self) -> Grant:
        """What a client needs: where to connect, the login of the application's role, and the way there."""
        return Grant(
            environment={
                "DATABASE_HOST": self._entrance.endpoint,
                **self._environment,
                **({"DATABASE_PROXIED": "true"} if self._proxied else {}),
                **(self._password() if self._login == "password" else self._token()),
            },
            statements=self._logs_in(self._entrance.user_arn),
            connections=[self._entrance.connection],
        )

    def administers(self) -> Grant:
        """What the one function needs that changes the schema: the master user's login, and to make the clients'."""
        return Grant(
            environment={
                "DATABASE_HOST": self._writer.endpoint,
                **self._environment,
                **self._password(),
                **(self._token() if self._tokens else {}),
                "DATABASE_ADMIN_SECRET_ARN": self.admin_secret_arn,
            },
            statements=[
                reads(self.admin_secret_arn),
                *([writes(self.secret_arn)] if self.secret_arn is not None else []),
            ],
            connections=[self._writer.connection],
        )

    def _password(self) -> Mapping[str, pulumi.Input[str]]:
        return {} if self.secret_arn is None else {"DATABASE_SECRET_ARN": self.secret_arn}

    def _token(self) -> Mapping[str, pulumi.Input[str]]:
        login = {"DATABASE_LOGIN": "iam"} if self._login == "iam" else {}
        return {**login, "DATABASE_USER": IAM_USER}

    def _logs_in(self, user_arn: pulumi.Output[str]) -> Sequence[Statement]:
        return [
            *([reads(self.secret_arn)] if self.secret_arn is not None else []),
            *([allow(["rds-db:connect"], user_arn)] if self._tokens else []),
        ]

    def _cluster(
        self,
        name: str,
        args: DatabaseArgs,
        security_group: aws.ec2.SecurityGroup,
        kept: pulumi.ResourceOptions,
    ) -> aws.rds.Cluster:
        identifier = physical_name(name, 50)
        final_snapshot = args.get("final_snapshot", True)
        insights = args.get("insights", True)
        subnets = aws.rds.SubnetGroup(f"{name}-subnets", subnet_ids=args["subnet_ids"], opts=kept)
        parameters = aws.rds.ClusterParameterGroup(
            f"{name}-parameters",
            family=_FAMILY,
            parameters=[
                aws.rds.ClusterParameterGroupParameterArgs(name=parameter, value=value, apply_method="immediate")
                for parameter, value in _PARAMETERS.items()
            ],
            opts=kept,
        )
        logs = {
            log: aws.cloudwatch.LogGroup(
                f"{name}-{group}",
                name=f"/aws/rds/cluster/{identifier}/{log}",
                retention_in_days=args.get("log_retention_days", 30),
                # The other log goes with the login that it is about.
                opts=kept if log == "postgresql" else self._inside,
            )
            for log, group in _LOGS.items()
            if log == "postgresql" or self._tokens
        }
        return aws.rds.Cluster(
            name,
            cluster_identifier=identifier,
            engine=ENGINE,
            engine_mode="provisioned",
            engine_version=ENGINE_VERSION,
            database_name=args.get("database_name", "app"),
            master_username="plinth",
            manage_master_user_password=True,
            iam_database_authentication_enabled=self._tokens,
            port=PORT,
            serverlessv2_scaling_configuration=aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
                min_capacity=args.get("min_capacity", DEFAULT_MIN_CAPACITY),
                max_capacity=args.get("max_capacity", DEFAULT_MAX_CAPACITY),
                seconds_until_auto_pause=args.get("seconds_until_auto_pause"),
            ),
            db_subnet_group_name=subnets.name,
            db_cluster_parameter_group_name=parameters.name,
            vpc_security_group_ids=[security_group.id],
            storage_encrypted=True,
            database_insights_mode="standard",
            performance_insights_enabled=insights,
            performance_insights_retention_period=_INSIGHTS_DAYS if insights else None,
            enabled_cloudwatch_logs_exports=list(logs),
            backup_retention_period=args.get("backup_retention_days", 7),
            preferred_backup_window=args.get("backup_window", DEFAULT_BACKUP_WINDOW),
            preferred_maintenance_window=args.get("maintenance_window", DEFAULT_MAINTENANCE_WINDOW),
            copy_tags_to_snapshot=True,
            # The code of the same deployment counts on what it changes, such as another way to log in.
            apply_immediately=True,
            deletion_protection=args.get("deletion_protection", True),
            skip_final_snapshot=not final_snapshot,
            final_snapshot_identifier=f"{identifier}-final" if final_snapshot else None,
            # AWS would make the groups itself, and keep what is in them for ever.
            opts=pulumi.ResourceOptions.merge(kept, pulumi.ResourceOptions(depends_on=[*logs.values()])),
        )

    def _instance(
        self, name: str, number: int, cluster: aws.rds.Cluster, kept: pulumi.ResourceOptions
    ) -> aws.rds.ClusterInstance:
        return aws.rds.ClusterInstance(
            f"{name}-instance-{number}",
            cluster_identifier=cluster.id,
            engine=ENGINE,
            engine_version=ENGINE_VERSION,
            instance_class="db.serverless",
            apply_immediately=True,
            auto_minor_version_upgrade=False,
            publicly_accessible=False,
            # Readers of tiers 0 and 1 scale with the writer, so that one can take over at full load.
            promotion_tier=number - 1 if number <= 2 else 2,
            opts=kept,
        )
