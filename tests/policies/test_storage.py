"""Data is encrypted, kept as long as it should be, and not lost by one mistake."""

import importlib
import inspect
import json
import re
from typing import Any, cast

import pytest

from policies.exceptions import EXEMPTIONS
from policies.model import UNKNOWN, Resource, Settings
from policies.storage import ENCRYPTED_BY_AWS, ENCRYPTED_BY_INPUT
from tests.support.evaluation import stack_manifest
from tests.support.policies import made, said
from workbench.project import stack_names

CLUSTER = "aws:rds/cluster:Cluster"
INSTANCE = "aws:rds/clusterInstance:ClusterInstance"
PARAMETERS = "aws:rds/clusterParameterGroup:ClusterParameterGroup"
QUEUE = "aws:sqs/queue:Queue"
LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
FUNCTION = "aws:lambda/function:Function"
SECRET = "aws:secretsmanager/secret:Secret"


@pytest.mark.parametrize(
    ("type_", "inputs", "expected"),
    [
        (CLUSTER, {"storageEncrypted": True}, None),
        (CLUSTER, {"storageEncrypted": UNKNOWN}, None),
        (CLUSTER, {"storageEncrypted": False}, "storageEncrypted not given"),
        (CLUSTER, {"storageEncrypted": "false"}, "storageEncrypted not given"),
        (CLUSTER, {}, "storageEncrypted not given"),
        ("aws:rds/instance:Instance", {}, "storageEncrypted not given"),
        (QUEUE, {"sqsManagedSseEnabled": True}, None),
        (QUEUE, {"kmsMasterKeyId": "alias/own"}, None),
        (
            QUEUE,
            {"kmsMasterKeyId": "", "sqsManagedSseEnabled": False},
            "sqsManagedSseEnabled and kmsMasterKeyId not given",
        ),
        ("aws:sns/topic:Topic", {"kmsMasterKeyId": UNKNOWN}, None),
        ("aws:sns/topic:Topic", {}, "kmsMasterKeyId not given"),
        ("aws:efs/fileSystem:FileSystem", {}, "encrypted not given"),
        ("aws:elasticache/serverlessCache:ServerlessCache", {}, None),
        ("aws:s3/bucket:Bucket", {}, None),
    ],
)
def test_what_keeps_data_encrypts_it(type_: str, inputs: dict[str, Any], expected: str | None) -> None:
    found = said("encryption-at-rest", made(type_, "data", inputs))
    assert found == ([f"data is not encrypted at rest: {expected}"] if expected else [])


def denial(action: str, **changed: Any) -> str:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": "arn:aws:sqs:eu-central-1:111111111111:runs",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **changed}]})


@pytest.mark.parametrize("name", stack_names())
def test_of_whatever_could_be_given_a_key_it_is_said_why_it_is_encrypted(name: str) -> None:
    keyed = {each.type for each in stack_manifest(name).resources if takes_a_key(each.type)}
    assert keyed - ENCRYPTED_BY_AWS.keys() - ENCRYPTED_BY_INPUT.keys() == set()
    assert {CLUSTER, QUEUE, LOG_GROUP, FUNCTION, SECRET} <= keyed


def takes_a_key(type_: str) -> bool:
    """Whether the provider has an input for a key of KMS, or for encryption, on resources of a type."""
    if not type_.startswith("aws:"):
        return False
    module, _, name = type_.removeprefix("aws:").partition("/")
    made_by = getattr(importlib.import_module(f"pulumi_aws.{module.replace('lambda', 'lambda_')}"), name.split(":")[1])
    return any(re.search("kms|encrypt", argument) for argument in inspect.signature(made_by._internal_init).parameters)


@pytest.mark.parametrize(
    ("policy", "passes"),
    [
        (denial("sqs:*"), True),
        (denial("*", Principal={"AWS": "*"}), True),
        (UNKNOWN, True),
        (denial("sqs:SendMessage"), False),
        (denial("sqs:*", NotResource="arn:aws:sqs:eu-central-1:111111111111:runs"), False),
        (denial("sqs:*", Effect="Allow"), False),
        (denial("sqs:*", Principal={"AWS": "111111111111"}), False),
        (denial("sqs:*", Condition={"Bool": {"aws:SecureTransport": "true"}}), False),
        (None, False),
    ],
)
def test_queues_answer_over_tls_only(policy: Any, passes: bool) -> None:
    queue, other = made(QUEUE, "queue"), made(QUEUE, "other", {"policy": denial("sqs:*")})
    attached = made("aws:sqs/queuePolicy:QueuePolicy", "policy", {"policy": policy}, queueUrl=queue)
    expected = ["queue answers requests without TLS: no policy denies aws:SecureTransport false"]
    assert said("tls-only", queue, other, attached) == ([] if passes else expected)


