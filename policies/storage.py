"""Rules about data: encrypted where it lies and where it travels, kept as long as it should be, and not lost."""

from collections.abc import Iterator, Mapping
from typing import Any

from policies.documents import Statement, statements
from policies.model import UNKNOWN, Resource, Rule, Stack, Violation

ENCRYPTED_BY_AWS = {
    "aws:cloudwatch/logGroup:LogGroup": "CloudWatch Logs user guide, Encrypt log data: always encrypted.",
    "aws:dynamodb/table:Table": "DynamoDB developer guide, Encryption at rest: cannot be turned off.",
    "aws:elasticache/serverlessCache:ServerlessCache": "ElastiCache user guide, Serverless: at rest and in transit.",
    "aws:lambda/eventSourceMapping:EventSourceMapping": "Lambda developer guide, Event filtering: filters always are.",
    "aws:lambda/function:Function": "Lambda developer guide, Data encryption at rest: code and variables always are.",
    "aws:rds/clusterInstance:ClusterInstance": "Aurora user guide: as its cluster is, and its insights always.",
    "aws:s3/bucket:Bucket": "S3 user guide: every new object is encrypted since January 2023.",
    "aws:scheduler/schedule:Schedule": "EventBridge Scheduler user guide, Encryption at rest: always encrypted.",
    "aws:secretsmanager/secret:Secret": "Secrets Manager user guide: always encrypted, with a key of KMS.",
}
"""What AWS encrypts at rest whatever it is told, and where AWS says so. Whatever in a stack could be given a key is
here or in the next table."""

ENCRYPTED_BY_INPUT = {
    "aws:docdb/cluster:Cluster": ("storageEncrypted",),
    "aws:ebs/volume:Volume": ("encrypted",),
    "aws:efs/fileSystem:FileSystem": ("encrypted",),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("atRestEncryptionEnabled",),
    "aws:rds/cluster:Cluster": ("storageEncrypted",),
    "aws:rds/globalCluster:GlobalCluster": ("storageEncrypted",),
    "aws:rds/instance:Instance": ("storageEncrypted",),
    "aws:sns/topic:Topic": ("kmsMasterKeyId",),
    "aws:sqs/queue:Queue": ("sqsManagedSseEnabled", "kmsMasterKeyId"),
}
"""The inputs of which one must be given for what else keeps data."""

_POLICIES = {
    "aws:s3/bucket:Bucket": ("aws:s3/bucketPolicy:BucketPolicy", "bucket", "s3:*"),
    # A topic's policy takes single actions only (SNS developer guide, "Enforce encryption of data in transit").
    "aws:sns/topic:Topic": ("aws:sns/topicPolicy:TopicPolicy", "arn", "sns:publish"),
    "aws:sqs/queue:Queue": ("aws:sqs/queuePolicy:QueuePolicy", "queueUrl", "sqs:*"),
}
"""What is reached by plain HTTP, too, unless its policy denies it: the resource that has the policy, the input with
which that names it, and the actions to deny."""

_TLS_POLICIES = ("TLS_1_2", "SecurityPolicy_TLS12_", "SecurityPolicy_TLS13_")
"""How the names of security policies begin that take TLS 1.2 and later (API Gateway developer guide)."""

_CLUSTER = "aws:rds/cluster:Cluster"
_PARAMETERS = ("aws:rds/clusterParameterGroup:ClusterParameterGroup", "aws:rds/parameterGroup:ParameterGroup")
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_SECRET = "aws:secretsmanager/secret:Secret"  # noqa: S105

LONGEST_RETENTION_DAYS = 400
"""Thirteen months: a year can be compared with the one before."""

LEAST_BACKUP_DAYS = 7
LEAST_RECOVERY_DAYS = 7


def _encrypted(stack: Stack) -> Iterator[Violation]:
    for resource in stack.of_type(*ENCRYPTED_BY_INPUT):
        keys = ENCRYPTED_BY_INPUT[resource.type]
        if all(resource.value(key) in (None, False, "false") for key in keys):
            yield Violation(resource, f"is not encrypted at rest: {' and '.join(keys)} not given")


