"""The private network: closed to the internet, with a way out to just the AWS services asked for."""

import json
import re
from typing import Any

import botocore.session
import pulumi
import pytest

from components.dual_stack import SERVICES, addresses
from components.network import Network, NetworkArgs
from components.python_function import PythonFunction
from tests.support.evaluation import deploy, inputs, names_of, policy, registered, resource
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest, shown

ZONES = ["eu-central-1a", "eu-central-1b"]
VPC, SUBNET, ENDPOINT = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/vpcEndpoint:VpcEndpoint"
TABLE, ASSOCIATION = "aws:ec2/routeTable:RouteTable", "aws:ec2/routeTableAssociation:RouteTableAssociation"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
FUNCTION = "aws:lambda/function:Function"
SUBNETS = ["${awsx:ec2:Vpc::network.isolatedSubnetIds[0]}", "${awsx:ec2:Vpc::network.isolatedSubnetIds[1]}"]
ENDPOINT_GROUP = "${aws:ec2/securityGroup:SecurityGroup::network-endpoints.id}"


def arguments(**more: Any) -> NetworkArgs:
    merged: Any = {"region": "eu-central-1", "availability_zones": ZONES, **more}
    return merged


def deployed(**more: Any) -> Manifest:
    return deploy(lambda: Network("network", arguments(**more)))


def inputs_of_all(manifest: Manifest) -> dict[str, Any]:
    """The inputs of everything but the component itself, by type and name."""
    return {f"{each.type}::{each.name}": shown(each.inputs) for each in manifest.resources if each.custom}


def with_a_function(**more: Any) -> Manifest:
    """A network, and a function in it that reaches two services."""

    def program() -> None:
        network = Network("network", arguments(endpoints=["lambda", "sqs"], **more))
        code = pulumi.FileArchive("app-0123456789abcdef")
        place = {"vpc_id": network.vpc_id, "subnet_ids": network.subnet_ids}
        args: Any = {"code": code, "handler": "app.handler", "grants": [network.reaches("sqs", "lambda")], **place}
        PythonFunction("api", args)

    return deploy(program)


def test_without_endpoints_it_is_a_vpc_and_two_empty_security_groups() -> None:
    manifest = deployed()
    assert registered(manifest) == [
        "plinth:index:Network$aws:ec2/defaultSecurityGroup:DefaultSecurityGroup::network-default-security-group",
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
        "subnetSpecs": [{"type": "Isolated", "cidrBlocks": ["10.0.0.0/19", "10.0.32.0/19"]}],
        "subnetStrategy": "Auto",
    }
    assert inputs(manifest, "aws:ec2/securityGroup:SecurityGroup", "network-endpoints") == {
        "description": "Interface endpoints of AWS services",
        "vpcId": "${awsx:ec2:Vpc::network.vpcId}",
    }


@pytest.mark.parametrize(
    ("egress", "vpc"), [("endpoints", "${awsx:ec2:Vpc::network.vpcId}"), ("ipv6", f"${{{VPC}::network-vpc.id}}")]
)
def test_the_default_security_group_lets_nothing_in_or_out(egress: str, vpc: str) -> None:
    group = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
    assert inputs(deployed(egress=egress), group, "network-default-security-group") == {
        "vpcId": vpc,
        "ingress": [],
        "egress": [],
    }


def test_each_service_asked_for_has_one_endpoint_in_every_subnet() -> None:
    manifest = deployed(endpoints=["sqs", "lambda", "sqs"])
    assert [each.name for each in manifest.of_type(ENDPOINT)] == ["network-endpoint-lambda", "network-endpoint-sqs"]
    assert inputs(manifest, ENDPOINT, "network-endpoint-sqs") == {
        "vpcId": "${awsx:ec2:Vpc::network.vpcId}",
        "serviceName": "com.amazonaws.eu-central-1.sqs",
        "vpcEndpointType": "Interface",
        "privateDnsEnabled": True,
        "subnetIds": SUBNETS,
        "securityGroupIds": [ENDPOINT_GROUP],
    }


def test_reaching_services_is_one_connection_and_no_permission() -> None:
    def program() -> None:
        network = Network("network", arguments(endpoints=["lambda", "sqs"]))
        pulumi.export("grant", network.reaches("sqs", "lambda"))
        pulumi.export("grants", network.grants)

    way = {"connections": [{"name": "endpoints", "port": 443, "security_group_id": ENDPOINT_GROUP}]}
    assert deploy(program).outputs == {"grant": way, "grants": {"reaches": way}}


