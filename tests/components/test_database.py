"""A database that is protected unless told otherwise, and lets in only those with its grant."""

from typing import Any

import pulumi
import pytest

from components.database import Database
from components.database_args import DatabaseArgs
from tests.support.evaluation import deploy, inputs, names_of, policy, registered, resource
from workbench.manifest import Manifest

ARGS: DatabaseArgs = {"vpc_id": "vpc-1", "subnet_ids": ["subnet-1", "subnet-2"]}
SECRET, LOGS = "aws:secretsmanager/secret:Secret", "aws:cloudwatch/logGroup:LogGroup"
CLUSTER, INSTANCE = "aws:rds/cluster:Cluster", "aws:rds/clusterInstance:ClusterInstance"
PARAMETERS = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
GROUP, PROXY = "aws:ec2/securityGroup:SecurityGroup", "aws:rds/proxy:Proxy"

TRANSITIONS = [
    {"login": "iam", "former_login": "password"},
    {"login": "password", "former_login": "iam"},
]
"""The deployments that introduce another login."""


def deployed(**args: Any) -> Manifest:
    merged: Any = {**ARGS, **args}
    return deploy(lambda: Database("database", merged))


def granted(use: str, **args: Any) -> Any:
    """What one use of a database hands out."""

    def program() -> None:
        merged: Any = {**ARGS, "database_name": "plinth", **args}
        pulumi.export("grant", getattr(Database("database", merged), use)())

    return deploy(program).outputs["grant"]


def refusal(**args: Any) -> str:
    """What is wrong with the arguments; nothing must be registered for it."""
    failures: list[str] = []

    def program() -> None:
        merged: Any = {**ARGS, **args}
        with pytest.raises(ValueError, match=r"^Database 'database': ") as failure:
            Database("database", merged)
        failures.append(str(failure.value))

    assert registered(deploy(program)) == ["plinth:index:Database::database"]
    return failures[0]


CHILDREN = [
    "aws:cloudwatch/logGroup:LogGroup::database-logs",
    "aws:ec2/securityGroup:SecurityGroup::database-security-group",
    "aws:rds/cluster:Cluster::database",
    "aws:rds/clusterInstance:ClusterInstance::database-instance-1",
    "aws:rds/clusterParameterGroup:ClusterParameterGroup::database-parameters",
    "aws:rds/subnetGroup:SubnetGroup::database-subnets",
]
LOGIN = "aws:secretsmanager/secret:Secret::database-app"
REFUSED_TOKENS = "aws:cloudwatch/logGroup:LogGroup::database-refused-tokens"
PROXY_CHILDREN = [
    "aws:cloudwatch/logGroup:LogGroup::database-proxy-logs",
    "aws:ec2/securityGroup:SecurityGroup::database-proxy-security-group",
    "aws:iam/role:Role::database-proxy-role",
    "aws:iam/rolePolicy:RolePolicy::database-proxy-policy",
    "aws:rds/proxy:Proxy::database-proxy",
    "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup::database-proxy-targets",
    "aws:rds/proxyTarget:ProxyTarget::database-proxy-target",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule::database-proxy-to-database",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule::database-proxy-into-database",
]


@pytest.mark.parametrize(
    ("args", "children"),
    [
        ({}, [*CHILDREN, LOGIN]),
        ({"login": "iam"}, [*CHILDREN, REFUSED_TOKENS]),
        ({"proxy": True}, [*CHILDREN, LOGIN, *PROXY_CHILDREN]),
        ({"proxy": True, "login": "iam"}, [*CHILDREN, REFUSED_TOKENS, *PROXY_CHILDREN]),
        *((args, [*CHILDREN, LOGIN, REFUSED_TOKENS]) for args in TRANSITIONS),
    ],
    ids=["default", "iam", "proxy", "iam-proxy", "to-iam", "from-iam"],
)
def test_it_is_made_of_exactly_these(args: dict[str, Any], children: list[str]) -> None:
    expected = [f"plinth:index:Database${child}" for child in children]
    assert registered(deployed(**args)) == sorted([*expected, "plinth:index:Database::database"])


