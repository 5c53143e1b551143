"""The private network of one environment: where its functions and stores live, closed to the internet."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, cast

import pulumi
import pulumi_aws as aws
import pulumi_awsx as awsx

from components.component import Component, ComponentArgs, handed_out
from components.dual_stack import SERVICES, addresses
from components.grants import Connection, Grant, allow, policy_document
from components.naming import physical_name
from components.rules import check, each_like, ipv4_range, one_of, retention, truth
from components.rules import region as aws_region
from components.subnets import ZONE_LETTERS, ipv4_block, ipv6_block
from components.trust import trust

EGRESSES = ("endpoints", "ipv6")
"""The ways from the network to AWS's own services; `Network` describes each."""

_HTTPS = 443


class NetworkArgs(ComponentArgs):
    region: str
    """The AWS region, such as `eu-central-1`."""

    availability_zones: Sequence[str]
    """The zones that get a subnet, by name, such as `eu-central-1a`: two to eight. With `endpoints`, add further ones
    at the end. Caution: with others, proxies and serverless caches in the network are made anew. Take none away: AWS
    deletes no subnet that a database's instance or any published version of a function is in."""

    cidr_block: NotRequired[str]
    """The IPv4 range, /16 to /24; each zone has an eighth. Default `10.0.0.0/16`. Caution: as for `egress`."""

    egress: NotRequired[str]
    """How AWS's own services are reached: one of `EGRESSES`. Default `endpoints`. Caution: choose before the
    first deployment. Another one means another network, and AWS moves neither a database nor a published version of a
    function there: the deployment would stop half-way. Destroy the stack, deploy it anew, and restore databases from
    a snapshot."""

    endpoints: NotRequired[Sequence[str]]
    """AWS services to reach from inside, by endpoint name: `secretsmanager`, `sqs`, `lambda`. Default none."""

    flow_logs: NotRequired[bool]
    """Whether a record is kept of who spoke with whom, and who was refused. Default false."""

    log_retention_days: NotRequired[int]
    """Days that these records are kept; one of the values CloudWatch knows. Default 30."""