def test_a_function_may_reach_the_endpoints_and_waits_for_them() -> None:
    manifest = with_a_function()
    port = {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443}
    own = "${aws:ec2/securityGroup:SecurityGroup::api-security-group.id}"
    assert [(each.name, shown(each.inputs)) for each in [*manifest.of_type(EGRESS), *manifest.of_type(INGRESS)]] == [
        (
            "api-to-endpoints",
            {
                **port,
                "description": "To endpoints",
                "securityGroupId": own,
                "referencedSecurityGroupId": ENDPOINT_GROUP,
            },
        ),
        (
            "api-into-endpoints",
            {
                **port,
                "description": "From plinth-test-api",
                "securityGroupId": ENDPOINT_GROUP,
                "referencedSecurityGroupId": own,
            },
        ),
    ]
    assert "ipv6AllowedForDualStack" not in inputs(manifest, FUNCTION, "api")["vpcConfig"]
    assert names_of(resource(manifest, EGRESS, "api-to-endpoints")) >= {
        "network-endpoint-lambda",
        "network-endpoint-sqs",
    }
    assert names_of(resource(manifest, FUNCTION, "api")) >= {"api-to-endpoints", "api-into-endpoints"}


def test_over_ipv6_it_is_a_dual_stack_vpc_whose_only_route_leads_out() -> None:
    manifest = deployed(egress="ipv6", endpoints=["sqs", "lambda"])
    assert registered(manifest) == [
        "plinth:index:Network$aws:ec2/defaultSecurityGroup:DefaultSecurityGroup::network-default-security-group",
        "plinth:index:Network$aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway::network-egress-only-gateway",
        "plinth:index:Network$aws:ec2/routeTable:RouteTable::network-routes",
        "plinth:index:Network$aws:ec2/routeTableAssociation:RouteTableAssociation::network-routes-eu-central-1a",
        "plinth:index:Network$aws:ec2/routeTableAssociation:RouteTableAssociation::network-routes-eu-central-1b",
        "plinth:index:Network$aws:ec2/subnet:Subnet::network-subnet-eu-central-1a",
        "plinth:index:Network$aws:ec2/subnet:Subnet::network-subnet-eu-central-1b",
        "plinth:index:Network$aws:ec2/vpc:Vpc::network-vpc",
        "plinth:index:Network::network",
    ]
    assert inputs(manifest, VPC, "network-vpc") == {
        "cidrBlock": "10.0.0.0/16",
        "assignGeneratedIpv6CidrBlock": True,
        "enableDnsHostnames": True,
        "enableDnsSupport": True,
    }
    vpc, gateway = f"${{{VPC}::network-vpc.id}}", "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway"
    assert inputs(manifest, gateway, "network-egress-only-gateway") == {"vpcId": vpc}
    assert inputs(manifest, TABLE, "network-routes") == {
        "vpcId": vpc,
        "routes": [{"ipv6CidrBlock": "::/0", "egressOnlyGatewayId": f"${{{gateway}::network-egress-only-gateway.id}}"}],
    }
    assert [shown(each.inputs) for each in manifest.of_type(SUBNET)] == [
        {
            "vpcId": vpc,
            "availabilityZone": zone,
            "cidrBlock": ipv4,
            "ipv6CidrBlock": ipv6,
            "assignIpv6AddressOnCreation": False,
            "mapPublicIpOnLaunch": False,
        }
        for zone, ipv4, ipv6 in (
            ("eu-central-1a", "10.0.0.0/19", "2001:db8::/64"),
            ("eu-central-1b", "10.0.32.0/19", "2001:db8:0:1::/64"),
        )
    ]
    assert [shown(each.inputs) for each in manifest.of_type(ASSOCIATION)] == [
        {"subnetId": f"${{{SUBNET}::network-subnet-{zone}.id}}", "routeTableId": f"${{{TABLE}::network-routes.id}}"}
        for zone in ZONES
    ]


def test_over_ipv6_reaching_services_is_a_way_to_the_internet_and_their_addresses() -> None:
    def program() -> None:
        network = Network("network", arguments(egress="ipv6", endpoints=["lambda", "secretsmanager", "sqs"]))
        pulumi.export("grant", network.reaches("sqs", "secretsmanager"))
        pulumi.export("grants", network.grants)

    connections = [{"name": "ipv6-internet", "port": 443, "cidr_ipv6": "::/0"}]
    assert deploy(program).outputs == {
        "grant": {
            "connections": connections,
            "environment": {
                "AWS_ENDPOINT_URL_SQS": "https://sqs.eu-central-1.api.aws",
                "AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://secretsmanager.eu-central-1.amazonaws.com",
            },
        },
        "grants": {"reaches": {"connections": connections, "environment": {}}},
    }