@pytest.mark.parametrize(
    ("type_", "policy_type", "key", "action"),
    [
        ("aws:s3/bucket:Bucket", "aws:s3/bucketPolicy:BucketPolicy", "bucket", "s3:*"),
        ("aws:sns/topic:Topic", "aws:sns/topicPolicy:TopicPolicy", "arn", "sns:Publish"),
    ],
)
def test_buckets_and_topics_do_too(type_: str, policy_type: str, key: str, action: str) -> None:
    one, bare = made(type_, "one"), made(type_, "bare")
    policy = made(policy_type, "policy", {"policy": denial(action)}, **cast("Any", {key: one}))
    assert said("tls-only", one, bare, policy) == [
        "bare answers requests without TLS: no policy denies aws:SecureTransport false"
    ]


@pytest.mark.parametrize(
    ("type_", "inputs", "expected"),
    [
        (PARAMETERS, {"family": "aurora-postgresql16", "parameters": [{"name": "rds.force_ssl", "value": "1"}]}, None),
        (PARAMETERS, {"family": "aurora-postgresql16", "parameters": UNKNOWN}, None),
        (PARAMETERS, {"family": "aurora-postgresql16", "parameters": [UNKNOWN]}, None),
        (
            PARAMETERS,
            {"family": "aurora-postgresql16", "parameters": [{"name": "log_connections", "value": "1"}]},
            "lets clients log in without TLS: rds.force_ssl is not 1",
        ),
        (PARAMETERS, {"family": "aurora-mysql8.0"}, None),
        (
            PARAMETERS,
            {"family": "aurora-postgresql16", "parameters": [{"name": "rds.force_ssl", "value": "0"}]},
            "lets clients log in without TLS: rds.force_ssl is not 1",
        ),
        (CLUSTER, {"engine": "aurora-postgresql", "dbClusterParameterGroupName": UNKNOWN}, None),
        (CLUSTER, {"engine": "aurora-mysql"}, None),
        (
            CLUSTER,
            {"engine": "aurora-postgresql", "dbClusterParameterGroupName": "default.aurora-postgresql16"},
            "has no parameter group of its own, which could force TLS",
        ),
        (CLUSTER, {"engine": "aurora-postgresql"}, "has no parameter group of its own, which could force TLS"),
        ("aws:rds/proxy:Proxy", {"requireTls": True}, None),
        ("aws:rds/proxy:Proxy", {}, "lets clients log in without TLS: requireTls is not true"),
        ("aws:elasticache/replicationGroup:ReplicationGroup", {"transitEncryptionEnabled": True}, None),
        (
            "aws:elasticache/replicationGroup:ReplicationGroup",
            {},
            "talks without TLS: transitEncryptionEnabled is not true",
        ),
        (
            "aws:apigatewayv2/domainName:DomainName",
            {"domainNameConfiguration": {"securityPolicy": "TLS_1_2"}},
            None,
        ),
        (
            "aws:apigatewayv2/domainName:DomainName",
            {"domainNameConfiguration": {"securityPolicy": "SecurityPolicy_TLS13_1_3_2025_09"}},
            None,
        ),
        ("aws:apigatewayv2/domainName:DomainName", {"domainNameConfiguration": UNKNOWN}, None),
        (
            "aws:apigatewayv2/domainName:DomainName",
            {"domainNameConfiguration": {"securityPolicy": "TLS_1_0"}},
            "takes TLS older than 1.2: its security policy is TLS_1_0",
        ),
    ],
)
def test_databases_and_domains_take_tls_only(type_: str, inputs: dict[str, Any], expected: str | None) -> None:
    assert said("tls-only", made(type_, "one", inputs)) == ([f"one {expected}"] if expected else [])


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (1, None),
        (400.0, None),
        (UNKNOWN, None),
        (None, "keeps what it gets for ever: retentionInDays not given"),
        (0, "keeps what it gets for ever: retentionInDays not given"),
        (545, "keeps what it gets for 545 days, more than 400"),
    ],
)
def test_logs_end(days: Any, expected: str | None) -> None:
    found = said("log-retention", made(LOG_GROUP, "logs", {"retentionInDays": days}))
    assert found == ([f"logs {expected}"] if expected else [])


