"""A replacement goes down the chain: a subnet is in a network, and a security-group rule in a group."""

import pulumi_aws as aws


def _network(cidr: str) -> None:
    vpc = aws.ec2.Vpc("vpc", cidr_block=cidr)
    aws.ec2.Subnet("subnet", vpc_id=vpc.id, cidr_block="10.0.1.0/24")
    group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id, description="one")
    aws.vpc.SecurityGroupEgressRule(
        "out", security_group_id=group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4="10.0.0.0/8"
    )


def before() -> None:
    """One range of addresses."""
    _network("10.0.0.0/16")


def after() -> None:
    """Another one."""
    _network("10.0.0.0/20")


CHANGES = [
    "replace aws:ec2/securityGroup:SecurityGroup group: vpcId!",
    "replace aws:ec2/subnet:Subnet subnet: vpcId!",
    "replace aws:ec2/vpc:Vpc vpc: cidrBlock!",
    "replace aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule out: securityGroupId!",
]
RISKS: list[str] = []
