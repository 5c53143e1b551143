"""Rules about who reaches what: public data, open ports, and how much an API lets through."""

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from policies.documents import is_own
from policies.model import UNKNOWN, Resource, Rule, Stack, Violation

_WIDEST = {4: 16, 6: 32}
"""The shortest prefixes of public addresses, by version of IP, that are no more than one network: what is wider is
taken for everywhere, in however many parts it is given."""

_TLS = 443
_GROUPS = ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", "aws:ec2/securityGroup:SecurityGroup")
_STAGE = "aws:apigatewayv2/stage:Stage"
_ROUTE = "aws:apigatewayv2/route:Route"


def _private_databases(stack: Stack) -> Iterator[Violation]:
    for instance in stack.of_type("aws:rds/clusterInstance:ClusterInstance", "aws:rds/instance:Instance"):
        if instance.value("publiclyAccessible") not in (False, UNKNOWN):
            yield Violation(instance, "may get a public address: publiclyAccessible is not false")
    for copy in stack.of_type(*_SHARED):
        given = [copy.value(_SHARED[copy.type]), *copy.entries(_SHARED[copy.type])]
        for account in sorted({each for each in given if isinstance(each, str)}):
            if account == "all" or account not in stack.accounts:
                yield Violation(copy, f"is shared with {'everybody' if account == 'all' else account}")


_SHARED = {
    "aws:ec2/amiLaunchPermission:AmiLaunchPermission": "group",
    "aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission": "accountId",
    "aws:rds/clusterSnapshot:ClusterSnapshot": "sharedAccounts",
    "aws:rds/clusterSnapshotCopy:ClusterSnapshotCopy": "sharedAccounts",
    "aws:rds/snapshot:Snapshot": "sharedAccounts",
    "aws:rds/snapshotCopy:SnapshotCopy": "sharedAccounts",
}
"""The inputs that say who may have copies of data."""


def _closed_ports(stack: Stack) -> Iterator[Violation]:
    for resource, incoming, rule in _network_rules(stack):
        anywhere = [block for block in _blocks(rule) if _is_everywhere(block)]
        if incoming:
            for block in anywhere:
                yield Violation(resource, f"lets in {_ports(rule)} from {block}")
        elif anywhere and not _is_tls(rule):
            yield Violation(resource, f"lets {_ports(rule)} out to {anywhere[0]}")


def _is_everywhere(block: Any) -> bool:
    try:
        network = ipaddress.ip_network(block, strict=False) if isinstance(block, str) else None
    except ValueError:
        return False
    return network is not None and network.prefixlen < _WIDEST[network.version] and not _is_private(network)


