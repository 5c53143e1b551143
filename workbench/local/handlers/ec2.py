"""EC2 and VPC. The emulator keeps networks as records; nothing on this machine is routed or filtered by them."""

from collections.abc import Mapping
from typing import Any

from workbench.local.cloud import Cloud
from workbench.local.handlers.base import Api, Call, Custom, Handler, Made
from workbench.local.state import Applied

_IPV6_BLOCK = "fd00::/56"
"""What every VPC here gets where AWS would choose a range: the emulator gives none."""


class AwsxVpc(Custom):
    """`awsx.ec2.Vpc`, whose children only the real engine sees: the VPC and one isolated subnet a zone."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:  # noqa: ARG002
        """Makes the VPC and its subnets."""
        client = cloud.client("ec2")
        vpc = client.create_vpc(CidrBlock=inputs["cidrBlock"])["Vpc"]["VpcId"]
        (isolated,) = inputs["subnetSpecs"]
        subnets = [
            client.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"]
            for zone, block in zip(inputs["availabilityZoneNames"], isolated["cidrBlocks"], strict=True)
        ]
        return vpc, {"vpcId": vpc, "isolatedSubnetIds": subnets, "privateSubnetIds": [], "publicSubnetIds": []}

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes the subnets and the VPC."""
        client = cloud.client("ec2")
        for subnet in applied.outputs["isolatedSubnetIds"]:
            client.delete_subnet(SubnetId=subnet)
        client.delete_vpc(VpcId=applied.id)


class Vpc(Custom):
    """A VPC, with what AWS gives every VPC: a security group, a network ACL, a route table and, if asked, IPv6."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:  # noqa: ARG002
        """Makes it and looks up the three."""
        client = cloud.client("ec2")
        vpc = client.create_vpc(CidrBlock=inputs["cidrBlock"])["Vpc"]["VpcId"]

        def of_it(kind: str, value: str) -> list[dict[str, Any]]:
            return [{"Name": "vpc-id", "Values": [vpc]}, {"Name": kind, "Values": [value]}]

        acls = client.describe_network_acls(Filters=of_it("default", "true"))["NetworkAcls"]
        tables = client.describe_route_tables(Filters=of_it("association.main", "true"))["RouteTables"]
        groups = client.describe_security_groups(Filters=of_it("group-name", "default"))["SecurityGroups"]
        return vpc, {
            "arn": f"arn:aws:ec2:{cloud.region}:{cloud.account}:vpc/{vpc}",
            **({"ipv6CidrBlock": _IPV6_BLOCK} if inputs.get("assignGeneratedIpv6CidrBlock") else {}),
            "defaultNetworkAclId": acls[0]["NetworkAclId"],
            "defaultRouteTableId": tables[0]["RouteTableId"],
            "mainRouteTableId": tables[0]["RouteTableId"],
            "defaultSecurityGroupId": groups[0]["GroupId"],
        }

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes it, and the three with it."""
        cloud.client("ec2").delete_vpc(VpcId=applied.id)


HANDLERS: Mapping[str, Handler] = {
    "awsx:ec2:Vpc": AwsxVpc(),
    "aws:ec2/vpc:Vpc": Vpc(),
    "aws:ec2/subnet:Subnet": Api(
        service="ec2",
        create_call="CreateSubnet",
        ignored=("tags", "mapPublicIpOnLaunch", "assignIpv6AddressOnCreation"),
        id="out.Subnet.SubnetId",
        outputs={"arn": "out.Subnet.SubnetArn"},
        delete_call=Call("DeleteSubnet", {"SubnetId": "id"}),
    ),
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": Api(
        service="ec2",
        create_call="CreateEgressOnlyInternetGateway",
        ignored=("tags",),
        id="out.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId",
        delete_call=Call("DeleteEgressOnlyInternetGateway", {"EgressOnlyInternetGatewayId": "id"}),
    ),
    "aws:ec2/flowLog:FlowLog": Api(
        service="ec2",
        create_call="CreateFlowLogs",
        rename={"iamRoleArn": "DeliverLogsPermissionArn", "vpcId": "ResourceIds"},
        ignored=("tags",),
        prepare=lambda inputs: {**inputs, "resourceType": "VPC"},
        id="out.FlowLogIds[0]",
        outputs={"arn": "join('', ['arn:aws:ec2:', region, ':', account, ':vpc-flow-log/', out.FlowLogIds[0]])"},
        delete_call=Call("DeleteFlowLogs", {"FlowLogIds": "[id]"}),
    ),
    "aws:ec2/securityGroup:SecurityGroup": Api(
        service="ec2",
        create_call="CreateSecurityGroup",
        names="name",
        rename={"name": "GroupName"},
        ignored=("tags", "revokeRulesOnDelete", "ingress", "egress"),
        prepare=lambda inputs: {"description": "Managed by Pulumi", **inputs},
        id="out.GroupId",
        outputs={"arn": "join('', ['arn:aws:ec2:', region, ':', account, ':security-group/', out.GroupId])"},
        delete_call=Call("DeleteSecurityGroup", {"GroupId": "id"}),
    ),
}

_NO_NETWORK = "the emulator has no network"

RECORDED_ONLY: Mapping[str, str] = {
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": _NO_NETWORK,
    "aws:ec2/defaultRouteTable:DefaultRouteTable": _NO_NETWORK,
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _NO_NETWORK,
    "aws:ec2/routeTable:RouteTable": _NO_NETWORK,
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _NO_NETWORK,
    "aws:ec2/vpcEndpoint:VpcEndpoint": _NO_NETWORK,
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _NO_NETWORK,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _NO_NETWORK,
}
