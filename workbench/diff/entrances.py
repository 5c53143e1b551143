"""The properties of AWS's resources that open them to everybody, as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.diff.findings import IAM_WIDENED, NETWORK_WIDENED, PUBLIC_ENTRANCE
from workbench.diff.holders import mapping, several

API = "aws:apigatewayv2/api:Api"
BUCKETS = ("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2")

_Test = Callable[[Any], bool]


def _is(*values: Any) -> _Test:
    return lambda value: value in values


def _always(_: Any) -> bool:
    return True


def _is_not(*values: Any) -> _Test:
    return lambda value: value not in values


def _has_any_origin(value: Any) -> bool:
    return "*" in several(value)


def _is_public_acl(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(("public", "authenticated"))


def _any_rule_has_any_origin(value: Any) -> bool:
    return any(_has_any_origin(mapping(rule).get("allowedOrigins")) for rule in several(value))


def _has_public_subnets(value: Any) -> bool:
    return value is None or any(mapping(spec).get("type") == "Public" for spec in several(value))


@dataclass(frozen=True)
class Entrance:
    """A property that opens a resource to everybody for some of its values. What is absent is None."""

    types: Sequence[str]
    path: str
    """Empty where it is the resource that opens something, by being there."""
    is_open: _Test
    says: str
    """A sentence, `{}` for the name."""
    rule: str = PUBLIC_ENTRANCE


_ANY_ORIGIN = "web pages of any origin may now call {} and read what it answers"

_SNAPSHOTS = (
    "aws:rds/clusterSnapshot:ClusterSnapshot",
    "aws:rds/clusterSnapshotCopy:ClusterSnapshotCopy",
    "aws:rds/snapshot:Snapshot",
    "aws:rds/snapshotCopy:SnapshotCopy",
)

ENTRANCES = (
    Entrance(
        ["aws:lambda/functionUrl:FunctionUrl"],
        "authorizationType",
        _is_not("AWS_IAM"),
        "anybody may now call the function behind {} without credentials",
    ),
    Entrance(["aws:lambda/functionUrl:FunctionUrl"], "cors.allowOrigins", _has_any_origin, _ANY_ORIGIN),
    Entrance([API], "disableExecuteApiEndpoint", _is_not(True), "anybody may now send requests to the address of {}"),
    Entrance([API], "corsConfiguration.allowOrigins", _has_any_origin, _ANY_ORIGIN),
    Entrance(
        [
            "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
            "aws:s3/bucketCorsConfigurationV2:BucketCorsConfigurationV2",
        ],
        "corsRules",
        _any_rule_has_any_origin,
        _ANY_ORIGIN,
    ),
    Entrance(
        [*BUCKETS, "aws:s3/bucketAcl:BucketAcl", "aws:s3/bucketAclV2:BucketAclV2"],
        "acl",
        _is_public_acl,
        "anybody may now use what the ACL of {} opens",
    ),
    Entrance(
        [
            "aws:dms/replicationInstance:ReplicationInstance",
            "aws:mq/broker:Broker",
            "aws:neptune/clusterInstance:ClusterInstance",
            "aws:rds/clusterInstance:ClusterInstance",
            "aws:rds/instance:Instance",
            "aws:redshift/cluster:Cluster",
            "aws:redshiftserverless/workgroup:Workgroup",
        ],
        "publiclyAccessible",
        _is(True),
        "{} now gets an address on the internet",
    ),
    Entrance(["aws:ec2/instance:Instance"], "associatePublicIpAddress", _is(True), "{} now gets a public address"),
    Entrance(
        ["aws:ec2/launchTemplate:LaunchTemplate"],
        "networkInterfaces",
        lambda value: any(
            str(mapping(each).get("associatePublicIpAddress")).lower() == "true" for each in several(value)
        ),
        "what is started from the template {} now gets a public address",
    ),
    Entrance(
        ["aws:ec2/eipAssociation:EipAssociation"], "", _always, "{} is now what an address on the internet leads to"
    ),
    Entrance(
        ["aws:ec2/eip:Eip"],
        "instance",
        _is_not(None, ""),
        "the address {} on the internet now leads to an instance",
    ),
    Entrance(
        ["aws:ecs/service:Service"],
        "networkConfiguration.assignPublicIp",
        _is(True),
        "the tasks of {} now get public addresses",
    ),
    Entrance(
        ["aws:ec2/defaultSubnet:DefaultSubnet", "aws:ec2/subnet:Subnet"],
        "mapPublicIpOnLaunch",
        _is(True),
        "what starts in the subnet {} now gets a public address",
    ),
    Entrance(
        ["aws:lb/loadBalancer:LoadBalancer"], "internal", _is_not(True), "the load balancer {} now faces the internet"
    ),
    Entrance(
        ["aws:eks/cluster:Cluster"],
        "vpcConfig.endpointPublicAccess",
        _is_not(False),
        "the API of the cluster {} can now be reached from the internet",
    ),
    Entrance(
        ["aws:opensearch/domain:Domain"], "vpcOptions", _is(None), "the domain {} can now be reached from the internet"
    ),
    Entrance(
        ["aws:cloudfront/distribution:Distribution"], "enabled", _is(True), "the distribution {} now answers anybody"
    ),
    Entrance(["awsx:ec2:Vpc"], "subnetSpecs", _has_public_subnets, "the network {} now has public subnets"),
    Entrance(
        ["aws:ec2/amiLaunchPermission:AmiLaunchPermission"],
        "group",
        _is("all"),
        "anybody may now start the image of {}",
    ),
    Entrance(
        _SNAPSHOTS,
        "sharedAccounts",
        lambda value: "all" in several(value),
        "anybody may now restore the snapshot {}",
    ),
    Entrance(
        _SNAPSHOTS,
        "sharedAccounts",
        lambda value: any(each != "all" for each in several(value)),
        "other accounts may now restore the snapshot {}",
        rule=IAM_WIDENED,
    ),
    Entrance(
        ["aws:sqs/redriveAllowPolicy:RedriveAllowPolicy"],
        "redriveAllowPolicy",
        lambda value: '"allowAll"' in str(value),
        "any queue of the account may now move messages to {}",
        rule=IAM_WIDENED,
    ),
    Entrance(
        ["aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission"],
        "",
        _always,
        "another account may now read the snapshot of {}",
        rule=IAM_WIDENED,
    ),
    Entrance(
        ["aws:ec2/amiLaunchPermission:AmiLaunchPermission"],
        "group",
        _is(None),
        "other accounts may now start the image of {}",
        rule=IAM_WIDENED,
    ),
    Entrance(
        [
            "aws:iam/accessKey:AccessKey",
            "aws:iam/serviceSpecificCredential:ServiceSpecificCredential",
            "aws:iam/userLoginProfile:UserLoginProfile",
        ],
        "",
        _always,
        "whoever has the credentials of {} may now do all that their user may",
        rule=IAM_WIDENED,
    ),
    Entrance(
        ["aws:ram/resourceShare:ResourceShare"],
        "allowExternalPrincipals",
        _is(True),
        "accounts outside of the organization may now be given what {} shares",
        rule=IAM_WIDENED,
    ),
    Entrance(
        ["aws:ec2/vpcEndpointService:VpcEndpointService"],
        "acceptanceRequired",
        _is(False),
        "nobody is asked any more before somebody connects to {}",
        rule=NETWORK_WIDENED,
    ),
    Entrance(
        [
            "aws:ec2/peeringConnectionOptions:PeeringConnectionOptions",
            "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
            "aws:ec2/vpcPeeringConnectionAccepter:VpcPeeringConnectionAccepter",
            "aws:ec2transitgateway/peeringAttachment:PeeringAttachment",
            "aws:ec2transitgateway/vpcAttachment:VpcAttachment",
        ],
        "",
        _always,
        "another network is now connected by {}",
        rule=NETWORK_WIDENED,
    ),
)
