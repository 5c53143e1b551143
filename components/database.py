"""The PostgreSQL database of one environment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs, handed_out
from components.database_capacity import KEPT_BACK, PROXY_PERCENT, connection_budget, max_connections
from components.database_windows import is_daily, is_weekly, overlap
from components.grants import Connection, Grant, Statement, allow, policy_document
from components.naming import physical_name
from components.rules import Rule, check, demand, like, or_none, retention, several, truth, whole
from components.stored_secret import reads, stored_secret, writes

ENGINE = aws.rds.EngineType.AURORA_POSTGRESQL
ENGINE_VERSION = "16.9"
"""Pinned: AWS upgrades nothing by itself, and a preview shows the upgrade when this changes."""

LOGINS = ("password", "iam")
"""How clients may log in."""

IAM_USER = "plinth_app_iam"
"""The role in the database that clients with the login `iam` take. Another one than that of `password`, since a role
that IAM lets in is never let in by its password again: so either login works while the other is introduced."""

_PORT = 5432
_MIN_CAPACITY = 0.5
_MAX_CAPACITY = 2
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

_ASSUMED_BY_RDS = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",'
    ' "Principal": {"Service": "rds.amazonaws.com"}}]}'
)
"""Without a condition on the account: AWS documents none that a proxy fills in."""

_INSIGHTS_DAYS = 7
"""What Database Insights keeps at no charge."""

_LOGS: Mapping[str, str] = {"postgresql": "logs", "iam-db-auth-error": "refused-tokens"}
"""Logs of the cluster, by their names on AWS, to the names of their groups in the stack."""

_DEFAULT_BACKUP_WINDOW = "02:00-03:00"
_DEFAULT_MAINTENANCE_WINDOW = "sun:04:00-sun:05:00"


def _units(low: int, high: int) -> Rule:
    def holds(value: Any) -> bool:
        return type(value) in (int, float) and low <= value <= high and value * 2 % 1 == 0

    return holds, f"a multiple of 0.5 from {low} to {high}"


def _one_of(choices: Sequence[str]) -> Rule:
    return lambda value: value in choices, " or ".join(map(repr, choices))


_RULES: Mapping[str, Rule] = {
    "subnet_ids": several(2, 20, "subnets in at least two zones"),
    "database_name": like(r"[A-Za-z][A-Za-z0-9_]{0,62}", "a letter and up to 62 letters, digits and underscores"),
    "min_capacity": _units(0, 256),
    "max_capacity": _units(1, 256),
    "seconds_until_auto_pause": or_none(whole(300, 86_400)),
    "instances": whole(1, 16),
    "login": _one_of(LOGINS),
    "former_login": or_none(_one_of(LOGINS)),
    "proxy": truth(),
    "connections": or_none(whole(1, 1_000_000)),
    "insights": truth(),
    "log_retention_days": retention(),
    "backup_retention_days": whole(1, 35),
    "backup_window": (is_daily, "times in UTC such as '02:00-03:00', 30 minutes or more"),
    "maintenance_window": (is_weekly, "times in UTC such as 'sun:04:00-sun:05:00', 30 minutes to 24 hours"),
    "deletion_protection": truth(),
    "final_snapshot": truth(),
    "retain": truth(),
}


class DatabaseArgs(ComponentArgs):
    vpc_id: pulumi.Input[str]
    """The VPC to live in."""

    subnet_ids: pulumi.Input[Sequence[str]]
    """Subnets in at least two zones."""

    database_name: NotRequired[str]
    """The database made in the cluster. Default `app`. Caution: changing it replaces the cluster and its data."""

    min_capacity: NotRequired[float]
    """Aurora capacity units (2 GiB of memory each) kept while idle, in steps of 0.5; 0 pauses. Default 0.5."""

    max_capacity: NotRequired[float]
    """Aurora capacity units at full load, in steps of 0.5, 1 or more. Default 2. Caution: the number of connections
    that the cluster takes follows from it only when the instances are rebooted."""

    seconds_until_auto_pause: NotRequired[int | None]
    """Seconds without a connection before the cluster pauses, 300 to 86400; only with `min_capacity` 0. Default 300
    there."""

    instances: NotRequired[int]
    """Instances of the cluster: the writer, and readers that take over when it fails. 1 to 16. Default 1."""

    login: NotRequired[str]
    """How clients log in: `password`, which `administers()` makes and keeps in a secret, or `iam`, with a token that
    each client signs for each connection. Default `password`."""

    former_login: NotRequired[str | None]
    """The login that running code still uses while a deployment introduces the other one: what it takes stays until a
    deployment without this. Default none."""

    proxy: NotRequired[bool]
    """Whether RDS Proxy stands before the cluster, and many clients share few connections. Not with `min_capacity` 0,
    since a proxy keeps a connection open, and the cluster awake. Default false."""

    connections: NotRequired[int | None]
    """Connections that all clients together may have open at once: the sum of their functions' instances, where each
    has one. More than the writer takes at `max_capacity`, or the proxy at its share, is an error. Default unchecked."""

    insights: NotRequired[bool]
    """Whether Database Insights records what the instances wait for, and keeps it for 7 days at no charge. Default
    true. It takes memory: AWS advises a `min_capacity` of 2 with it."""

    log_retention_days: NotRequired[int]
    """Days that log lines are kept; one of the values CloudWatch knows. Default 30."""

    backup_retention_days: NotRequired[int]
    """Days that the continuous backup reaches back, 1 to 35. Default 7."""

    backup_window: NotRequired[str]
    """When the daily snapshot is taken, in UTC. Default `02:00-03:00`."""

    maintenance_window: NotRequired[str]
    """When AWS may maintain the cluster, in UTC, clear of `backup_window`. Default `sun:04:00-sun:05:00`."""

    deletion_protection: NotRequired[bool]
    """Whether AWS refuses to delete the cluster, and Pulumi to delete or replace whatever its data needs. Default
    true."""

    final_snapshot: NotRequired[bool]
    """Whether a snapshot is left behind when the cluster is deleted. Default true."""

    retain: NotRequired[bool]
    """Whether a database taken out of the program goes on running, no longer managed. Default false."""


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
        _check(self._label, args)
        protected = args.get("deletion_protection", True)
        # The cluster cannot outlive its subnets, parameters or security group, so all of it is kept together.
        kept = pulumi.ResourceOptions(parent=self, protect=protected, retain_on_delete=args.get("retain", False))
        self._inside = pulumi.ResourceOptions(parent=self)
        self._login = args.get("login", "password")
        self._logins = (self._login, args.get("former_login"))

        security_group = aws.ec2.SecurityGroup(
            f"{name}-security-group", description="The database", vpc_id=args["vpc_id"], opts=kept
        )
        cluster = self._cluster(name, args, security_group, kept)
        instances = [self._instance(name, number, cluster, kept) for number in range(1, args.get("instances", 1) + 1)]
        self.secret_arn = None
        if "password" in self._logins:
            # Neither protected nor recoverable: where it is gone, a migration makes another one.
            self.secret_arn = stored_secret(
                f"{name}-app",
                "The login of the application's own role in the database",
                protected=False,
                opts=self._inside,
            ).arn
        self._writer = _Entrance(
            endpoint=cluster.endpoint,
            user_arn=_user_arn(cluster.arn, cluster.cluster_resource_id),
            connection=Connection(name=name, security_group_id=security_group.id, port=_PORT),
        )
        self._proxied = args.get("proxy", False)
        self._entrance = self._proxy(name, args, cluster, security_group, instances) if self._proxied else self._writer

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
                **(self._token() if "iam" in self._logins else {}),
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
            *([allow(["rds-db:connect"], user_arn)] if "iam" in self._logins else []),
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
            if log == "postgresql" or "iam" in self._logins
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
            iam_database_authentication_enabled="iam" in self._logins,
            port=_PORT,
            serverlessv2_scaling_configuration=aws.rds.ClusterServerlessv2ScalingConfigurationArgs(
                min_capacity=args.get("min_capacity", _MIN_CAPACITY),
                max_capacity=args.get("max_capacity", _MAX_CAPACITY),
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
            preferred_backup_window=args.get("backup_window", _DEFAULT_BACKUP_WINDOW),
            preferred_maintenance_window=args.get("maintenance_window", _DEFAULT_MAINTENANCE_WINDOW),
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

    def _proxy(
        self,
        name: str,
        args: DatabaseArgs,
        cluster: aws.rds.Cluster,
        cluster_group: aws.ec2.SecurityGroup,
        instances: Sequence[pulumi.Resource],
    ) -> "_Entrance":
        """The proxy, and the way from it to the cluster. It holds no data, so nothing of it is protected."""
        identifier = physical_name(f"{name}-proxy", 60)
        security_group = aws.ec2.SecurityGroup(
            f"{name}-proxy-security-group",
            description="The database's proxy",
            vpc_id=args["vpc_id"],
            opts=self._inside,
        )
        way = self._way(name, security_group, cluster_group)
        role = aws.iam.Role(
            f"{name}-proxy-role", name=identifier, assume_role_policy=_ASSUMED_BY_RDS, opts=self._inside
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-proxy-policy",
            role=role.name,
            policy=policy_document(self._logs_in(self._writer.user_arn)),
            opts=self._inside,
        )
        logs = aws.cloudwatch.LogGroup(
            f"{name}-proxy-logs",
            name=f"/aws/rds/proxy/{identifier}",
            retention_in_days=args.get("log_retention_days", 30),
            opts=self._inside,
        )
        proxy = aws.rds.Proxy(
            f"{name}-proxy",
            name=identifier,
            engine_family="POSTGRESQL",
            require_tls=True,
            role_arn=role.arn,
            auths=[_by_password(self.secret_arn)] if self.secret_arn is not None else None,
            default_auth_scheme="IAM_AUTH" if "iam" in self._logins else "NONE",
            vpc_subnet_ids=args["subnet_ids"],
            vpc_security_group_ids=[security_group.id],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permissions, logs]),
        )
        targets = aws.rds.ProxyDefaultTargetGroup(
            f"{name}-proxy-targets",
            db_proxy_name=proxy.name,
            connection_pool_config=aws.rds.ProxyDefaultTargetGroupConnectionPoolConfigArgs(
                max_connections_percent=PROXY_PERCENT,
                # A client that waited longer would have no time left for its statement.
                connection_borrow_timeout=10,
            ),
            opts=self._inside,
        )
        target = aws.rds.ProxyTarget(
            f"{name}-proxy-target",
            db_proxy_name=proxy.name,
            target_group_name=targets.name,
            db_cluster_identifier=cluster.cluster_identifier,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*instances, *way]),
        )
        return _Entrance(
            # Known once the proxy has somewhere to lead to.
            endpoint=pulumi.Output.all(proxy.endpoint, target.id).apply(lambda known: str(known[0])),
            user_arn=_user_arn(proxy.arn, proxy.arn.apply(_last)),
            connection=Connection(name=f"{name}-proxy", security_group_id=security_group.id, port=_PORT),
        )

    def _way(
        self, name: str, proxy: aws.ec2.SecurityGroup, cluster: aws.ec2.SecurityGroup
    ) -> Sequence[pulumi.Resource]:
        """The two rules that let the proxy reach the cluster: out of its group, into the cluster's."""
        return [
            aws.vpc.SecurityGroupEgressRule(
                f"{name}-proxy-to-{name}",
                security_group_id=proxy.id,
                referenced_security_group_id=cluster.id,
                ip_protocol="tcp",
                from_port=_PORT,
                to_port=_PORT,
                description="To the database",
                opts=self._inside,
            ),
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-proxy-into-{name}",
                security_group_id=cluster.id,
                referenced_security_group_id=proxy.id,
                ip_protocol="tcp",
                from_port=_PORT,
                to_port=_PORT,
                description="From the database's proxy",
                opts=self._inside,
            ),
        ]


