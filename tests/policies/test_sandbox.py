"""Untrusted code has no permissions, no network, no environment, and nothing left by others."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from policies.model import UNKNOWN, Resource
from tests.support.policies import made, said

SANDBOX, NETWORK = "plinth:index:SandboxFunction", "plinth:index:SandboxFunction$plinth:index:SealedNetwork"
INTERFACES = "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
DENIAL = {
    "Effect": "Deny",
    "Action": "*",
    "Resource": ["*"],
    "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [*statements]})


def with_role(policy: Any, arn: Any = INTERFACES, **role_inputs: Any) -> list[Resource]:
    role = made("aws:iam/role:Role", "role", role_inputs, inside=SANDBOX)
    other = made("aws:iam/role:Role", "other")
    allowing = document({"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn"})
    return [
        role,
        other,
        made("aws:lambda/function:Function", "sandbox", inside=SANDBOX, role=role),
        made("aws:lambda/function:Function", "api", role=other),
        made("aws:iam/rolePolicy:RolePolicy", "api-policy", {"policy": allowing}, role=other, policy=role),
        *([] if policy is None else [made("aws:iam/rolePolicy:RolePolicy", "policy", {"policy": policy}, role=role)]),
        made("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "attachment", {"policyArn": arn}, role=role),
    ]


NOT_THE_ONE = ["policy is not the one statement that denies everything to code inside"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (document(DENIAL), []),
        (UNKNOWN, []),
        (None, ["role has no policy that denies everything to code inside"]),
        (document(DENIAL, {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn"}), NOT_THE_ONE),
        (document({**DENIAL, "Effect": "Allow"}), NOT_THE_ONE),
        (document({**DENIAL, "Action": "s3:*"}), NOT_THE_ONE),
        (document({**DENIAL, "Resource": "arn:aws:s3:::bucket"}), NOT_THE_ONE),
        (document({**DENIAL, "Condition": {"Null": {"lambda:SourceFunctionArn": "true"}}}), NOT_THE_ONE),
        (document(), NOT_THE_ONE),
    ],
)
def test_the_role_denies_everything_to_code_inside(policy: Any, expected: list[str]) -> None:
    assert said("sandbox-role", *with_role(policy)) == expected


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        (INTERFACES, []),
        (UNKNOWN, []),
        ("arn:aws:iam::aws:policy/ReadOnlyAccess", ["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
    ],
)
def test_the_role_has_no_other_policy(arn: Any, expected: list[str]) -> None:
    assert said("sandbox-role", *with_role(document(DENIAL), arn)) == [
        f"attachment gives the sandbox {each}" for each in expected
    ]
    assert said("sandbox-role", *with_role(document(DENIAL), managedPolicyArns=[arn])) == [
        f"role gives the sandbox {each}" for each in expected
    ]


@pytest.mark.parametrize(
    ("type_", "key"),
    [
        ("aws:iam/policyAttachment:PolicyAttachment", "roles"),
        ("aws:iam/rolePoliciesExclusive:RolePoliciesExclusive", "roleName"),
        ("aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive", "roleName"),
    ],
)
def test_no_list_changes_the_roles_policies(type_: str, key: str) -> None:
    role, *rest = with_role(document(DENIAL), name="plinth-prod-sandbox")
    by_reference = made(type_, "by-reference", **cast("Any", {key: role}))
    by_name = made(type_, "by-name", {key: ["plinth-prod-sandbox"] if key == "roles" else "plinth-prod-sandbox"})
    of_another = made(type_, "of-another", {key: ["api"] if key == "roles" else "api"})
    assert said("sandbox-role", role, *rest, by_reference, by_name, of_another) == [
        f"{name} changes the policies of the sandbox's role" for name in ("by-name", "by-reference")
    ]


def test_a_list_of_unknown_roles_is_not_held_against_a_role_without_a_name() -> None:
    lists = [made("aws:iam/policyAttachment:PolicyAttachment", "list", {"roles": roles}) for roles in (UNKNOWN, None)]
    assert said("sandbox-role", *with_role(document(DENIAL)), *lists) == []


def test_the_function_runs_as_a_role_that_can_be_seen() -> None:
    api = made("aws:iam/role:Role", "api", {"name": "plinth-prod-api"})
    role = "arn:aws:iam::111111111111:role/plinth-prod-api"
    function = made("aws:lambda/function:Function", "sandbox", {"role": role}, inside=SANDBOX)
    assert said("sandbox-role", api, function) == ["sandbox runs as a role that is none of the stack's"]


@pytest.mark.parametrize(
    ("inline", "passes"),
    [
        ({"name": "policy", "policy": document(DENIAL)}, True),
        ({"name": "policy", "policy": UNKNOWN}, True),
        (UNKNOWN, True),
        ({"name": "more", "policy": document({**DENIAL, "Effect": "Allow"})}, False),
        ({"name": "empty"}, False),
    ],
)
def test_nothing_else_is_written_into_the_role(inline: Any, passes: bool) -> None:
    found = said("sandbox-role", *with_role(document(DENIAL), inlinePolicies=[inline]))
    assert found == (
        [] if passes else ["role has a policy written into it that does not deny everything to code inside"]
    )


TEMPLATE = {"reservedConcurrentExecutions": 0, "vpcConfig": {"subnetIds": ["a"]}}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"reservedConcurrentExecutions": UNKNOWN}, []),
        ({"reservedConcurrentExecutions": None, "tenancyConfig": {"tenantIsolationMode": "PER_TENANT"}}, []),
        (
            {"reservedConcurrentExecutions": -1},
            ["sandbox runs, one run after another: it is neither a template nor isolated per tenant"],
        ),
        (
            {"reservedConcurrentExecutions": None},
            ["sandbox runs, one run after another: it is neither a template nor isolated per tenant"],
        ),
        (
            {"environment": {"variables": {"A": "b"}}},
            ["sandbox has environment variables, which untrusted code reads"],
        ),
        ({"environment": {"variables": {}}}, []),
        (
            {"fileSystemConfig": {"arn": "arn:aws:elasticfilesystem:eu-central-1:111111111111:access-point/a"}},
            ["sandbox has fileSystemConfig, which one run could leave something in for the next"],
        ),
        ({"environment": UNKNOWN, "fileSystemConfig": UNKNOWN, "snapStart": UNKNOWN}, []),
        (
            {"snapStart": {"applyOn": "PublishedVersions"}},
            ["sandbox has snapStart, which one run could leave something in for the next"],
        ),
    ],
)
def test_the_function_is_a_template_or_isolated_per_tenant(changed: dict[str, Any], expected: list[str]) -> None:
    subnet = made("aws:ec2/subnet:Subnet", "subnet", inside=NETWORK)
    function = made(
        "aws:lambda/function:Function", "sandbox", {**TEMPLATE, **changed}, inside=SANDBOX, vpcConfig=subnet
    )
    assert said("sandbox-function", subnet, function) == expected


@pytest.mark.parametrize(
    ("type_", "key", "expected"),
    [
        ("aws:lambda/function:Function", "vpcConfig", "is not in the sealed network"),
        (
            "aws:lambda/coreNetworkConnector:CoreNetworkConnector",
            "configuration",
            "does not lead into the sealed network",
        ),
    ],
)
def test_untrusted_code_is_in_no_other_network(type_: str, key: str, expected: str) -> None:
    inside = made("aws:ec2/subnet:Subnet", "inside", inside=NETWORK)
    outside = made("aws:ec2/subnet:Subnet", "outside", inside="plinth:index:Network")
    well = made(type_, "well", {**TEMPLATE, key: UNKNOWN}, inside=SANDBOX, **cast("Any", {key: inside}))
    both = replace(well, urn=f"{well.urn}-both", name="both", references={key: frozenset({inside.urn, outside.urn})})
    literal = made(type_, "literal", {**TEMPLATE, key: {"subnetIds": ["subnet-1"]}}, inside=SANDBOX)
    other = made(type_, "other", **cast("Any", {key: outside}))
    found = said("sandbox-function", inside, outside, well, both, literal, other)
    assert found == [f"literal {expected}", f"both {expected}"]


def test_a_policy_of_the_stack_is_none_of_the_sandboxs_before_its_arn_is_known() -> None:
    own = made("aws:iam/policy:Policy", "own")
    role, *rest, attachment = with_role(document(DENIAL), UNKNOWN)
    made_of_own = replace(attachment, references={**attachment.references, "policyArn": frozenset({own.urn})})
    assert said("sandbox-role", own, role, *rest, made_of_own) == ["attachment gives the sandbox own"]


def test_other_functions_run_as_they_like() -> None:
    api = made("aws:lambda/function:Function", "api", {"environment": {"variables": {"A": "b"}}})
    assert said("sandbox-function", api) == []


def sealed(*, dns: Any = False, without: str = "", **changed: Any) -> list[Resource]:
    vpc = made("aws:ec2/vpc:Vpc", "vpc", {"enableDnsSupport": dns}, inside=NETWORK)
    parts = ("SecurityGroup", "DefaultSecurityGroup", "DefaultNetworkAcl", "DefaultRouteTable")
    return [
        vpc,
        *(
            made(f"aws:ec2/{part[0].lower()}{part[1:]}:{part}", part, changed.get(part), inside=NETWORK, vpcId=vpc)
            for part in parts
            if part != without
        ),
        made("aws:ec2/vpc:Vpc", "own", {"enableDnsSupport": True}, inside="plinth:index:Network"),
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, []),
        ({"dns": UNKNOWN}, []),
        ({"dns": None}, ["vpc resolves names, which is a way out: enableDnsSupport is not false"]),
        ({"SecurityGroup": {"ingress": [], "egress": UNKNOWN}}, []),
        ({"SecurityGroup": {"egress": [{"protocol": "tcp"}]}}, ["SecurityGroup has egress rules"]),
        ({"DefaultSecurityGroup": {"ingress": [{}]}}, ["DefaultSecurityGroup has ingress rules"]),
        ({"DefaultNetworkAcl": {"egress": [{}]}}, ["DefaultNetworkAcl has egress rules"]),
        ({"DefaultRouteTable": {"routes": [{"cidrBlock": "10.0.0.0/8"}]}}, ["DefaultRouteTable has routes"]),
        ({"without": "SecurityGroup"}, ["vpc has no SecurityGroup that is known to be empty"]),
        ({"without": "DefaultNetworkAcl"}, ["vpc has no DefaultNetworkAcl that is known to be empty"]),
    ],
)
def test_the_network_is_empty(changed: dict[str, Any], expected: list[str]) -> None:
    assert said("sandbox-network", *sealed(**changed)) == expected


def test_what_is_empty_belongs_to_the_sealed_network_itself() -> None:
    vpc, *parts = sealed(without="SecurityGroup")
    beside = made("aws:ec2/securityGroup:SecurityGroup", "beside", vpcId=vpc)
    unrelated = made("aws:ec2/securityGroup:SecurityGroup", "unrelated", inside=NETWORK)
    assert said("sandbox-network", vpc, *parts, beside, unrelated) == [
        "beside opens a way into or out of the sealed network",
        "vpc has no SecurityGroup that is known to be empty",
    ]


@pytest.mark.parametrize(
    "type_",
    [
        "aws:ec2/internetGateway:InternetGateway",
        "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
        "aws:ec2/natGateway:NatGateway",
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
        "aws:ec2/route:Route",
        "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:ec2/networkAcl:NetworkAcl",
        "aws:ec2/routeTableAssociation:RouteTableAssociation",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:ec2/instance:Instance",
        "aws:ec2/vpcDhcpOptionsAssociation:VpcDhcpOptionsAssociation",
        "aws:ec2transitgateway/vpcAttachment:VpcAttachment",
        "aws:vpclattice/serviceNetworkVpcAssociation:ServiceNetworkVpcAssociation",
    ],
)
def test_nothing_opens_a_way(type_: str) -> None:
    vpc, *others, own = sealed()
    found = said("sandbox-network", vpc, *others, own, made(type_, "way", vpcId=vpc), made(type_, "fine", vpcId=own))
    assert found == ["way opens a way into or out of the sealed network"]
