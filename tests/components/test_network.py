"""A network with isolated subnets, and a way to just the AWS services asked for."""

from typing import Any

import pulumi
import pytest

from components.network import Network, NetworkArgs
from tests.support.evaluation import deploy, inputs, registered

ARGS: NetworkArgs = {"region": "eu-central-1", "availability_zones": ["eu-central-1a", "eu-central-1b"]}
SUBNETS = ["${awsx:ec2:Vpc::network.isolatedSubnetIds[0]}", "${awsx:ec2:Vpc::network.isolatedSubnetIds[1]}"]


def test_without_endpoints_it_is_a_vpc_and_an_empty_security_group() -> None:
    manifest = deploy(lambda: Network("network", ARGS))
    assert registered(manifest) == [
        "plinth:index:Network$aws:ec2/securityGroup:SecurityGroup::network-endpoints",
        "plinth:index:Network$awsx:ec2:Vpc::network",
        "plinth:index:Network::network",
    ]
    assert inputs(manifest, "awsx:ec2:Vpc", "network") == {
        "availabilityZoneNames": ["eu-central-1a", "eu-central-1b"],
        "cidrBlock": "10.0.0.0/16",
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
        "natGateways": {"strategy": "None"},
        "subnetSpecs": [{"type": "Isolated"}],
        "subnetStrategy": "Auto",
    }
    assert inputs(manifest, "aws:ec2/securityGroup:SecurityGroup", "network-endpoints") == {
        "description": "Interface endpoints of AWS services",
        "vpcId": "${awsx:ec2:Vpc::network.vpcId}",
    }


def test_each_service_asked_for_has_one_endpoint_in_every_subnet() -> None:
    manifest = deploy(lambda: Network("network", {**ARGS, "endpoints": ["sqs", "lambda", "sqs"]}))
    endpoint = "aws:ec2/vpcEndpoint:VpcEndpoint"
    assert [each.name for each in manifest.of_type(endpoint)] == ["network-endpoint-lambda", "network-endpoint-sqs"]
    assert inputs(manifest, endpoint, "network-endpoint-sqs") == {
        "vpcId": "${awsx:ec2:Vpc::network.vpcId}",
        "serviceName": "com.amazonaws.eu-central-1.sqs",
        "vpcEndpointType": "Interface",
        "privateDnsEnabled": True,
        "subnetIds": SUBNETS,
        "securityGroupIds": ["${aws:ec2/securityGroup:SecurityGroup::network-endpoints.id}"],
    }


def test_reaching_services_is_one_connection_and_no_permission() -> None:
    def program() -> None:
        network = Network("network", {**ARGS, "endpoints": ["lambda", "sqs"]})
        pulumi.export("grant", network.reaches("sqs", "lambda"))

    assert deploy(program).outputs["grant"] == {
        "connections": [
            {
                "name": "endpoints",
                "port": 443,
                "security_group_id": "${aws:ec2/securityGroup:SecurityGroup::network-endpoints.id}",
            }
        ]
    }


def test_reaching_a_service_without_an_endpoint_says_what_to_add() -> None:
    def program() -> None:
        network = Network("network", {**ARGS, "endpoints": ["sqs"]})
        with pytest.raises(ValueError, match="Network 'network' has no endpoint for lambda, s3: add it to `endpoints`"):
            network.reaches("sqs", "s3", "lambda")
        pulumi.export("refused", True)

    assert deploy(program).outputs == {"refused": True}


@pytest.mark.parametrize("zones", [[], ["eu-central-1a"], ["eu-central-1a", "eu-central-1a"]])
def test_fewer_than_two_zones_are_refused(zones: list[str]) -> None:
    args: Any = {**ARGS, "availability_zones": zones}
    with pytest.raises(Exception, match="give two or more different ones"):
        deploy(lambda: Network("network", args))