def _is_private(network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Whether all of it is for networks that are not the internet (RFC 1918, RFC 4193)."""
    private = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]
    first, last = network.network_address, network.broadcast_address
    return any(first in each and last in each for each in private)


def _network_rules(stack: Stack) -> Iterator[tuple[Resource, bool, Mapping[str, Any]]]:
    """Every rule of a security group, wherever it is written, and whether it is for what comes in."""
    for group in stack.of_type(*_GROUPS):
        for key in ("ingress", "egress"):
            for rule in group.entries(key):
                if isinstance(rule, Mapping):
                    yield group, key == "ingress", cast("Mapping[str, Any]", rule)
    for rule in stack.of_type("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"):
        yield rule, True, rule.inputs
    for rule in stack.of_type("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"):
        yield rule, False, rule.inputs
    for rule in stack.of_type("aws:ec2/securityGroupRule:SecurityGroupRule"):
        yield rule, rule.value("type") != "egress", rule.inputs
    for several in stack.of_type("aws:ec2/managedPrefixList:ManagedPrefixList"):
        # Rules name the list by its id: which of them do, and for what, is not told apart.
        blocks = [cast("Mapping[str, Any]", each).get("cidr") for each in several.entries("entries") if each]
        yield several, True, {"cidrBlocks": blocks}
    for entry in stack.of_type("aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry"):
        yield entry, True, {"cidrBlocks": [entry.value("cidr")]}


def _blocks(rule: Mapping[str, Any]) -> list[Any]:
    lists = (rule.get("cidrBlocks"), rule.get("ipv6CidrBlocks"))
    listed = [block for blocks in lists if isinstance(blocks, list) for block in cast("Iterable[Any]", blocks)]
    return [rule.get("cidrIpv4"), rule.get("cidrIpv6"), *listed]


def _is_tls(rule: Mapping[str, Any]) -> bool:
    protocol = rule.get("ipProtocol", rule.get("protocol"))
    return all(
        value in (*wanted, UNKNOWN)
        for value, wanted in (
            (protocol, ("tcp", "6")),
            (rule.get("fromPort"), (_TLS,)),
            (rule.get("toPort"), (_TLS,)),
        )
    )


def _ports(rule: Mapping[str, Any]) -> str:
    protocol = rule.get("ipProtocol", rule.get("protocol"))
    first, last = rule.get("fromPort"), rule.get("toPort")
    if protocol in ("-1", "all", None, UNKNOWN):
        return "everything"
    ports = [f"{port:g}" for port in (first, last) if isinstance(port, (int, float))]
    return f"{protocol} {' to '.join(dict.fromkeys(ports))}".strip()


def _private_buckets(stack: Stack) -> Iterator[Violation]:
    blocks = [*stack.of_type("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")]
    wanted = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    for block in blocks:
        off = [key for key in wanted if block.value(key) not in (True, UNKNOWN)]
        if off:
            yield Violation(block, f"leaves open {', '.join(off)}")
    for bucket in stack.of_type("aws:s3/bucket:Bucket", "aws:s3/bucketV2:BucketV2"):
        if not any(block.refers("bucket", bucket) for block in blocks):
            yield Violation(bucket, "has no BucketPublicAccessBlock")
        if str(bucket.value("acl")).startswith("public"):
            yield Violation(bucket, f"has the ACL {bucket.value('acl')}")


def _guarded_functions(stack: Stack) -> Iterator[Violation]:
    for permission in stack.of_type("aws:lambda/permission:Permission"):
        principal = permission.value("principal")
        if principal == "*" and permission.value("principalOrgId") is None:
            yield Violation(permission, "lets anybody invoke the function")
        elif str(principal).endswith(".amazonaws.com"):
            if not _is_for_one_account(stack, permission):
                yield Violation(permission, f"lets {principal} invoke the function for any account")
        elif isinstance(principal, str) and principal != "*" and not is_own(stack, principal):
            yield Violation(permission, f"lets {principal} invoke the function")
    for permission in stack.of_type("aws:lambda/layerVersionPermission:LayerVersionPermission"):
        principal, organization = permission.value("principal"), permission.value("organizationId")
        if isinstance(principal, str) and not (organization if principal == "*" else is_own(stack, principal)):
            yield Violation(permission, f"gives the layer to {'everybody' if principal == '*' else principal}")
    for url in stack.of_type("aws:lambda/functionUrl:FunctionUrl"):
        if url.value("authorizationType") not in ("AWS_IAM", UNKNOWN):
            yield Violation(url, "is open to everybody: authorizationType is not AWS_IAM")


def _is_for_one_account(stack: Stack, permission: Resource) -> bool:
    account, arn = permission.value("sourceAccount"), permission.value("sourceArn")
    if isinstance(account, str):
        return is_own(stack, account)
    if not isinstance(arn, str):
        return UNKNOWN in (account, arn)
    # A bucket's ARN has no account, and its name is the only one of all accounts.
    return is_own(stack, arn) or (arn.startswith("arn:aws:s3:::") and not any(mark in arn for mark in "*?"))


def _throttled_routes(stack: Stack) -> Iterator[Violation]:
    routes = [*stack.of_type(_ROUTE)]
    for stage in stack.of_type(_STAGE):
        default = stage.value("defaultRouteSettings")
        if missing := _unlimited(default):
            yield Violation(stage, f"has no {missing} for routes that have none of their own")
        settings = stage.value("routeSettings")
        if settings is UNKNOWN:
            continue
        keys: set[Any] = set()
        for setting in stage.entries("routeSettings"):
            key: Any = UNKNOWN if setting is UNKNOWN else cast("Mapping[str, Any]", setting).get("routeKey")
            keys.add(key)
            if missing := _unlimited(setting):
                yield Violation(stage, f"has no {missing} for {'a route' if key is UNKNOWN else key}")
        for route in routes if UNKNOWN not in keys else ():
            key = route.value("routeKey")
            if key is not UNKNOWN and key not in keys and _same_api(route, stage):
                yield Violation(stage, f"has no settings for {key}")


def _unlimited(settings: Any) -> str | None:
    """The first of the two limits that is absent or 0, which the gateway takes to mean that nothing passes."""
    if settings is UNKNOWN:
        return None
    limits = cast("Mapping[str, Any]", settings or {})
    for key, title in (("throttlingRateLimit", "rate"), ("throttlingBurstLimit", "burst")):
        limit = limits.get(key)
        if limit is not UNKNOWN and not (isinstance(limit, (int, float)) and limit > 0):
            return title
    return None


def _same_api(route: Resource, stage: Resource) -> bool:
    # Before the API is made, its id is unknown to both, and only what it is made of tells it from another.
    same_source = route.references.get("apiId") == stage.references.get("apiId")
    return same_source and route.value("apiId") == stage.value("apiId")


RULES = (
    Rule(
        name="private-databases",
        description="No database has a public address.",
        remedy="Give publicly_accessible=False.",
        check=_private_databases,
    ),
    Rule(
        name="closed-ports",
        description="Nothing comes in from everywhere; what goes out to everywhere is TLS.",
        remedy="Name the other security group (referenced_security_group_id), as a grant's connection does. To "
        "services with no endpoint: tcp, 443 to 443.",
        check=_closed_ports,
    ),
    Rule(
        name="private-buckets",
        description="No bucket can be made public.",
        remedy="Add an aws.s3.BucketPublicAccessBlock for the bucket with all four switches true.",
        check=_private_buckets,
    ),
    Rule(
        name="guarded-functions",
        description="Functions are invoked by known callers only.",
        remedy="Give the aws.lambda_.Permission a source_arn, and a function URL authorization_type='AWS_IAM'.",
        check=_guarded_functions,
    ),
    Rule(
        name="throttled-routes",
        description="Every API stage throttles by default and for each route, with a rate and a burst above 0.",
        remedy="Give throttling_rate_limit and throttling_burst_limit, both, for the default and each route "
        "(for this service: service/core/limits_table.py).",
        check=_throttled_routes,
    ),
)
