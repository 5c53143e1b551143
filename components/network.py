"""The private network of one environment: where its functions and stores live, with no way to the internet."""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from components.grants import Connection, Grant


class NetworkArgs(TypedDict):
    region: str
    """The AWS region, such as `eu-central-1`: it is part of the endpoints' service names."""

    availability_zones: Sequence[str]
    """The zones that get a subnet, by name. At least two, which is what a database asks for.
    Caution: taking one away replaces what lives in its subnet."""

    cidr_block: NotRequired[str]
    """The IPv4 range, /16 to /24. Default `10.0.0.0/16`. Caution: changing it replaces the whole network."""

    endpoints: NotRequired[Sequence[str]]
    """AWS services to reach from inside, by endpoint name: `secretsmanager`, `sqs`, `lambda`. Default none."""


class Network(pulumi.ComponentResource):
    """A VPC of isolated subnets, one a zone, with interface endpoints for the AWS services that something uses.

    Defaults: 10.0.0.0/16, no NAT gateway, no endpoint.
    Cost: an endpoint is 0.01 USD an hour and zone: three of them in two zones are about 44 USD a month. No NAT
    gateway saves 33 USD a month and zone.
    Security: subnets have no route to the internet gateway that awsx always makes; the endpoints' security group lets
    in only holders of `reaches()`.
    """

    vpc_id: pulumi.Output[str]
    """The VPC."""

    subnet_ids: pulumi.Output[Sequence[str]]
    """The isolated subnets, one a zone."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:Network", name, {**args}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        zones = _distinct_zones(name, args["availability_zones"])
        self._name = name
        self._endpoints = sorted(set(args.get("endpoints", ())))

        vpc = awsx.ec2.Vpc(
            name,
            availability_zone_names=zones,
            cidr_block=args.get("cidr_block", "10.0.0.0/16"),
            enable_dns_hostnames=True,
            enable_dns_support=True,
            nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=awsx.ec2.NatGatewayStrategy.NONE),
            subnet_specs=[awsx.ec2.SubnetSpecArgs(type=awsx.ec2.SubnetType.ISOLATED)],
            subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
            opts=inside,
        )
        self.vpc_id = vpc.vpc_id
        self.subnet_ids = vpc.isolated_subnet_ids

        self._endpoint_group = aws.ec2.SecurityGroup(
            f"{name}-endpoints",
            description="Interface endpoints of AWS services",
            vpc_id=self.vpc_id,
            opts=inside,
        )
        for service in self._endpoints:
            aws.ec2.VpcEndpoint(
                f"{name}-endpoint-{service}",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{args['region']}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=self.subnet_ids,
                security_group_ids=[self._endpoint_group.id],
                opts=inside,
            )

        self.register_outputs({"vpc_id": self.vpc_id, "subnet_ids": self.subnet_ids})

    def reaches(self, *services: str) -> Grant:
        """The way to the endpoints of these AWS services. What may be done there, other grants say."""
        missing = sorted(set(services) - set(self._endpoints))
        if missing:
            raise ValueError(f"Network {self._name!r} has no endpoint for {', '.join(missing)}: add it to `endpoints`.")
        return Grant(
            connections=[Connection(name="endpoints", security_group_id=self._endpoint_group.id, port=443)],
        )


def _distinct_zones(name: str, zones: Sequence[str]) -> list[str]:
    if len(set(zones)) < max(2, len(zones)):
        raise ValueError(f"Network {name!r} has the availability zones {list(zones)}: give two or more different ones.")
    return list(zones)