def cluster(**changes: Any) -> dict[str, Any]:
    """The inputs of the default cluster, but for some; None is no input at all."""
    default = {
        "clusterIdentifier": "plinth-test-database",
        "engine": "aurora-postgresql",
        "engineMode": "provisioned",
        "engineVersion": "16.9",
        "databaseName": "app",
        "masterUsername": "plinth",
        "manageMasterUserPassword": True,
        "iamDatabaseAuthenticationEnabled": False,
        "port": 5432,
        "serverlessv2ScalingConfiguration": {"minCapacity": 0.5, "maxCapacity": 2},
        "dbSubnetGroupName": "${aws:rds/subnetGroup:SubnetGroup::database-subnets.name}",
        "dbClusterParameterGroupName": f"${{{PARAMETERS}::database-parameters.name}}",
        "vpcSecurityGroupIds": [f"${{{GROUP}::database-security-group.id}}"],
        "storageEncrypted": True,
        "databaseInsightsMode": "standard",
        "performanceInsightsEnabled": True,
        "performanceInsightsRetentionPeriod": 7,
        "enabledCloudwatchLogsExports": ["postgresql"],
        "backupRetentionPeriod": 7,
        "preferredBackupWindow": "02:00-03:00",
        "preferredMaintenanceWindow": "sun:04:00-sun:05:00",
        "copyTagsToSnapshot": True,
        "applyImmediately": True,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "finalSnapshotIdentifier": "plinth-test-database-final",
    }
    return {key: value for key, value in {**default, **changes}.items() if value is not None}


TOKENS = {
    "iamDatabaseAuthenticationEnabled": True,
    "enabledCloudwatchLogsExports": ["postgresql", "iam-db-auth-error"],
}


@pytest.mark.parametrize(
    ("args", "changes"),
    [
        ({}, {}),
        ({"login": "iam"}, TOKENS),
        *((args, TOKENS) for args in TRANSITIONS),
        ({"proxy": True}, {}),
        (
            {"min_capacity": 0, "max_capacity": 4, "seconds_until_auto_pause": 600},
            {"serverlessv2ScalingConfiguration": {"minCapacity": 0, "maxCapacity": 4, "secondsUntilAutoPause": 600}},
        ),
        (
            {"deletion_protection": False, "final_snapshot": False},
            {"deletionProtection": False, "skipFinalSnapshot": True, "finalSnapshotIdentifier": None},
        ),
        ({"insights": False}, {"performanceInsightsEnabled": False, "performanceInsightsRetentionPeriod": None}),
        (
            {
                "database_name": "shop",
                "backup_retention_days": 30,
                "backup_window": "22:00-23:00",
                "maintenance_window": "tue:01:00-tue:02:00",
            },
            {
                "databaseName": "shop",
                "backupRetentionPeriod": 30,
                "preferredBackupWindow": "22:00-23:00",
                "preferredMaintenanceWindow": "tue:01:00-tue:02:00",
            },
        ),
    ],
    ids=["default", "iam", "to-iam", "from-iam", "proxy", "auto-pause", "free", "no-insights", "chosen"],
)
def test_the_cluster_is_this(args: dict[str, Any], changes: dict[str, Any]) -> None:
    assert inputs(deployed(**args), CLUSTER, "database") == cluster(**changes)


def test_instances_are_serverless_and_no_others_than_the_first_two_scale_together() -> None:
    manifest = deployed(instances=3)
    assert [each.name for each in manifest.of_type(INSTANCE)] == [f"database-instance-{number}" for number in (1, 2, 3)]
    for number, tier in ((1, 0), (2, 1), (3, 2)):
        assert inputs(manifest, INSTANCE, f"database-instance-{number}") == {
            "clusterIdentifier": "${aws:rds/cluster:Cluster::database.id}",
            "engine": "aurora-postgresql",
            "engineVersion": "16.9",
            "instanceClass": "db.serverless",
            "applyImmediately": True,
            "autoMinorVersionUpgrade": False,
            "publiclyAccessible": False,
            "promotionTier": tier,
        }