@dataclass(frozen=True)
class _Entrance:
    """A place where clients connect: the cluster itself, or the proxy."""

    endpoint: pulumi.Output[str]
    user_arn: pulumi.Output[str]
    """The application's role as IAM names it there."""
    connection: Connection


def _check(label: str, args: DatabaseArgs) -> None:
    check(label, args, _RULES)
    low, high = args.get("min_capacity", _MIN_CAPACITY), args.get("max_capacity", _MAX_CAPACITY)
    pause, former = args.get("seconds_until_auto_pause"), args.get("former_login")
    backup = args.get("backup_window", _DEFAULT_BACKUP_WINDOW)
    maintenance = args.get("maintenance_window", _DEFAULT_MAINTENANCE_WINDOW)
    proxied = args.get("proxy", False)
    demand(high >= low, label, "max_capacity", high, f"no less than min_capacity ({low})")
    demand(
        pause is None or low == 0,
        label,
        "seconds_until_auto_pause",
        pause,
        f"nothing, since only a min_capacity of 0 pauses, and it is {low}",
    )
    demand(
        not (proxied and low == 0),
        label,
        "min_capacity",
        low,
        "0.5 or more with a proxy: it keeps a connection open, and the cluster awake",
    )
    demand(
        former != args.get("login", "password"), label, "former_login", former, "the other login than login, or nothing"
    )
    demand(
        not overlap(backup, maintenance),
        label,
        "maintenance_window",
        maintenance,
        f"a time clear of backup_window ({backup}, every day)",
    )
    wanted, budget = args.get("connections"), connection_budget(high, low, proxied=proxied)
    held_by_minimum = max_connections(high, 1) > max_connections(high, low)
    demand(
        wanted is None or wanted <= budget,
        label,
        "connections",
        wanted,
        f"{budget} or fewer, by fewer instances of the functions that connect, or raise"
        f" {f'min_capacity ({low})' if held_by_minimum else f'max_capacity ({high})'}: the writer has"
        f" {max_connections(high, low)} connections, of which"
        f" {_share(proxied)}",
    )


def _share(proxied: bool) -> str:
    return f"{PROXY_PERCENT} % are the proxy's" if proxied else f"{KEPT_BACK} are kept back"


def _by_password(secret_arn: pulumi.Output[str]) -> aws.rds.ProxyAuthArgs:
    return aws.rds.ProxyAuthArgs(
        auth_scheme="SECRETS",
        client_password_auth_type="POSTGRES_SCRAM_SHA_256",  # noqa: S106
        iam_auth="DISABLED",
        secret_arn=secret_arn,
    )


def _user_arn(arn: pulumi.Output[str], resource_id: pulumi.Output[str]) -> pulumi.Output[str]:
    """The application's role as IAM names it, in the region and the account of a cluster or proxy."""

    def named(known: Sequence[str]) -> str:
        _, partition, _, region, account, *_ = known[0].split(":")
        return f"arn:{partition}:rds-db:{region}:{account}:dbuser:{known[1]}/{IAM_USER}"

    return pulumi.Output.all(arn, resource_id).apply(named)


def _last(arn: str) -> str:
    return arn.rpartition(":")[2]