def _tls_only(stack: Stack) -> Iterator[Violation]:
    for resource in stack.of_type(*_POLICIES):
        if not _denies_plain_http(stack, resource):
            yield Violation(resource, "answers requests without TLS: no policy denies aws:SecureTransport false")
    for group in stack.of_type(*_PARAMETERS):
        family, parameters = group.value("family"), group.value("parameters")
        if "postgresql" in str(family) and parameters is not UNKNOWN and not _forces_ssl(group):
            yield Violation(group, "lets clients log in without TLS: rds.force_ssl is not 1")
    for cluster in stack.of_type(_CLUSTER):
        if "postgresql" in str(cluster.value("engine")) and not _has_own_parameters(stack, cluster):
            yield Violation(cluster, "has no parameter group of its own, which could force TLS")
    for proxy in stack.of_type("aws:rds/proxy:Proxy"):
        if proxy.value("requireTls") not in (True, UNKNOWN):
            yield Violation(proxy, "lets clients log in without TLS: requireTls is not true")
    for cache in stack.of_type("aws:elasticache/replicationGroup:ReplicationGroup"):
        if cache.value("transitEncryptionEnabled") not in (True, UNKNOWN):
            yield Violation(cache, "talks without TLS: transitEncryptionEnabled is not true")
    for domain in stack.of_type("aws:apigatewayv2/domainName:DomainName"):
        policy = domain.value("domainNameConfiguration.securityPolicy")
        if policy is not UNKNOWN and not str(policy).startswith(_TLS_POLICIES):
            yield Violation(domain, f"takes TLS older than 1.2: its security policy is {policy}")


def _has_own_parameters(stack: Stack, cluster: Resource) -> bool:
    key = "dbClusterParameterGroupName"
    groups = [group for group in stack.of_type(*_PARAMETERS) if cluster.refers(key, group)]
    return bool(groups) or cluster.value(key) is UNKNOWN


def _denies_plain_http(stack: Stack, resource: Resource) -> bool:
    """Whether its own policy, or one that is attached to it, says so, or may say so once it is known."""
    type_, key, actions = _POLICIES[resource.type]
    attached = [policy for policy in stack.of_type(type_) if policy.refers(key, resource)]
    documents = [resource.value("policy"), *(policy.value("policy") for policy in attached)]
    return UNKNOWN in documents or any(
        _is_tls_denial(each, actions) for document in documents for each in statements(document)
    )


def _is_tls_denial(statement: Statement, actions: str) -> bool:
    everybody = [name for _, name in statement.principals] == ["*"]
    everything = any(action.lower() in ("*", actions) for action in statement.actions)
    condition = statement.conditions == {"Bool": {"aws:SecureTransport": ["false"]}}
    return not statement.allows and not statement.excepts and everybody and everything and condition


def _forces_ssl(group: Resource) -> bool:
    return any(
        parameter is UNKNOWN or (parameter.get("name") == "rds.force_ssl" and str(parameter.get("value")) == "1")
        for parameter in group.entries("parameters")
    )


def _logs_end(stack: Stack) -> Iterator[Violation]:
    groups = [*stack.of_type(_LOG_GROUP)]
    for group in groups:
        days = group.value("retentionInDays")
        if not days:
            yield Violation(group, "keeps what it gets for ever: retentionInDays not given")
        elif days is not UNKNOWN and days > LONGEST_RETENTION_DAYS:
            yield Violation(group, f"keeps what it gets for {days:g} days, more than {LONGEST_RETENTION_DAYS}")
    for function in stack.of_type("aws:lambda/function:Function"):
        if not any(_logs_to(function, group) for group in groups):
            yield Violation(function, "logs to a group that is none of the stack's, which Lambda makes and never ends")


