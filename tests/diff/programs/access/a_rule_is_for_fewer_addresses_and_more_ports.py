"""Ranges and ports are compared by what is in them."""

import pulumi_aws as aws


def _group(name: str) -> aws.ec2.SecurityGroup:
    return aws.ec2.SecurityGroup(name, vpc_id="vpc-1", description="The database")


def _program(cidr: str, last_port: int) -> None:
    group = _group("database").id
    of = {"security_group_id": group, "ip_protocol": "tcp"}
    aws.vpc.SecurityGroupIngressRule("narrower", cidr_ipv4=cidr, from_port=5432, to_port=5432, **of)
    aws.vpc.SecurityGroupIngressRule("wider", cidr_ipv4="10.0.0.0/8", from_port=443, to_port=last_port, **of)


def before() -> None:
    """A wide range, and one port."""
    _program("10.0.0.0/8", 443)


def after() -> None:
    """A part of the range, and two ports."""
    _program("10.1.0.0/16", 444)


CHANGES: list[str] = [
    "update aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule narrower: cidrIpv4",
    "update aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule wider: toPort",
]
RISKS: list[str] = ["access network-widened wider"]
