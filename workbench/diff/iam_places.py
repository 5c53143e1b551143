"""The inputs of AWS's resources that say who may do what: policies, permissions and attachments, as tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

ROLE = "aws:iam/role:Role"
USER = "aws:iam/user:User"
GROUP = "aws:iam/group:Group"
POLICY = "aws:iam/policy:Policy"
_ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"
_FUNCTIONS = ("aws:lambda/function:Function", "aws:lambda/alias:Alias")


class Aspect(StrEnum):
    """What a policy is to its holder."""

    TRUST = "trust"
    """Who may take the role."""
    IDENTITY = "identity"
    """What the holder may do."""
    RESOURCE = "resource"
    """Who may use the holder."""
    LIMIT = "limit"
    """What others may do at most, whatever else allows it. Without it there is no such limit."""
    ATTACHED = "attached"
    """A managed policy that the stack does not have: only its name is known."""
    BOUNDARY = "boundary"
    """The policy that limits what the holder may do."""


@dataclass(frozen=True)
class Place:
    """An input that holds a policy, and the one that says whom it is for; the resource itself where that is none."""

    policy: str
    holder: str = ""
    types: Sequence[str] = ()
    aspect: Aspect = Aspect.RESOURCE


PLACES: Mapping[str, Sequence[Place]] = {
    "aws:backup/vaultPolicy:VaultPolicy": [Place("policy", "backupVaultName", ["aws:backup/vault:Vault"])],
    "aws:cloudwatch/eventBusPolicy:EventBusPolicy": [
        Place("policy", "eventBusName", ["aws:cloudwatch/eventBus:EventBus"])
    ],
    "aws:cloudwatch/logDestinationPolicy:LogDestinationPolicy": [
        Place("accessPolicy", "destinationName", ["aws:cloudwatch/logDestination:LogDestination"])
    ],
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": [Place("policyDocument")],
    "aws:dynamodb/resourcePolicy:ResourcePolicy": [Place("policy", "resourceArn", ["aws:dynamodb/table:Table"])],
    "aws:ec2/vpcEndpoint:VpcEndpoint": [Place("policy", aspect=Aspect.LIMIT)],
    "aws:ec2/vpcEndpointPolicy:VpcEndpointPolicy": [Place("policy", "vpcEndpointId", [_ENDPOINT], aspect=Aspect.LIMIT)],
    "aws:ecr/repositoryPolicy:RepositoryPolicy": [Place("policy", "repository", ["aws:ecr/repository:Repository"])],
    "aws:efs/fileSystemPolicy:FileSystemPolicy": [Place("policy", "fileSystemId", ["aws:efs/fileSystem:FileSystem"])],
    "aws:iam/groupPolicy:GroupPolicy": [Place("policy", "group", [GROUP], Aspect.IDENTITY)],
    "aws:iam/role:Role": [Place("assumeRolePolicy", aspect=Aspect.TRUST)],
    "aws:iam/rolePolicy:RolePolicy": [Place("policy", "role", [ROLE], Aspect.IDENTITY)],
    "aws:iam/userPolicy:UserPolicy": [Place("policy", "user", [USER], Aspect.IDENTITY)],
    "aws:kinesis/resourcePolicy:ResourcePolicy": [Place("policy", "resourceArn", ["aws:kinesis/stream:Stream"])],
    "aws:kms/key:Key": [Place("policy")],
    "aws:kms/keyPolicy:KeyPolicy": [Place("policy", "keyId", ["aws:kms/key:Key"])],
    "aws:lambda/resourcePolicy:ResourcePolicy": [Place("policy", "resourceArn", _FUNCTIONS)],
    "aws:opensearch/domain:Domain": [Place("accessPolicies")],
    "aws:opensearch/domainPolicy:DomainPolicy": [
        Place("accessPolicies", "domainName", ["aws:opensearch/domain:Domain"])
    ],
    "aws:organizations/policy:Policy": [Place("content", aspect=Aspect.LIMIT)],
    "aws:s3/bucket:Bucket": [Place("policy")],
    "aws:s3/bucketPolicy:BucketPolicy": [
        Place("policy", "bucket", ["aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"])
    ],
    "aws:secretsmanager/secret:Secret": [Place("policy")],
    "aws:secretsmanager/secretPolicy:SecretPolicy": [
        Place("policy", "secretArn", ["aws:secretsmanager/secret:Secret"])
    ],
    "aws:sns/topic:Topic": [Place("policy")],
    "aws:sns/topicPolicy:TopicPolicy": [Place("policy", "arn", ["aws:sns/topic:Topic"])],
    "aws:sqs/queue:Queue": [Place("policy")],
    "aws:sqs/queuePolicy:QueuePolicy": [Place("policy", "queueUrl", ["aws:sqs/queue:Queue"])],
}
"""Any other input that is a policy is for the resource that has it."""


@dataclass(frozen=True)
class Permission:
    """A resource that is one statement, with a word of its own for each part of it."""

    holder: str
    types: Sequence[str]
    actions: str
    principal: str
    conditions: Mapping[str, tuple[str, str]] = field(default_factory=dict[str, tuple[str, str]])
    """Operator and key by input."""
    service: str = ""
    """What the actions begin with, where they are given without."""
    version: str = ""
    """The input that says which version of the holder it is for."""


_CONSTRAINTS = ("StringEquals", "kms:EncryptionContext")

PERMISSIONS = {
    "aws:kms/grant:Grant": Permission(
        "keyId", ["aws:kms/key:Key"], "operations", "granteePrincipal", {"constraints": _CONSTRAINTS}, service="kms"
    ),
    "aws:lambda/layerVersionPermission:LayerVersionPermission": Permission(
        "layerName",
        ["aws:lambda/layerVersion:LayerVersion"],
        "action",
        "principal",
        {"organizationId": ("StringEquals", "aws:PrincipalOrgID")},
        version="versionNumber",
    ),
    "aws:lambda/permission:Permission": Permission(
        "function",
        _FUNCTIONS,
        "action",
        "principal",
        {
            "eventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
            "functionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
            "invokedViaFunctionUrl": ("Bool", "lambda:InvokedViaFunctionUrl"),
            "principalOrgId": ("StringEquals", "aws:PrincipalOrgID"),
            "sourceAccount": ("StringEquals", "aws:SourceAccount"),
            "sourceArn": ("ArnLike", "aws:SourceArn"),
        },
        version="qualifier",
    ),
}


@dataclass(frozen=True)
class Attachment:
    """A resource that gives managed policies to roles, users or groups."""

    policies: str
    holders: Mapping[str, str]
    """The types that each input names; the resource itself where it is empty."""


ATTACHMENTS = {
    "aws:iam/groupPolicyAttachment:GroupPolicyAttachment": Attachment("policyArn", {"group": GROUP}),
    "aws:iam/groupPolicyAttachmentsExclusive:GroupPolicyAttachmentsExclusive": Attachment(
        "policyArns", {"groupName": GROUP}
    ),
    "aws:iam/policyAttachment:PolicyAttachment": Attachment(
        "policyArn", {"groups": GROUP, "roles": ROLE, "users": USER}
    ),
    "aws:iam/role:Role": Attachment("managedPolicyArns", {"": ROLE}),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Attachment("policyArn", {"role": ROLE}),
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive": Attachment(
        "policyArns", {"roleName": ROLE}
    ),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": Attachment("policyArn", {"user": USER}),
    "aws:iam/userPolicyAttachmentsExclusive:UserPolicyAttachmentsExclusive": Attachment(
        "policyArns", {"userName": USER}
    ),
}
