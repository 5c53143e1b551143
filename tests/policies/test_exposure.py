"""Nothing is reached by everybody, and what everybody reaches is throttled."""

from typing import Any

import pytest

from policies.model import UNKNOWN
from tests.support.policies import made, provider, said

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
BUCKET = "aws:s3/bucket:Bucket"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
ALL_BLOCKED = {
    "blockPublicAcls": True,
    "blockPublicPolicy": True,
    "ignorePublicAcls": True,
    "restrictPublicBuckets": True,
}
API = "arn:aws:execute-api:eu-central-1:111111111111:a1b2c3"
LIMITS = {"throttlingRateLimit": 10, "throttlingBurstLimit": 20}


@pytest.mark.parametrize("type_", ["aws:rds/clusterInstance:ClusterInstance", "aws:rds/instance:Instance"])
@pytest.mark.parametrize(("public", "passes"), [(False, True), (UNKNOWN, True), (True, False), (None, False)])
def test_databases_say_that_they_are_private(type_: str, public: Any, passes: bool) -> None:
    found = said("private-databases", made(type_, "one", {"publiclyAccessible": public}))
    assert found == ([] if passes else ["one may get a public address: publiclyAccessible is not false"])


@pytest.mark.parametrize(
    ("type_", "rule", "expected"),
    [
        (INGRESS, {"referencedSecurityGroupId": "sg-1", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}, []),
        (INGRESS, {"cidrIpv4": "10.0.0.0/16", "ipProtocol": "-1"}, []),
        (INGRESS, {"cidrIpv4": UNKNOWN, "ipProtocol": "-1"}, []),
        (
            INGRESS,
            {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443},
            ["rule lets in tcp 443 from 0.0.0.0/0"],
        ),
        (INGRESS, {"cidrIpv6": "::/0", "ipProtocol": "-1"}, ["rule lets in everything from ::/0"]),
        (EGRESS, {"cidrIpv6": "::/0", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443}, []),
        (EGRESS, {"cidrIpv6": "::/0", "ipProtocol": "tcp", "fromPort": 443.0, "toPort": 443.0}, []),
        (EGRESS, {"cidrIpv6": "::/0", "ipProtocol": "tcp", "fromPort": UNKNOWN, "toPort": UNKNOWN}, []),
        (EGRESS, {"cidrIpv4": "10.0.0.0/16", "ipProtocol": "-1"}, []),
        (
            EGRESS,
            {"cidrIpv6": "::/0", "ipProtocol": "tcp", "fromPort": 0, "toPort": 443},
            ["rule lets tcp 0 to 443 out to ::/0"],
        ),
        (
            EGRESS,
            {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "udp", "fromPort": 443, "toPort": 443},
            ["rule lets udp 443 out to 0.0.0.0/0"],
        ),
        (EGRESS, {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp"}, ["rule lets tcp out to 0.0.0.0/0"]),
        (EGRESS, {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "-1"}, ["rule lets everything out to 0.0.0.0/0"]),
        (
            "aws:ec2/securityGroupRule:SecurityGroupRule",
            {"type": "ingress", "protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]},
            ["rule lets in tcp 22 from 0.0.0.0/0"],
        ),
        (
            "aws:ec2/securityGroupRule:SecurityGroupRule",
            {"type": "egress", "protocol": "tcp", "fromPort": 443, "toPort": 443, "ipv6CidrBlocks": ["::/0"]},
            [],
        ),
        (
            "aws:ec2/securityGroup:SecurityGroup",
            {
                "ingress": [{"protocol": "tcp", "fromPort": 80, "toPort": 80, "ipv6CidrBlocks": ["::/0"]}],
                "egress": [{"protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]}],
            },
            ["rule lets everything out to 0.0.0.0/0", "rule lets in tcp 80 from ::/0"],
        ),
        ("aws:ec2/securityGroup:SecurityGroup", {"ingress": UNKNOWN, "egress": [UNKNOWN]}, []),
    ],
)
def test_ports_are_closed_to_everywhere_but_for_tls_going_out(
    type_: str, rule: dict[str, Any], expected: list[str]
) -> None:
    assert said("closed-ports", made(type_, "rule", rule)) == expected


@pytest.mark.parametrize(
    ("block", "passes"),
    [
        ("10.0.0.0/8", True),
        ("fc00::/7", True),
        ("203.0.113.0/24", True),
        ("2001:db8::/32", True),
        ("0.0.0.0/1", False),
        ("128.0.0.0/1", False),
        ("0.0.0.0/00", False),
        ("8.0.0.0/7", False),
        ("2000::/3", False),
        ("0::0/0", False),
    ],
)
def test_everywhere_in_parts_is_everywhere(block: str, passes: bool) -> None:
    key = "cidrIpv6" if ":" in block else "cidrIpv4"
    rule = made(INGRESS, "rule", {key: block, "ipProtocol": "tcp", "fromPort": 22, "toPort": 22})
    several = made("aws:ec2/managedPrefixList:ManagedPrefixList", "several", {"entries": [{"cidr": block}]})
    entry = made("aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry", "entry", {"cidr": block})
    assert said("closed-ports", rule, several, entry) == (
        []
        if passes
        else [
            f"several lets in everything from {block}",
            f"entry lets in everything from {block}",
            f"rule lets in tcp 22 from {block}",
        ]
    )


@pytest.mark.parametrize(
    ("type_", "key"),
    [
        ("aws:rds/clusterSnapshot:ClusterSnapshot", "sharedAccounts"),
        ("aws:rds/snapshotCopy:SnapshotCopy", "sharedAccounts"),
        ("aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission", "accountId"),
    ],
)
@pytest.mark.parametrize(
    ("account", "expected"), [("111111111111", []), ("all", ["everybody"]), ("999999999999", ["999999999999"])]
)
def test_copies_of_data_are_not_given_away(type_: str, key: str, account: str, expected: list[str]) -> None:
    copy = made(type_, "copy", {key: [account] if key == "sharedAccounts" else account})
    assert said("private-databases", provider(), copy) == [f"copy is shared with {each}" for each in expected]


def test_buckets_cannot_be_made_public() -> None:
    private, bare = made(BUCKET, "private"), made(BUCKET, "bare", {"acl": "public-read"})
    assert said("private-buckets", private, bare, made(BLOCK, "block", ALL_BLOCKED, bucket=private)) == [
        "bare has no BucketPublicAccessBlock",
        "bare has the ACL public-read",
    ]


def test_all_four_ways_to_make_a_bucket_public_are_blocked() -> None:
    bucket = made(BUCKET, "bucket", {"bucket": "plinth"})
    half = {**ALL_BLOCKED, "bucket": "plinth", "blockPublicPolicy": False, "restrictPublicBuckets": None}
    assert said("private-buckets", bucket, made(BLOCK, "block", half)) == [
        "block leaves open blockPublicPolicy, restrictPublicBuckets"
    ]
    assert said("private-buckets", bucket, made(BLOCK, "block", {**half, **ALL_BLOCKED})) == []


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ({"principal": "apigateway.amazonaws.com", "sourceArn": f"{API}/*/*/v1"}, []),
        ({"principal": "apigateway.amazonaws.com", "sourceArn": "${aws:apigatewayv2/api:Api::a.executionArn}/*"}, []),
        ({"principal": "s3.amazonaws.com", "sourceArn": "arn:aws:s3:::plinth-prod-code"}, []),
        *(
            (
                {"principal": "sns.amazonaws.com", **source},
                ["it lets sns.amazonaws.com invoke the function for any account"],
            )
            for source in (
                {"sourceArn": "*"},
                {"sourceArn": "arn:aws:sns:*:*:*"},
                {"sourceArn": "arn:aws:sns:eu-central-1:999999999999:theirs"},
                {"sourceArn": "arn:aws:s3:::*"},
                {"sourceAccount": "999999999999"},
            )
        ),
        ({"principal": "arn:aws:iam::111111111111:role/own"}, []),
        ({"principal": "999999999999"}, ["it lets 999999999999 invoke the function"]),
        (
            {"principal": "arn:aws:iam::999999999999:root"},
            ["it lets arn:aws:iam::999999999999:root invoke the function"],
        ),
        ({"principal": "apigateway.amazonaws.com", "sourceArn": UNKNOWN}, []),
        ({"principal": "s3.amazonaws.com", "sourceAccount": "111111111111"}, []),
        ({"principal": "111111111111"}, []),
        ({"principal": UNKNOWN}, []),
        ({"principal": "s3.amazonaws.com"}, ["it lets s3.amazonaws.com invoke the function for any account"]),
        ({"principal": "*"}, ["it lets anybody invoke the function"]),
        ({"principal": "*", "principalOrgId": "o-1"}, []),
    ],
)
def test_functions_are_invoked_by_known_callers(permission: dict[str, Any], expected: list[str]) -> None:
    it = made("aws:lambda/permission:Permission", "it", permission)
    assert said("guarded-functions", provider(), it) == expected


@pytest.mark.parametrize(
    ("permission", "expected"),
    [
        ({"principal": "111111111111"}, []),
        ({"principal": "*", "organizationId": "o-1"}, []),
        ({"principal": "*"}, ["it gives the layer to everybody"]),
        ({"principal": "999999999999"}, ["it gives the layer to 999999999999"]),
    ],
)
def test_layers_are_for_known_accounts(permission: dict[str, Any], expected: list[str]) -> None:
    it = made("aws:lambda/layerVersionPermission:LayerVersionPermission", "it", permission)
    assert said("guarded-functions", provider(), it) == expected


@pytest.mark.parametrize(("kind", "passes"), [("AWS_IAM", True), (UNKNOWN, True), ("NONE", False), (None, False)])
def test_function_urls_ask_who_calls(kind: Any, passes: bool) -> None:
    found = said("guarded-functions", made("aws:lambda/functionUrl:FunctionUrl", "url", {"authorizationType": kind}))
    assert found == ([] if passes else ["url is open to everybody: authorizationType is not AWS_IAM"])


@pytest.mark.parametrize(
    ("default", "settings", "expected"),
    [
        (LIMITS, [{"routeKey": "GET /a", **LIMITS}], []),
        (UNKNOWN, UNKNOWN, []),
        (LIMITS, [{"routeKey": UNKNOWN, **LIMITS}], []),
        (LIMITS, [{"routeKey": "GET /a", "throttlingRateLimit": UNKNOWN, "throttlingBurstLimit": UNKNOWN}], []),
        (None, [{"routeKey": "GET /a", **LIMITS}], ["has no rate for routes that have none of their own"]),
        (
            {**LIMITS, "throttlingBurstLimit": 0},
            [{"routeKey": "GET /a", **LIMITS}],
            ["has no burst for routes that have none of their own"],
        ),
        (LIMITS, [{"routeKey": "GET /a", "throttlingBurstLimit": 5}], ["has no rate for GET /a"]),
        (LIMITS, [{"routeKey": "GET /a", **LIMITS, "throttlingRateLimit": 0.0}], ["has no rate for GET /a"]),
        (LIMITS, [{"routeKey": "GET /a", **LIMITS, "throttlingBurstLimit": -1}], ["has no burst for GET /a"]),
        (LIMITS, None, ["has no settings for GET /a"]),
        (LIMITS, [{"routeKey": "GET /b", **LIMITS}], ["has no settings for GET /a"]),
    ],
)
def test_every_route_is_throttled(default: Any, settings: Any, expected: list[str]) -> None:
    api, other = made("aws:apigatewayv2/api:Api", "api"), made("aws:apigatewayv2/api:Api", "other")
    stage = made(
        "aws:apigatewayv2/stage:Stage",
        "stage",
        {"defaultRouteSettings": default, "routeSettings": settings},
        apiId=api,
    )
    route = made("aws:apigatewayv2/route:Route", "a", {"routeKey": "GET /a"}, apiId=api)
    others = [
        made("aws:apigatewayv2/route:Route", "b", {"routeKey": UNKNOWN}, apiId=api),
        made("aws:apigatewayv2/route:Route", "c", {"routeKey": "GET /c"}, apiId=other),
        made("aws:apigatewayv2/route:Route", "d", {"routeKey": "GET /d", "apiId": "other"}, apiId=api),
    ]
    found = said("throttled-routes", api, other, stage, route, *others)
    assert found == [f"stage {each}" for each in expected]
