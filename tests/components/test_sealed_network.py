"""The network that AWS enforces around untrusted code: what a machine that routes no packets can only assert, exactly.

The first tests hold the component to it; the others hold every stack to it, with every isolation.
"""

import json
from collections import Counter
from functools import cache
from typing import Any

import pytest

from components.sandbox_function import ISOLATIONS
from components.sealed_network import SealedNetwork, SealedNetworkArgs, subnet_blocks
from stacks import environment as environments
from tests.support.evaluation import REGION, deploy, inputs, names_of, registered, resource, stack_manifest
from tests.support.stack_settings import settings_with
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest, shown
from workbench.project import stack_names

VPC, SUBNET, GROUP = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/securityGroup:SecurityGroup"
FUNCTION, CONNECTOR = "aws:lambda/function:Function", "aws:lambda/coreNetworkConnector:CoreNetworkConnector"
ZONES = [f"{REGION}a", f"{REGION}b", f"{REGION}c"]


def deployed(**more: Any) -> Manifest:
    merged: Any = {"availability_zones": ZONES, **more}
    args: SealedNetworkArgs = merged
    return deploy(lambda: SealedNetwork("sealed", args))


def test_it_is_a_vpc_two_subnets_and_what_keeps_them_shut() -> None:
    assert registered(deployed()) == [
        "plinth:index:SealedNetwork$aws:ec2/defaultNetworkAcl:DefaultNetworkAcl::sealed-default-network-acl",
        "plinth:index:SealedNetwork$aws:ec2/defaultRouteTable:DefaultRouteTable::sealed-default-route-table",
        "plinth:index:SealedNetwork$aws:ec2/defaultSecurityGroup:DefaultSecurityGroup::sealed-default-security-group",
        "plinth:index:SealedNetwork$aws:ec2/securityGroup:SecurityGroup::sealed-security-group",
        "plinth:index:SealedNetwork$aws:ec2/subnet:Subnet::sealed-subnet-eu-central-1a",
        "plinth:index:SealedNetwork$aws:ec2/subnet:Subnet::sealed-subnet-eu-central-1b",
        "plinth:index:SealedNetwork$aws:ec2/vpc:Vpc::sealed-vpc",
        "plinth:index:SealedNetwork::sealed",
    ]


def test_there_is_no_resolver_to_carry_data_out() -> None:
    assert inputs(deployed(), VPC, "sealed-vpc") == {
        "cidrBlock": "10.255.0.0/24",
        "enableDnsHostnames": False,
        "enableDnsSupport": False,
    }


def test_no_subnet_gives_out_a_public_address() -> None:
    subnets = [each.inputs for each in deployed(cidr_block="10.9.0.0/20").of_type(SUBNET)]
    assert subnets == [
        {
            "vpcId": "${aws:ec2/vpc:Vpc::sealed-vpc.id}",
            "availabilityZone": zone,
            "cidrBlock": block,
            "mapPublicIpOnLaunch": False,
        }
        for zone, block in ((f"{REGION}a", "10.9.0.0/21"), (f"{REGION}b", "10.9.8.0/21"))
    ]


def test_neither_its_security_group_nor_the_default_one_has_a_rule() -> None:
    manifest = deployed()
    vpc = "${aws:ec2/vpc:Vpc::sealed-vpc.id}"
    assert inputs(manifest, GROUP, "sealed-security-group") == {
        "description": "Untrusted code: nothing in, nothing out",
        "vpcId": vpc,
        "ingress": [],
        "egress": [],
    }
    default = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    assert inputs(manifest, default, "sealed-default-security-group") == {"vpcId": vpc, "ingress": [], "egress": []}


def test_the_network_acl_of_both_subnets_denies_every_packet() -> None:
    acl = inputs(deployed(), "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", "sealed-default-network-acl")
    assert acl == {
        "defaultNetworkAclId": "${aws:ec2/vpc:Vpc::sealed-vpc.defaultNetworkAclId}",
        "subnetIds": [f"${{aws:ec2/subnet:Subnet::sealed-subnet-{zone}.id}}" for zone in ZONES[:2]],
        "ingress": [],
        "egress": [],
    }


def test_the_only_route_table_has_no_route() -> None:
    table = inputs(deployed(), "aws:ec2/defaultRouteTable:DefaultRouteTable", "sealed-default-route-table")
    assert table == {"defaultRouteTableId": "${aws:ec2/vpc:Vpc::sealed-vpc.defaultRouteTableId}", "routes": []}


@pytest.mark.parametrize("zones", [[], ZONES[:1], [ZONES[0], ZONES[0], ZONES[1]]])
def test_it_needs_two_zones(zones: list[str]) -> None:
    with pytest.raises(ProgramError, match="SealedNetwork 'sealed': give two different availability zones"):
        deployed(availability_zones=zones)