def test_over_ipv6_a_function_may_go_out_and_nothing_may_come_in() -> None:
    manifest = with_a_function(egress="ipv6")
    group = "${aws:ec2/securityGroup:SecurityGroup::api-security-group.id}"
    assert [(each.name, shown(each.inputs)) for each in [*manifest.of_type(EGRESS), *manifest.of_type(INGRESS)]] == [
        (
            "api-to-ipv6-internet",
            {
                "ipProtocol": "tcp",
                "fromPort": 443,
                "toPort": 443,
                "description": "To ipv6-internet",
                "securityGroupId": group,
                "cidrIpv6": "::/0",
            },
        )
    ]
    function = inputs(manifest, FUNCTION, "api")
    assert function["vpcConfig"] == {
        "subnetIds": [f"${{{SUBNET}::network-subnet-{zone}.id}}" for zone in ZONES],
        "securityGroupIds": [group],
        "ipv6AllowedForDualStack": True,
    }
    variables = function["environment"]["variables"]
    assert {name: value for name, value in variables.items() if name.startswith("AWS_")} == {
        "AWS_ENDPOINT_URL_SQS": "https://sqs.eu-central-1.api.aws",
        "AWS_ENDPOINT_URL_LAMBDA": "https://lambda.eu-central-1.api.aws",
    }


def test_over_ipv6_a_function_waits_for_its_subnets_routes() -> None:
    assert names_of(resource(with_a_function(egress="ipv6"), FUNCTION, "api")) >= {
        "network-routes-eu-central-1a",
        "network-routes-eu-central-1b",
    }


@pytest.mark.parametrize("zones", [["eu-central-1c", *ZONES], [*ZONES, "eu-central-1c"]])
def test_over_ipv6_a_further_zone_changes_nothing_that_is_there(zones: list[str]) -> None:
    before, after = (
        deployed(egress="ipv6", flow_logs=True),
        deployed(egress="ipv6", flow_logs=True, availability_zones=zones),
    )
    was, is_ = inputs_of_all(before), inputs_of_all(after)
    assert {name: is_[name] for name in was} == was
    assert sorted(is_.keys() - was.keys()) == [
        f"{ASSOCIATION}::network-routes-eu-central-1c",
        f"{SUBNET}::network-subnet-eu-central-1c",
    ]


def test_with_endpoints_a_further_zone_leaves_the_others_their_place_and_addresses() -> None:
    was, is_ = inputs_of_all(deployed()), inputs_of_all(deployed(availability_zones=[*ZONES, "eu-central-1c"]))
    vpc = "awsx:ec2:Vpc::network"
    assert is_ == {
        **was,
        vpc: {
            **was[vpc],
            "availabilityZoneNames": [*ZONES, "eu-central-1c"],
            "subnetSpecs": [{"type": "Isolated", "cidrBlocks": ["10.0.0.0/19", "10.0.32.0/19", "10.0.64.0/19"]}],
        },
    }


@pytest.mark.parametrize(
    ("egress", "vpc"), [("endpoints", "${awsx:ec2:Vpc::network.vpcId}"), ("ipv6", f"${{{VPC}::network-vpc.id}}")]
)
def test_flow_logs_are_kept_of_all_traffic_where_they_are_asked_for(egress: str, vpc: str) -> None:
    manifest = deployed(egress=egress, flow_logs=True, log_retention_days=90)
    assert {name: given for name, given in inputs_of_all(manifest).items() if "network-flow" in name} == {
        "aws:cloudwatch/logGroup:LogGroup::network-flow-logs": {
            "name": "/aws/vpc/plinth-test-network",
            "retentionInDays": 90,
        },
        "aws:iam/role:Role::network-flow-logs-role": {
            "name": "plinth-test-network-flow-logs",
            "assumeRolePolicy": inputs(manifest, "aws:iam/role:Role", "network-flow-logs-role")["assumeRolePolicy"],
        },
        "aws:iam/rolePolicy:RolePolicy::network-flow-logs-policy": {
            "role": "plinth-test-network-flow-logs",
            "policy": inputs(manifest, "aws:iam/rolePolicy:RolePolicy", "network-flow-logs-policy")["policy"],
        },
        "aws:ec2/flowLog:FlowLog::network-flow-log": {
            "vpcId": vpc,
            "trafficType": "ALL",
            "logDestinationType": "cloud-watch-logs",
            "logDestination": "arn:aws:logs:eu-central-1:111111111111:log-group:/aws/vpc/plinth-test-network",
            "iamRoleArn": "arn:aws:iam::111111111111:role/plinth-test-network-flow-logs",
        },
    }
    assert "network-flow-logs-policy" in names_of(resource(manifest, "aws:ec2/flowLog:FlowLog", "network-flow-log"))
    assert inputs_of_all(deployed(egress=egress)).keys() == {
        name for name in inputs_of_all(manifest) if "network-flow" not in name
    }