def test_the_server_refuses_plain_text_ends_idle_transactions_and_logs_no_values() -> None:
    group = inputs(deployed(), PARAMETERS, "database-parameters")
    assert {each["applyMethod"] for each in group["parameters"]} == {"immediate"}
    assert (group["family"], {each["name"]: each["value"] for each in group["parameters"]}) == (
        "aurora-postgresql16",
        {
            "rds.force_ssl": "1",
            "idle_in_transaction_session_timeout": "60000",
            "log_min_duration_statement": "1000",
            "log_statement": "ddl",
            "log_lock_waits": "1",
            "log_parameter_max_length": "0",
            "log_parameter_max_length_on_error": "0",
            "log_error_verbosity": "terse",
        },
    )


def test_logs_are_kept_for_a_time_and_their_groups_made_before_aws_makes_them() -> None:
    manifest = deployed(login="iam", log_retention_days=90, proxy=True)
    assert {each.name: inputs(manifest, LOGS, each.name) for each in manifest.of_type(LOGS)} == {
        "database-logs": {"name": "/aws/rds/cluster/plinth-test-database/postgresql", "retentionInDays": 90},
        "database-refused-tokens": {
            "name": "/aws/rds/cluster/plinth-test-database/iam-db-auth-error",
            "retentionInDays": 90,
        },
        "database-proxy-logs": {"name": "/aws/rds/proxy/plinth-test-database-proxy", "retentionInDays": 90},
    }
    assert names_of(resource(manifest, CLUSTER, "database")) >= {"database-logs", "database-refused-tokens"}
    assert names_of(resource(manifest, PROXY, "database-proxy")) >= {"database-proxy-logs", "database-proxy-policy"}


def test_its_security_group_lets_nothing_in_or_out_by_itself() -> None:
    assert inputs(deployed(), GROUP, "database-security-group") == {"description": "The database", "vpcId": "vpc-1"}


REPLACEABLE = {"database-app", "database-refused-tokens", *(child.rpartition("::")[2] for child in PROXY_CHILDREN)}
"""What another login or a proxy less takes away, and a deployment or a migration makes anew."""


@pytest.mark.parametrize(
    ("args", "protect", "retain"),
    [
        ({}, True, False),
        ({"deletion_protection": False}, False, False),
        ({"retain": True}, True, True),
    ],
)
def test_all_that_data_needs_is_protected_and_retained_alike(args: dict[str, Any], protect: bool, retain: bool) -> None:
    children = [each for each in deployed(proxy=True, **TRANSITIONS[0], **args).resources if each.custom]
    found = {each.name: (each.protect, each.retain_on_delete) for each in children}
    kept = {child.rpartition("::")[2] for child in CHILDREN}
    assert found == {**dict.fromkeys(kept, (protect, retain)), **dict.fromkeys(REPLACEABLE, (False, False))}


def test_the_applications_login_is_a_secret_without_a_value_whose_name_is_free_at_once_when_it_goes() -> None:
    manifest = deployed()
    assert inputs(manifest, SECRET, "database-app") == {
        "name": "plinth-test-database-app",
        "description": "The login of the application's own role in the database",
        "recoveryWindowInDays": 0,
    }
    assert [each for each in manifest.resources if each.type.startswith("aws:secretsmanager/secretVersion")] == []


APP = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:plinth-test-database-app"
USERS = "arn:aws:rds-db:eu-central-1:111111111111:dbuser"
CLUSTER_USER = f"{USERS}:${{{CLUSTER}::database.clusterResourceId}}/plinth_app_iam"
PROXY_USER = f"{USERS}:plinth-test-database-proxy/plinth_app_iam"
MASTER = f"${{{CLUSTER}::database.masterUserSecrets[0].secretArn}}"
READ, WRITE, CONNECT = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "rds-db:connect"
WRITER = {"DATABASE_HOST": f"${{{CLUSTER}::database.endpoint}}"}
PLACE = {"DATABASE_PORT": "5432", "DATABASE_NAME": "plinth", "PGSSLMODE": "require"}
BY_PASSWORD = {"DATABASE_SECRET_ARN": APP}
BY_TOKEN = {"DATABASE_LOGIN": "iam", "DATABASE_USER": "plinth_app_iam"}
WAY = {
    "name": "database",
    "port": 5432,
    "security_group_id": f"${{{GROUP}::database-security-group.id}}",
}
READS_LOGIN = {"actions": [READ], "resources": [APP]}
IS_LET_IN = {"actions": [CONNECT], "resources": [CLUSTER_USER]}


