"""A database that is protected unless told otherwise, and lets in only those with its grant."""

from typing import Any

import pulumi
import pytest

from components.database import Database, DatabaseArgs
from tests.support.evaluation import deploy, inputs, registered
from workbench.manifest import Manifest

ARGS: DatabaseArgs = {"vpc_id": "vpc-1", "subnet_ids": ["subnet-1", "subnet-2"]}
SECRET = "aws:secretsmanager/secret:Secret"
CLUSTER, INSTANCE = "aws:rds/cluster:Cluster", "aws:rds/clusterInstance:ClusterInstance"
PARAMETERS = "aws:rds/clusterParameterGroup:ClusterParameterGroup"


def deployed(**args: Any) -> Manifest:
    merged: Any = {**ARGS, **args}
    return deploy(lambda: Database("database", merged))


def test_it_is_a_cluster_of_one_instance_with_its_surroundings() -> None:
    manifest = deployed()
    assert registered(manifest) == [
        "plinth:index:Database$aws:ec2/securityGroup:SecurityGroup::database-security-group",
        "plinth:index:Database$aws:rds/cluster:Cluster::database",
        "plinth:index:Database$aws:rds/clusterInstance:ClusterInstance::database-instance-1",
        "plinth:index:Database$aws:rds/clusterParameterGroup:ClusterParameterGroup::database-parameters",
        "plinth:index:Database$aws:rds/subnetGroup:SubnetGroup::database-subnets",
        "plinth:index:Database$aws:secretsmanager/secret:Secret::database-app",
        "plinth:index:Database::database",
    ]
    assert inputs(manifest, CLUSTER, "database") == {
        "clusterIdentifier": "plinth-test-database",
        "engine": "aurora-postgresql",
        "engineMode": "provisioned",
        "engineVersion": "16.9",
        "databaseName": "app",
        "masterUsername": "plinth",
        "manageMasterUserPassword": True,
        "port": 5432,
        "serverlessv2ScalingConfiguration": {"minCapacity": 0.5, "maxCapacity": 2},
        "dbSubnetGroupName": "${aws:rds/subnetGroup:SubnetGroup::database-subnets.name}",
        "dbClusterParameterGroupName": f"${{{PARAMETERS}::database-parameters.name}}",
        "vpcSecurityGroupIds": ["${aws:ec2/securityGroup:SecurityGroup::database-security-group.id}"],
        "storageEncrypted": True,
        "backupRetentionPeriod": 7,
        "copyTagsToSnapshot": True,
        "deletionProtection": True,
        "skipFinalSnapshot": False,
        "finalSnapshotIdentifier": "plinth-test-database-final",
    }
    assert inputs(manifest, INSTANCE, "database-instance-1") == {
        "clusterIdentifier": "${aws:rds/cluster:Cluster::database.id}",
        "engine": "aurora-postgresql",
        "engineVersion": "16.9",
        "instanceClass": "db.serverless",
        "autoMinorVersionUpgrade": False,
        "publiclyAccessible": False,
        "promotionTier": 0,
    }


def test_connections_without_tls_are_refused_by_the_server() -> None:
    group = inputs(deployed(), PARAMETERS, "database-parameters")
    assert group["family"] == "aurora-postgresql16"
    assert group["parameters"] == [{"name": "rds.force_ssl", "value": "1"}]


def test_its_security_group_lets_nothing_in_or_out_by_itself() -> None:
    assert inputs(deployed(), "aws:ec2/securityGroup:SecurityGroup", "database-security-group") == {
        "description": "The database",
        "vpcId": "vpc-1",
    }


@pytest.mark.parametrize(
    ("args", "protect", "retain"),
    [
        ({}, True, False),
        ({"deletion_protection": False}, False, False),
        ({"retain": True}, True, True),
    ],
)
def test_all_of_it_is_protected_and_retained_alike(args: dict[str, Any], protect: bool, retain: bool) -> None:
    children = [each for each in deployed(**args).resources if each.custom]
    assert len(children) == 6
    assert {(each.protect, each.retain_on_delete) for each in children} == {(protect, retain)}


def test_a_database_free_to_go_leaves_no_snapshot() -> None:
    cluster = inputs(deployed(deletion_protection=False, final_snapshot=False), CLUSTER, "database")
    assert cluster["deletionProtection"] is False
    assert cluster["skipFinalSnapshot"] is True
    assert "finalSnapshotIdentifier" not in cluster


def test_the_first_reader_scales_with_the_writer_and_the_others_do_not() -> None:
    instances = deployed(instances=3).of_type(INSTANCE)
    assert {each.name: each.inputs["promotionTier"] for each in instances} == {
        "database-instance-1": 0,
        "database-instance-2": 1,
        "database-instance-3": 2,
    }


@pytest.mark.parametrize(("protected", "days"), [(True, 30), (False, 0)])
def test_the_applications_login_is_a_secret_that_the_program_gives_no_value(protected: bool, days: int) -> None:
    manifest = deployed(deletion_protection=protected)
    assert inputs(manifest, SECRET, "database-app") == {
        "name": "plinth-test-database-app",
        "description": "The login of the application's own role in the database",
        "recoveryWindowInDays": days,
    }
    assert [each for each in manifest.resources if each.type.startswith("aws:secretsmanager/secretVersion")] == []


APP = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:plinth-test-database-app"
MASTER = "${aws:rds/cluster:Cluster::database.masterUserSecrets[0].secretArn}"
READ, WRITE = "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"
ENVIRONMENT = {
    "DATABASE_HOST": "${aws:rds/cluster:Cluster::database.endpoint}",
    "DATABASE_PORT": "5432",
    "DATABASE_NAME": "plinth",
    "DATABASE_SECRET_ARN": APP,
    "PGSSLMODE": "require",
}
WAY = {
    "name": "database",
    "port": 5432,
    "security_group_id": "${aws:ec2/securityGroup:SecurityGroup::database-security-group.id}",
}


def test_a_client_gets_the_address_the_applications_login_and_the_way() -> None:
    def program() -> None:
        pulumi.export("grant", Database("database", {**ARGS, "database_name": "plinth"}).connects())

    assert deploy(program).outputs["grant"] == {
        "environment": ENVIRONMENT,
        "statements": [{"actions": [READ], "resources": [APP]}],
        "connections": [WAY],
    }


def test_who_administers_it_logs_in_as_the_master_and_stores_the_applications_login() -> None:
    def program() -> None:
        pulumi.export("grant", Database("database", {**ARGS, "database_name": "plinth"}).administers())

    assert deploy(program).outputs["grant"] == {
        "environment": {**ENVIRONMENT, "DATABASE_ADMIN_SECRET_ARN": MASTER},
        "statements": [
            {"actions": [READ], "resources": [MASTER]},
            {"actions": [READ, WRITE], "resources": [APP]},
        ],
        "connections": [WAY],
    }