def test_only_flow_logs_of_the_account_may_be_written_and_only_to_their_group() -> None:
    manifest = deployed(flow_logs=True)
    assert policy(manifest, "network-flow-logs-policy") == [
        {
            "Effect": "Allow",
            "Action": [
                "logs:CreateLogStream",
                "logs:DescribeLogGroups",
                "logs:DescribeLogStreams",
                "logs:PutLogEvents",
            ],
            "Resource": ["arn:aws:logs:eu-central-1:111111111111:log-group:/aws/vpc/plinth-test-network:*"],
        }
    ]
    trusted = json.loads(inputs(manifest, "aws:iam/role:Role", "network-flow-logs-role")["assumeRolePolicy"])
    assert trusted["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
            "Condition": {
                "StringEquals": {"aws:SourceAccount": "111111111111"},
                "ArnLike": {"aws:SourceArn": "arn:aws:ec2:eu-central-1:111111111111:vpc-flow-log/*"},
            },
        }
    ]


@pytest.mark.parametrize("egress", ["endpoints", "ipv6"])
def test_reaching_a_service_that_was_not_asked_for_says_what_to_add(egress: str) -> None:
    def program() -> None:
        network = Network("network", arguments(egress=egress, endpoints=["sqs"]))
        with pytest.raises(ValueError, match="Network 'network' has no endpoint for lambda, s3: add it to `endpoints`"):
            network.reaches("sqs", "s3", "lambda")
        pulumi.export("refused", True)

    assert deploy(program).outputs == {"refused": True}


TWO_ZONES = "give two or more different zones of eu-central-1, such as ['eu-central-1a', 'eu-central-1b']."
RANGE = "give an IPv4 range from /16 to /24 such as '10.0.0.0/16'."
ENDS = "give the ends of their names only: 'sqs' for 'com.amazonaws.eu-central-1.sqs'."


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"region": "eu-central"}, "give a region such as 'eu-central-1'."),
        ({"availability_zones": []}, TWO_ZONES),
        ({"availability_zones": "ab"}, TWO_ZONES),
        ({"availability_zones": [ZONES[0]]}, TWO_ZONES),
        ({"availability_zones": [ZONES[0], ZONES[0]]}, TWO_ZONES),
        ({"availability_zones": [*ZONES, ZONES[0]]}, TWO_ZONES),
        ({"availability_zones": [ZONES[0], "eu-west-1b"]}, TWO_ZONES),
        ({"availability_zones": [ZONES[0], "eu-central-1-ham-1a"]}, TWO_ZONES),
        ({"cidr_block": "10.0.0.0/8"}, RANGE),
        ({"cidr_block": "10.0.0.0/25"}, RANGE),
        ({"cidr_block": "10.0.1.0/16"}, RANGE),
        ({"cidr_block": "fd00::/16"}, RANGE),
        ({"cidr_block": 16}, RANGE),
        ({"egress": "nat"}, "give 'endpoints' or 'ipv6'."),
        ({"endpoints": ["com.amazonaws.eu-central-1.sqs"]}, ENDS),
        ({"endpoints": ["SQS"]}, ENDS),
        ({"endpoints": "sqs"}, ENDS),
        ({"flow_logs": "yes"}, "give True or False."),
        ({"log_retention_days": 2}, "give one of 1, 3, 5, 7, 14, "),
    ],
)
def test_what_makes_no_network_is_refused_before_anything_is_made(wrong: dict[str, Any], told: str) -> None:
    ((name, value),) = wrong.items()

    def program() -> None:
        with pytest.raises(ValueError, match=re.escape(f"Network 'network': {name} is {value!r}: {told}")):
            Network("network", arguments(**wrong))
        pulumi.export("refused", True)

    manifest = deploy(program)
    assert manifest.outputs == {"refused": True}
    assert inputs_of_all(manifest) == {}


def test_a_service_without_an_address_in_ipv6_is_refused_there_and_not_with_endpoints() -> None:
    services = ["lambda", "lambda-microvm"]
    told = (
        "Network 'network': egress is 'ipv6', and lambda-microvm is not known to answer over IPv6, as events, kms, "
        "lambda, secretsmanager, sqs, sts are: give 'endpoints', or do without it."
    )
    with pytest.raises(ProgramError, match=told):
        deployed(egress="ipv6", endpoints=services)
    assert [each.name for each in deployed(endpoints=services).of_type(ENDPOINT)] == [
        "network-endpoint-lambda",
        "network-endpoint-lambda-microvm",
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_an_sdk_calls_a_service_at_the_address_it_is_told(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ((variable, address),) = addresses("eu-west-1", [service]).items()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://elsewhere")
    monkeypatch.setenv(variable, address)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = botocore.session.get_session().create_client(service, region_name="eu-west-1")
    assert client.meta.endpoint_url == address