class Network(Component):
    """A VPC of isolated subnets, one a zone, with a way out to the AWS services that something uses.

    `endpoints`: interface endpoints bring exactly these services into the VPC, and nothing leads out of it.
    `ipv6`: the subnets have IPv6 addresses, too, and an egress-only gateway through which the services are called at
    their public addresses. Only services that are known to have such an address can be asked for.

    A service is asked for in `endpoints` either way, so that the way can be changed without changing the program. The
    first is made by awsx; the second of single resources, since awsx has no egress-only gateway.

    Defaults: `endpoints`, 10.0.0.0/16, no NAT gateway, no endpoint, no flow logs.
    Cost: an endpoint is 0.01 USD an hour and zone: three of them in two zones are 3 x 2 x 730 x 0.01 = 44 USD a
    month. With `ipv6` there is nothing to pay while idle. No NAT gateway saves 33 USD a month and zone. Flow logs are
    0.50 USD a GB: a record of some 120 bytes for each connection, direction, interface and ten minutes. 1,000
    connections held open are 1,000 x 2 x 2 x 6 x 730 x 120 bytes = 2.1 GB a month, or 1 USD.
    Security: nothing can be reached from the internet. With `endpoints` nothing can be sent there, either: the
    subnets have no route to the internet gateway that awsx always makes, and the endpoints' security group lets in
    only holders of `reaches()`. With `ipv6` a holder of `reaches()`, and nobody else, may open HTTPS connections to
    any IPv6 address: choose `endpoints` where data must not leave even if code of the service turns hostile. Flow
    logs hold what was let through as well as what was refused, since after an incident the first is what counts. The
    VPC's default security group is emptied, so that what is put into it by mistake can reach nothing.
    """

    vpc_id: pulumi.Output[str]
    """The VPC."""

    subnet_ids: pulumi.Output[Sequence[str]]
    """The isolated subnets, one a zone."""

    flow_log_group_name: pulumi.Output[str] | None
    """Where the flow logs are; none without them."""

    grants: pulumi.Output[Mapping[str, Grant]]
    """What users of it need, by use: the same as the methods return, for programs that have no methods."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        _check(self._label, args)
        self._inside = pulumi.ResourceOptions(parent=self)
        self._region = args["region"]
        self._egress = args.get("egress", "endpoints")
        self._services = sorted(set(args.get("endpoints", ())))
        zones, cidr_block = list(args["availability_zones"]), args.get("cidr_block", "10.0.0.0/16")

        if self._egress == "ipv6":
            self.vpc_id, self.subnet_ids = self._dual_stack(name, zones, cidr_block)
            self._way_out = Connection(name="ipv6-internet", cidr_ipv6="::/0", port=_HTTPS)
        else:
            self.vpc_id, self.subnet_ids = self._isolated(name, zones, cidr_block)
            endpoints = self._endpoints(name)
            self._way_out = Connection(name="endpoints", security_group_id=endpoints, port=_HTTPS)
        aws.ec2.DefaultSecurityGroup(
            f"{name}-default-security-group", vpc_id=self.vpc_id, ingress=[], egress=[], opts=self._inside
        )
        self.flow_log_group_name = None
        if args.get("flow_logs"):
            self.flow_log_group_name = self._records_flows(name, args.get("log_retention_days", 30))

        self.grants = handed_out(reaches=self.reaches())
        self.register_outputs(
            {
                "vpc_id": self.vpc_id,
                "subnet_ids": self.subnet_ids,
                "flow_log_group_name": self.flow_log_group_name,
                "grants": self.grants,
            }
        )

    def reaches(self, *services: str) -> Grant:
        """The way to these AWS services. What may be done there, other grants say."""
        missing = sorted(set(services) - set(self._services))
        if missing:
            raise ValueError(f"{self._label} has no endpoint for {', '.join(missing)}: add it to `endpoints`.")
        way = Grant(connections=[self._way_out])
        if self._egress == "ipv6":
            way["environment"] = addresses(self._region, services)
        return way

    def _isolated(
        self, name: str, zones: Sequence[str], cidr_block: str
    ) -> tuple[pulumi.Output[str], pulumi.Output[Sequence[str]]]:
        vpc = awsx.ec2.Vpc(
            name,
            availability_zone_names=list(zones),
            cidr_block=cidr_block,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            nat_gateways=awsx.ec2.NatGatewayConfigurationArgs(strategy=awsx.ec2.NatGatewayStrategy.NONE),
            # Left to itself, awsx divides the range by the number of zones: a third would move the first two.
            subnet_specs=[
                awsx.ec2.SubnetSpecArgs(
                    type=awsx.ec2.SubnetType.ISOLATED, cidr_blocks=[ipv4_block(cidr_block, zone) for zone in zones]
                )
            ],
            subnet_strategy=awsx.ec2.SubnetAllocationStrategy.AUTO,
            opts=self._inside,
        )
        return vpc.vpc_id, vpc.isolated_subnet_ids

    def _endpoints(self, name: str) -> pulumi.Output[str]:
        """The security group of the endpoints: known only once they are there, so that users of it wait for them."""
        group = aws.ec2.SecurityGroup(
            f"{name}-endpoints",
            description="Interface endpoints of AWS services",
            vpc_id=self.vpc_id,
            opts=self._inside,
        )
        endpoints = [
            aws.ec2.VpcEndpoint(
                f"{name}-endpoint-{service}",
                vpc_id=self.vpc_id,
                service_name=f"com.amazonaws.{self._region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=self.subnet_ids,
                security_group_ids=[group.id],
                opts=self._inside,
            )
            for service in self._services
        ]
        return pulumi.Output.all(group.id, *[endpoint.id for endpoint in endpoints]).apply(lambda ids: ids[0])

    def _dual_stack(
        self, name: str, zones: Sequence[str], cidr_block: str
    ) -> tuple[pulumi.Output[str], pulumi.Output[Sequence[str]]]:
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=cidr_block,
            assign_generated_ipv6_cidr_block=True,
            enable_dns_hostnames=True,
            enable_dns_support=True,
            opts=self._inside,
        )
        gateway = aws.ec2.EgressOnlyInternetGateway(f"{name}-egress-only-gateway", vpc_id=vpc.id, opts=self._inside)
        # Routes are given here, and not one by one: what is added by hand is then taken away again.
        table = aws.ec2.RouteTable(
            f"{name}-routes",
            vpc_id=vpc.id,
            routes=[aws.ec2.RouteTableRouteArgs(ipv6_cidr_block="::/0", egress_only_gateway_id=gateway.id)],
            opts=self._inside,
        )
        placed = [self._dual_stack_subnet(name, zone, vpc, cidr_block, table) for zone in zones]
        return vpc.id, pulumi.Output.all(*placed)

    def _dual_stack_subnet(
        self, name: str, zone: str, vpc: aws.ec2.Vpc, cidr_block: str, table: aws.ec2.RouteTable
    ) -> pulumi.Output[str]:
        """A zone's subnet: known only once its routes are there, so that what runs in it can reach what it needs."""
        subnet = aws.ec2.Subnet(
            f"{name}-subnet-{zone}",
            vpc_id=vpc.id,
            availability_zone=zone,
            cidr_block=ipv4_block(cidr_block, zone),
            ipv6_cidr_block=vpc.ipv6_cidr_block.apply(lambda block: ipv6_block(block, zone)),
            # Functions ask for an IPv6 address where they need one; a database has no use for it.
            assign_ipv6_address_on_creation=False,
            map_public_ip_on_launch=False,
            opts=self._inside,
        )
        association = aws.ec2.RouteTableAssociation(
            f"{name}-routes-{zone}", subnet_id=subnet.id, route_table_id=table.id, opts=self._inside
        )
        return pulumi.Output.all(subnet.id, association.id).apply(lambda ids: ids[0])

    def _records_flows(self, name: str, retention_days: int) -> pulumi.Output[str]:
        """Records of all traffic, in a log group that the role writing them may write to and to no other."""
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-flow-logs",
            name=f"/aws/vpc/{physical_name(name)}",
            retention_in_days=retention_days,
            opts=self._inside,
        )
        role = aws.iam.Role(
            f"{name}-flow-logs-role",
            name=physical_name(f"{name}-flow-logs"),
            assume_role_policy=log_group.arn.apply(_trusting_flow_logs),
            opts=self._inside,
        )
        # Without logs:CreateLogGroup, which AWS asks for too: it would bring a deleted group back.
        writes = allow(
            ["logs:CreateLogStream", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:PutLogEvents"],
            pulumi.Output.concat(log_group.arn, ":*"),
        )
        permissions = aws.iam.RolePolicy(
            f"{name}-flow-logs-policy", role=role.name, policy=policy_document([writes]), opts=self._inside
        )
        aws.ec2.FlowLog(
            f"{name}-flow-log",
            vpc_id=self.vpc_id,
            traffic_type="ALL",
            log_destination_type="cloud-watch-logs",
            log_destination=log_group.arn,
            iam_role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[permissions]),
        )
        return log_group.name