@pytest.mark.parametrize(
    ("args", "login", "statements"),
    [
        ({}, BY_PASSWORD, [READS_LOGIN]),
        ({"login": "iam"}, BY_TOKEN, [IS_LET_IN]),
        (TRANSITIONS[0], BY_TOKEN, [READS_LOGIN, IS_LET_IN]),
        (TRANSITIONS[1], BY_PASSWORD, [READS_LOGIN, IS_LET_IN]),
    ],
    ids=["password", "iam", "to-iam", "from-iam"],
)
def test_a_client_gets_the_address_a_login_and_the_way(
    args: dict[str, Any], login: dict[str, str], statements: list[Any]
) -> None:
    assert granted("connects", **args) == {
        "environment": {**WRITER, **PLACE, **login},
        "statements": statements,
        "connections": [WAY],
    }


@pytest.mark.parametrize(
    ("args", "statement"),
    [({}, READS_LOGIN), ({"login": "iam"}, {"actions": [CONNECT], "resources": [PROXY_USER]})],
    ids=["password", "iam"],
)
def test_a_client_of_a_proxy_knows_and_reaches_nothing_but_the_proxy(args: dict[str, Any], statement: Any) -> None:
    grant = granted("connects", proxy=True, **args)
    login = BY_TOKEN if args else BY_PASSWORD
    endpoint = {"DATABASE_HOST": f"${{{PROXY}::database-proxy.endpoint}}", "DATABASE_PROXIED": "true"}
    assert grant == {
        "environment": {**endpoint, **PLACE, **login},
        "statements": [statement],
        "connections": [
            {
                "name": "database-proxy",
                "port": 5432,
                "security_group_id": f"${{{GROUP}::database-proxy-security-group.id}}",
            }
        ],
    }


READS_MASTER = {"actions": [READ], "resources": [MASTER]}
WRITES_LOGIN = {"actions": [READ, WRITE], "resources": [APP]}


@pytest.mark.parametrize("proxy", [False, True])
@pytest.mark.parametrize(
    ("args", "logins", "statements"),
    [
        ({}, BY_PASSWORD, [READS_MASTER, WRITES_LOGIN]),
        ({"login": "iam"}, BY_TOKEN, [READS_MASTER]),
        (TRANSITIONS[0], {**BY_PASSWORD, **BY_TOKEN}, [READS_MASTER, WRITES_LOGIN]),
        (TRANSITIONS[1], {**BY_PASSWORD, "DATABASE_USER": "plinth_app_iam"}, [READS_MASTER, WRITES_LOGIN]),
    ],
    ids=["password", "iam", "to-iam", "from-iam"],
)
def test_who_administers_it_goes_straight_to_the_cluster_as_the_master_and_makes_the_logins(
    args: dict[str, Any], logins: dict[str, str], statements: list[Any], proxy: bool
) -> None:
    assert granted("administers", proxy=proxy, **args) == {
        "environment": {**WRITER, **PLACE, **logins, "DATABASE_ADMIN_SECRET_ARN": MASTER},
        "statements": statements,
        "connections": [WAY],
    }


@pytest.mark.parametrize(
    ("args", "login_arn", "secret_arn"),
    [
        ({}, APP, APP),
        ({"login": "iam"}, CLUSTER_USER, None),
        ({"login": "iam", "proxy": True}, CLUSTER_USER, None),
        (TRANSITIONS[0], CLUSTER_USER, APP),
        (TRANSITIONS[1], APP, APP),
    ],
)
def test_its_outputs_are_these(args: dict[str, Any], login_arn: str, secret_arn: str | None) -> None:
    def program() -> None:
        merged: Any = {**ARGS, **args}
        database = Database("database", merged)
        for output in ("endpoint", "cluster_identifier", "login_arn", "secret_arn", "admin_secret_arn"):
            pulumi.export(output, getattr(database, output))

    where = f"{PROXY}::database-proxy" if args.get("proxy") else f"{CLUSTER}::database"
    secret = {} if secret_arn is None else {"secret_arn": secret_arn}
    assert deploy(program).outputs == {
        "endpoint": f"${{{where}.endpoint}}",
        "cluster_identifier": "plinth-test-database",
        "login_arn": login_arn,
        "admin_secret_arn": MASTER,
        **secret,
    }


