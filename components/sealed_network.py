"""A network that leads nowhere: where code runs that must not reach anything, nor be reached."""

import ipaddress
from collections.abc import Sequence
from typing import NotRequired

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs
from components.rules import check, ipv4_range

CIDR_BLOCK = "10.255.0.0/24"
"""The default range."""

_RULES = {"cidr_block": ipv4_range(16, 27)}
"""What AWS takes for a VPC, and can still be halved: no subnet is smaller than a /28."""


class SealedNetworkArgs(ComponentArgs):
    availability_zones: Sequence[str]
    """The zones that get a subnet, by name. The first two are used."""

    cidr_block: NotRequired[str]
    """The IPv4 range. Nothing is routed to or from it, so it may be the same in every stack. Default `10.255.0.0/24`.
    Caution: changing it replaces the network and what is in it."""


class SealedNetwork(Component):
    """A VPC of two subnets without a gateway, a route, an endpoint or a resolver, in which no packet may pass.

    Each of these alone keeps traffic in; together, no single change made by mistake opens a way.

    Defaults: 10.255.0.0/24, half of it in each of two zones.
    Cost: nothing.
    Security: there is no gateway and no endpoint; the only route is the VPC's own. The VPC has no DNS resolver, whose
    answers security groups and network ACLs do not filter. What AWS gives every VPC is emptied, too: the default
    security group lets nothing in or out, whoever is put into it, and the default network ACL denies every packet
    even where somebody adds a security group that allows all. Functions are invoked through Lambda's own network, so
    they run nevertheless (AWS Lambda developer guide, "Giving Lambda functions access to resources in an Amazon VPC").
    """

    vpc_id: pulumi.Output[str]
    """The VPC."""

    subnet_ids: pulumi.Output[Sequence[str]]
    """The two subnets."""

    subnet_arns: pulumi.Output[Sequence[str]]
    """The ARNs of the two subnets."""

    security_group_id: pulumi.Output[str]
    """The security group without rules."""

    security_group_arn: pulumi.Output[str]
    """The ARN of the security group without rules."""

    def __init__(self, name: str, args: SealedNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        check(self._label, args, _RULES)
        inside = pulumi.ResourceOptions(parent=self)
        cidr_block = args.get("cidr_block", CIDR_BLOCK)
        blocks = subnet_blocks(self._label, args["availability_zones"], cidr_block)

        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=cidr_block,
            enable_dns_support=False,
            enable_dns_hostnames=False,
            opts=inside,
        )
        subnets = [
            aws.ec2.Subnet(
                f"{name}-subnet-{zone}",
                vpc_id=vpc.id,
                availability_zone=zone,
                cidr_block=block,
                map_public_ip_on_launch=False,
                opts=inside,
            )
            for zone, block in blocks
        ]
        # Rules are given as none, and not left out: what is added by hand is then taken away again.
        security_group = aws.ec2.SecurityGroup(
            f"{name}-security-group",
            description="Untrusted code: nothing in, nothing out",
            vpc_id=vpc.id,
            ingress=[],
            egress=[],
            opts=inside,
        )
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-security-group", vpc_id=vpc.id, ingress=[], egress=[], opts=inside
        )
        aws.ec2.DefaultNetworkAcl(
            f"{name}-default-network-acl",
            default_network_acl_id=vpc.default_network_acl_id,
            subnet_ids=[subnet.id for subnet in subnets],
            ingress=[],
            egress=[],
            opts=inside,
        )
        aws.ec2.DefaultRouteTable(
            f"{name}-default-route-table",
            default_route_table_id=vpc.default_route_table_id,
            routes=[],
            opts=inside,
        )

        self.vpc_id = vpc.id
        self.subnet_ids = pulumi.Output.all(*[subnet.id for subnet in subnets])
        self.subnet_arns = pulumi.Output.all(*[subnet.arn for subnet in subnets])
        self.security_group_id = security_group.id
        self.security_group_arn = security_group.arn
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "subnet_ids": self.subnet_ids,
                "subnet_arns": self.subnet_arns,
                "security_group_id": self.security_group_id,
                "security_group_arn": self.security_group_arn,
            }
        )


def subnet_blocks(label: str, zones: Sequence[str], cidr_block: str) -> list[tuple[str, str]]:
    """The first two zones, each with its half of the range."""
    if len(set(zones[:2])) < 2:
        raise ValueError(f"{label}: give two different availability zones.")
    halves = ipaddress.ip_network(cidr_block).subnets(prefixlen_diff=1)
    return [(zone, str(half)) for zone, half in zip(zones[:2], halves, strict=True)]