def _trusting_flow_logs(log_group_arn: str) -> str:
    region, account = log_group_arn.split(":")[3:5]
    flow_logs = f"arn:aws:ec2:{region}:{account}:vpc-flow-log/*"
    return trust("vpc-flow-logs.amazonaws.com", account, source_arn=flow_logs)


def _check(label: str, args: NetworkArgs) -> None:
    region = args["region"]
    check(
        label,
        args,
        {
            "region": aws_region(),
            "availability_zones": (
                lambda zones: _are_zones(zones, region),
                f"two or more different zones of {region}, such as ['{region}a', '{region}b']",
            ),
            "cidr_block": ipv4_range(16, 24),
            "egress": one_of(*EGRESSES),
            "endpoints": each_like(
                r"(?!com\.)[a-z0-9]+([.-][a-z0-9]+)*",
                f"the ends of their names only: 'sqs' for 'com.amazonaws.{region}.sqs'",
            ),
            "flow_logs": truth(),
            "log_retention_days": retention(),
        },
    )
    unknown = sorted(set(args.get("endpoints", ())) - SERVICES.keys())
    if args.get("egress") == "ipv6" and unknown:
        raise ValueError(
            f"{label}: egress is 'ipv6', and {unknown[0]} is not known to answer over IPv6, as "
            f"{', '.join(SERVICES)} are: give 'endpoints', or do without it."
        )


def _are_zones(given: Any, region: str) -> bool:
    zones = _texts(given)
    known = {f"{region}{letter}" for letter in ZONE_LETTERS}
    return len(zones) >= 2 and len(set(zones)) == len(zones) and known.issuperset(zones)


def _texts(given: Any) -> list[str]:
    """The items of a list as texts; nothing where it is none."""
    return [str(each) for each in cast("list[Any]", given)] if isinstance(given, (list, tuple)) else []