BY_SECRET = {
    "authScheme": "SECRETS",
    "clientPasswordAuthType": "POSTGRES_SCRAM_SHA_256",
    "iamAuth": "DISABLED",
    "secretArn": APP,
}


@pytest.mark.parametrize(
    ("args", "logins", "statements"),
    [
        ({}, {"auths": [BY_SECRET], "defaultAuthScheme": "NONE"}, [(READ, APP)]),
        ({"login": "iam"}, {"defaultAuthScheme": "IAM_AUTH"}, [(CONNECT, CLUSTER_USER)]),
        (
            TRANSITIONS[0],
            {"auths": [BY_SECRET], "defaultAuthScheme": "IAM_AUTH"},
            [(CONNECT, CLUSTER_USER), (READ, APP)],
        ),
    ],
    ids=["password", "iam", "to-iam"],
)
def test_the_proxy_demands_tls_and_logs_in_as_its_clients_do(
    args: dict[str, Any], logins: dict[str, Any], statements: list[tuple[str, str]]
) -> None:
    manifest = deployed(proxy=True, **args)
    assert inputs(manifest, PROXY, "database-proxy") == {
        "name": "plinth-test-database-proxy",
        "engineFamily": "POSTGRESQL",
        "requireTls": True,
        "roleArn": "arn:aws:iam::111111111111:role/plinth-test-database-proxy",
        "vpcSubnetIds": ["subnet-1", "subnet-2"],
        "vpcSecurityGroupIds": [f"${{{GROUP}::database-proxy-security-group.id}}"],
        **logins,
    }
    assert policy(manifest, "database-proxy-policy") == [
        {"Effect": "Allow", "Action": [action], "Resource": [on]} for action, on in statements
    ]


def test_the_proxy_leads_to_the_cluster_with_its_share_of_the_connections() -> None:
    manifest = deployed(proxy=True, instances=2)
    groups = "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup"
    assert inputs(manifest, groups, "database-proxy-targets") == {
        "dbProxyName": "plinth-test-database-proxy",
        "connectionPoolConfig": {"maxConnectionsPercent": 90, "connectionBorrowTimeout": 10},
    }
    target = resource(manifest, "aws:rds/proxyTarget:ProxyTarget", "database-proxy-target")
    assert target.inputs == {
        "dbProxyName": "plinth-test-database-proxy",
        "targetGroupName": f"${{{groups}::database-proxy-targets.name}}",
        "dbClusterIdentifier": "plinth-test-database",
    }
    assert names_of(target) >= {"database-instance-1", "database-instance-2", "database-proxy-into-database"}


