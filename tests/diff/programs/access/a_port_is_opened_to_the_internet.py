"""A rule that lets in the whole internet is pointed out by a rule of its own."""

import pulumi_aws as aws


def _group(name: str) -> aws.ec2.SecurityGroup:
    return aws.ec2.SecurityGroup(name, vpc_id="vpc-1", description="One of two")


def _lets_in(name: str, ports: tuple[int, int], cidr: str) -> None:
    aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=_group("database").id,
        ip_protocol="tcp",
        from_port=ports[0],
        to_port=ports[1],
        cidr_ipv4=cidr,
    )


def before() -> None:
    """The network's own."""
    _lets_in("database-in", (5432, 5432), "10.0.0.0/16")


def after() -> None:
    """Anybody."""
    _lets_in("database-in", (5432, 5432), "0.0.0.0/0")


CHANGES: list[str] = ["update aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule database-in: cidrIpv4"]
RISKS: list[str] = ["access open-to-the-internet database-in"]