def _logs_to(function: Resource, group: Resource) -> bool:
    named = function.value("loggingConfig.logGroup")
    if named is None:
        name = function.value("name")
        return name is UNKNOWN or group.value("name") == f"/aws/lambda/{name}"
    return named in (UNKNOWN, group.value("name")) or group.urn in function.references.get("loggingConfig", ())


def _protected_data(stack: Stack) -> Iterator[Violation]:
    if not stack.is_production:
        return
    for cluster in stack.of_type(_CLUSTER, "aws:rds/instance:Instance"):
        yield from _wants(cluster, _CLUSTER_WANTS)
        yield from _days(cluster, "backupRetentionPeriod", "backup", LEAST_BACKUP_DAYS, 0)
    for resource in _kept_with_clusters(stack):
        if not resource.protect:
            yield Violation(resource, "can be deleted or replaced by one `pulumi up`: it is not protected")
        if resource.retain is False:
            yield Violation(resource, "goes when it is taken out of the program: retain_on_delete is not set")
    for secret in stack.of_type(_SECRET):
        if not secret.protect:
            yield Violation(secret, "can be deleted or replaced by one `pulumi up`: it is not protected")
        yield from _days(secret, "recoveryWindowInDays", "recovery after deletion", LEAST_RECOVERY_DAYS, 30)


_CLUSTER_WANTS: Mapping[str, tuple[Any, str]] = {
    "deletionProtection": (True, "AWS deletes it on request: deletionProtection is not true"),
    "skipFinalSnapshot": (False, "leaves nothing behind when it is deleted: skipFinalSnapshot is true"),
}


def _wants(resource: Resource, wanted: Mapping[str, tuple[Any, str]]) -> Iterator[Violation]:
    for key, (value, message) in wanted.items():
        if (resource.value(key) or False) not in (value, UNKNOWN):
            yield Violation(resource, message)


def _days(resource: Resource, key: str, title: str, least: int, default: int) -> Iterator[Violation]:
    days = resource.value(key)
    days = default if days is None else days
    if days is not UNKNOWN and days < least:
        yield Violation(resource, f"has {days:g} days of {title}, fewer than {least}")


def _kept_with_clusters(stack: Stack) -> Iterator[Resource]:
    """Databases, and what they cannot be without."""
    clusters = [*stack.of_type(_CLUSTER, "aws:rds/instance:Instance")]
    yield from clusters
    yield from stack.of_type("aws:rds/clusterInstance:ClusterInstance")
    needed = ("dbSubnetGroupName", "dbClusterParameterGroupName", "parameterGroupName", "vpcSecurityGroupIds")
    seen: set[str] = set()
    for cluster in clusters:
        for key in needed:
            for resource in stack.referred(cluster, key):
                if resource.urn not in seen:
                    seen.add(resource.urn)
                    yield resource


RULES = (
    Rule(
        name="encryption-at-rest",
        description="What keeps data encrypts it.",
        remedy="Give storage_encrypted=True for a database, sqs_managed_sse_enabled=True for a queue, "
        "kms_master_key_id for a topic.",
        check=_encrypted,
    ),
    Rule(
        name="tls-only",
        description="Nothing answers without TLS 1.2 or later.",
        remedy="Deny aws:SecureTransport false to everybody in the queue's, topic's or bucket's policy; rds.force_ssl "
        "1 in the parameter group; require_tls=True for a proxy; security_policy='TLS_1_2' for a domain.",
        check=_tls_only,
    ),
    Rule(
        name="log-retention",
        description="Every log ends, within thirteen months.",
        remedy="Give retention_in_days from 1 to 400, and every function a log group of the stack in logging_config.",
        check=_logs_end,
    ),
    Rule(
        name="protected-data",
        description="In production, no single mistake destroys data.",
        remedy="Set protect_data=True in the stack's settings: protect, retain_on_delete, deletion_protection, a final "
        "snapshot, and 7 or more days of backups.",
        check=_protected_data,
        settings=("production_stacks",),
    ),
)