def test_the_proxy_reaches_the_cluster_and_nothing_else() -> None:
    manifest = deployed(proxy=True)
    proxy, cluster = (f"${{{GROUP}::database-{which}security-group.id}}" for which in ("proxy-", ""))
    assert inputs(manifest, GROUP, "database-proxy-security-group") == {
        "description": "The proxy of the database",
        "vpcId": "vpc-1",
    }
    way = {"ipProtocol": "tcp", "fromPort": 5432, "toPort": 5432}
    egress = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    assert inputs(manifest, egress, "database-proxy-to-database") == {
        **way,
        "securityGroupId": proxy,
        "referencedSecurityGroupId": cluster,
        "description": "To database",
    }
    ingress = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    assert inputs(manifest, ingress, "database-proxy-into-database") == {
        **way,
        "securityGroupId": cluster,
        "referencedSecurityGroupId": proxy,
        "description": "From plinth-test-database-proxy",
    }


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"subnet_ids": ["subnet-1"]}, "subnet_ids is ['subnet-1']: give subnets in at least two zones."),
        (
            {"database_name": "1st"},
            "database_name is '1st': give a letter and up to 62 letters, digits and underscores.",
        ),
        ({"min_capacity": 0.3}, "min_capacity is 0.3: give a multiple of 0.5 from 0 to 256."),
        ({"max_capacity": 0.5}, "max_capacity is 0.5: give a multiple of 0.5 from 1 to 256."),
        ({"min_capacity": 4}, "max_capacity is 2: give no less than min_capacity (4)."),
        (
            {"min_capacity": 0, "seconds_until_auto_pause": 299},
            "seconds_until_auto_pause is 299: give a whole number from 300 to 86400, or None.",
        ),
        (
            {"seconds_until_auto_pause": 300},
            "seconds_until_auto_pause is 300: give nothing, since only a min_capacity of 0 pauses, and it is 0.5.",
        ),
        ({"instances": 17}, "instances is 17: give a whole number from 1 to 16."),
        ({"login": "token"}, "login is 'token': give 'password' or 'iam'."),
        ({"former_login": "none"}, "former_login is 'none': give 'password' or 'iam', or None."),
        (
            {"former_login": "password"},
            "former_login is 'password': give the other login than login, or nothing.",
        ),
        ({"proxy": "yes"}, "proxy is 'yes': give True or False."),
        (
            {"proxy": True, "min_capacity": 0},
            "min_capacity is 0: give 0.5 or more with a proxy: it keeps a connection open, and the cluster awake.",
        ),
        ({"insights": 1}, "insights is 1: give True or False."),
        ({"backup_retention_days": 0}, "backup_retention_days is 0: give a whole number from 1 to 35."),
        (
            {"backup_window": "2-3"},
            "backup_window is '2-3': give times in UTC such as '02:00-03:00', 30 minutes or more.",
        ),
        (
            {"maintenance_window": "sun:4"},
            "maintenance_window is 'sun:4': give times in UTC such as 'sun:04:00-sun:05:00', 30 minutes to 24 hours.",
        ),
        (
            {"backup_window": "04:30-05:30"},
            "maintenance_window is 'sun:04:00-sun:05:00': give a time clear of backup_window (04:30-05:30, every day).",
        ),
        ({"deletion_protection": None}, "deletion_protection is None: give True or False."),
        ({"final_snapshot": "no"}, "final_snapshot is 'no': give True or False."),
        ({"retain": 0}, "retain is 0: give True or False."),
        ({"connections": 0}, "connections is 0: give a whole number from 1 to 1000000, or None."),
        (
            {"connections": 386},
            (
                "connections is 386: give 385 or fewer, by fewer instances of the functions that connect, or raise"
                " max_capacity (2): the writer has 400 connections, of which 15 are kept back."
            ),
        ),
        (
            {"connections": 1986, "max_capacity": 16},
            (
                "connections is 1986: give 1985 or fewer, by fewer instances of the functions that connect, or raise"
                " min_capacity (0.5): the writer has 2000 connections, of which 15 are kept back."
            ),
        ),
        (
            {"connections": 361, "proxy": True},
            (
                "connections is 361: give 360 or fewer, by fewer instances of the functions that connect, or raise"
                " max_capacity (2): the writer has 400 connections, of which 90 % are the proxy's."
            ),
        ),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_made(args: dict[str, Any], words: str) -> None:
    assert refusal(**args) == f"Database 'database': {words}"


def test_a_capacity_may_be_fixed() -> None:
    (cluster,) = deployed(min_capacity=4, max_capacity=4).of_type("aws:rds/cluster:Cluster")
    assert cluster.inputs["serverlessv2ScalingConfiguration"] == {"minCapacity": 4, "maxCapacity": 4}


def test_log_retention_is_one_that_cloudwatch_knows() -> None:
    assert refusal(log_retention_days=8).startswith("Database 'database': log_retention_days is 8: give one of 1, 3, ")


@pytest.mark.parametrize(
    "args", [{"connections": 385}, {"connections": 360, "proxy": True}, {"connections": 3345, "max_capacity": 16}]
)
def test_as_many_connections_as_there_are_may_be_planned_with(args: dict[str, Any]) -> None:
    low = 1 if args.get("max_capacity") else 0.5
    assert registered(deployed(min_capacity=low, **args))[0].startswith("plinth:index:Database$aws:")