@pytest.mark.parametrize("cidr_block", ["10.0.0.0/15", "10.0.0.0/28", "10.0.0.1/24", "::/64", ""])
def test_its_range_is_one_that_a_vpc_may_have_and_subnets_halve(cidr_block: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(cidr_block=cidr_block)
    wanted = "give an IPv4 range from /16 to /27 such as '10.0.0.0/16'."
    assert f"SealedNetwork 'sealed': cidr_block is {cidr_block!r}: {wanted}" in str(refused.value)


def test_the_zones_share_the_range_between_them() -> None:
    assert subnet_blocks("sealed", ["a", "b", "c"], "10.0.0.0/16") == [("a", "10.0.0.0/17"), ("b", "10.0.128.0/17")]


every_stack = pytest.mark.parametrize("stack", stack_names())
every_isolation = pytest.mark.parametrize("isolation", ISOLATIONS)


@cache
def environment(isolation: str) -> Manifest:
    """A whole environment with this isolation."""
    settings = settings_with(zones="abc", sandbox_isolation=isolation)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLINTH_PACKAGES", "describe")
        return deploy(lambda: environments.environment(settings))


def placed_in_the_network(manifest: Manifest) -> list[str]:
    """What is outside the network and names something in it, as `type::name`; a policy of rights places nothing."""
    network = {each.name for each in manifest.resources if "plinth:index:SealedNetwork$" in each.urn}
    return sorted(
        f"{each.type}::{each.name}"
        for each in manifest.resources
        if each.custom and each.name not in network and each.type != "aws:iam/rolePolicy:RolePolicy"
        if any(f"::{name}." in json.dumps(shown(each.inputs)) for name in network)
    )


def types_of_the_network(manifest: Manifest) -> Counter[str]:
    return Counter(each.type for each in manifest.resources if "plinth:index:SealedNetwork$" in each.urn)


SEALED = {
    VPC: 1,
    SUBNET: 2,
    GROUP: 1,
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": 1,
    "aws:ec2/defaultRouteTable:DefaultRouteTable": 1,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": 1,
}
"""Nothing but the network itself: no route, no gateway, no endpoint, no peering, no rule of a security group."""


@every_stack
def test_nothing_leads_into_a_stacks_sandbox_network_or_out_of_it(stack: str) -> None:
    manifest = stack_manifest(stack)
    assert types_of_the_network(manifest) == SEALED
    assert placed_in_the_network(manifest) == [f"{FUNCTION}::sandbox"]


@every_isolation
def test_nothing_leads_into_the_network_or_out_of_it_with_any_isolation(isolation: str) -> None:
    manifest = environment(isolation)
    assert types_of_the_network(manifest) == SEALED
    code = f"{CONNECTOR}::sandbox-image-connector" if isolation == "microvm" else f"{FUNCTION}::sandbox"
    assert placed_in_the_network(manifest) == [code]


@every_isolation
def test_code_is_placed_in_the_sealed_network_and_the_service_is_not(isolation: str) -> None:
    manifest = environment(isolation)
    sealed = {
        "subnetIds": [f"${{aws:ec2/subnet:Subnet::sandbox-network-subnet-{zone}.id}}" for zone in ZONES[:2]],
        "securityGroupIds": ["${aws:ec2/securityGroup:SecurityGroup::sandbox-network-security-group.id}"],
    }
    functions = {each.name: each.inputs["vpcConfig"] for each in manifest.of_type(FUNCTION)}
    connectors = [each.inputs["configuration"]["vpcEgressConfiguration"] for each in manifest.of_type(CONNECTOR)]
    code = connectors if isolation == "microvm" else [functions.pop("sandbox")]
    assert code == [
        {**sealed, **({"associatedComputeResourceTypes": ["MicroVm"], "networkProtocol": "IPv4"} if connectors else {})}
    ]
    assert sorted(functions) == ["api", "migrate", "reaper", "shell", "worker"]
    for placed in functions.values():
        assert not set(placed["subnetIds"]) & set(sealed["subnetIds"])
        assert not set(placed["securityGroupIds"]) & set(sealed["securityGroupIds"])


@pytest.mark.parametrize("isolation", ["ephemeral", "tenant"])
def test_nothing_runs_in_the_network_before_it_is_sealed(isolation: str) -> None:
    manifest = environment(isolation)
    sealed = {each.name for each in manifest.resources if "plinth:index:SealedNetwork$" in each.urn}
    assert names_of(resource(manifest, FUNCTION, "sandbox")) >= sealed


@every_isolation
def test_what_runs_code_knows_nothing_and_may_do_nothing(isolation: str) -> None:
    manifest = environment(isolation)
    for function in manifest.of_type(FUNCTION):
        assert ("environment" in function.inputs) is (function.name != "sandbox")
    for image in manifest.of_type("aws:lambdamicrovms/image:Image"):
        assert "environmentVariables" not in image.inputs
        assert "additionalOsCapabilities" not in image.inputs
    roles = {each.name: each for each in manifest.of_type("aws:iam/role:Role") if each.name.startswith("sandbox")}
    if isolation == "microvm":
        assert sorted(roles) == ["sandbox-image-build-role", "sandbox-image-connector-role"]
        return
    assert sorted(roles) == ["sandbox-role"]
    assert json.loads(inputs(manifest, "aws:iam/rolePolicy:RolePolicy", "sandbox-policy")["policy"])["Statement"] == [
        {
            "Effect": "Deny",
            "Action": ["*"],
            "Resource": ["*"],
            "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
        }
    ]


@every_isolation
def test_the_sandbox_network_overlaps_none_that_it_could_be_joined_to(isolation: str) -> None:
    manifest = environment(isolation)
    assert inputs(manifest, VPC, "sandbox-network-vpc")["cidrBlock"] == "10.255.0.0/24"
    assert inputs(manifest, "awsx:ec2:Vpc", "network")["cidrBlock"] == "10.0.0.0/16"