def test_functions_log_to_groups_of_the_stack() -> None:
    group = made(LOG_GROUP, "logs", {"name": "/aws/lambda/one", "retentionInDays": 7})
    functions = [
        made(FUNCTION, "by-default", {"name": "one"}),
        made(FUNCTION, "by-name", {"loggingConfig": {"logGroup": "/aws/lambda/one"}}),
        made(FUNCTION, "by-reference", {"loggingConfig": {"logGroup": "a"}}, loggingConfig=group),
        made(FUNCTION, "unknown", {"loggingConfig": UNKNOWN}),
        made(FUNCTION, "unknown-name", {"name": UNKNOWN}),
        made(FUNCTION, "elsewhere", {"name": "one", "loggingConfig": {"logGroup": "/other"}}),
        made(FUNCTION, "nowhere", {"name": "two"}),
    ]
    assert said("log-retention", group, *functions) == [
        f"{name} logs to a group that is none of the stack's, which Lambda makes and never ends"
        for name in ("elsewhere", "nowhere")
    ]


SAFE = {"deletionProtection": True, "skipFinalSnapshot": False, "backupRetentionPeriod": 30}


def database(*, protect: bool = True, retain: bool | None = True, **changed: Any) -> list[Resource]:
    kept: dict[str, Any] = {"protect": protect, "retain": retain}
    subnets = made("aws:rds/subnetGroup:SubnetGroup", "subnets", **kept)
    group = made("aws:ec2/securityGroup:SecurityGroup", "group", **kept)
    cluster = made(
        CLUSTER, "cluster", {**SAFE, **changed}, dbSubnetGroupName=subnets, vpcSecurityGroupIds=group, **kept
    )
    unrelated = made("aws:ec2/securityGroup:SecurityGroup", "unrelated")
    return [subnets, group, cluster, unrelated, made(INSTANCE, "instance", clusterIdentifier=cluster, **kept)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"retain": None}, []),
        ({"skipFinalSnapshot": None}, []),
        (dict.fromkeys(SAFE, UNKNOWN), []),
        ({"deletionProtection": False}, ["cluster AWS deletes it on request: deletionProtection is not true"]),
        (
            {"deletionProtection": None, "skipFinalSnapshot": True},
            [
                "cluster AWS deletes it on request: deletionProtection is not true",
                "cluster leaves nothing behind when it is deleted: skipFinalSnapshot is true",
            ],
        ),
        ({"backupRetentionPeriod": 7}, []),
        ({"backupRetentionPeriod": 6}, ["cluster has 6 days of backup, fewer than 7"]),
        ({"backupRetentionPeriod": None}, ["cluster has 0 days of backup, fewer than 7"]),
        (
            {"protect": False},
            [
                f"{name} can be deleted or replaced by one `pulumi up`: it is not protected"
                for name in ("group", "cluster", "instance", "subnets")
            ],
        ),
        (
            {"retain": False},
            [
                f"{name} goes when it is taken out of the program: retain_on_delete is not set"
                for name in ("group", "cluster", "instance", "subnets")
            ],
        ),
    ],
)
def test_production_keeps_its_database(changed: dict[str, Any], expected: list[str]) -> None:
    assert said("protected-data", *database(**changed)) == expected


@pytest.mark.parametrize(
    ("protect", "days", "expected"),
    [
        (True, 30, []),
        (True, None, []),
        (True, UNKNOWN, []),
        (True, 0, ["keys has 0 days of recovery after deletion, fewer than 7"]),
        (False, 30, ["keys can be deleted or replaced by one `pulumi up`: it is not protected"]),
    ],
)
def test_production_keeps_its_secrets(protect: bool, days: Any, expected: list[str]) -> None:
    secret = made(SECRET, "keys", {"recoveryWindowInDays": days}, protect=protect)
    assert said("protected-data", secret) == expected


def test_a_login_that_the_migration_makes_again_need_not_be_kept() -> None:
    secrets = [made(SECRET, name, {"recoveryWindowInDays": 30}) for name in ("database-app", "signing-keys")]
    assert said("protected-data", *secrets, exemptions=EXEMPTIONS) == [
        "signing-keys can be deleted or replaced by one `pulumi up`: it is not protected"
    ]


@pytest.mark.parametrize(("name", "kept"), [("dev", False), ("prod", True), ("prod-eu", True), ("reproduced", False)])
def test_other_stacks_may_lose_theirs(name: str, kept: bool) -> None:
    found = said("protected-data", *database(deletionProtection=False), name=name)
    assert found == (["cluster AWS deletes it on request: deletionProtection is not true"] if kept else [])


def test_a_team_says_which_stacks_are_production() -> None:
    settings = Settings(production_stacks=("live",))
    unsafe = database(deletionProtection=False)
    assert said("protected-data", *unsafe, name="prod", settings=settings) == []
    assert said("protected-data", *unsafe, name="live", settings=settings) == [
        "cluster AWS deletes it on request: deletionProtection is not true"
    ]
