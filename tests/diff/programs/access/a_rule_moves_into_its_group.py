"""A rule that is written in the group and no longer beside it is the same rule."""

import pulumi_aws as aws


def before() -> None:
    """Beside."""
    group = aws.ec2.SecurityGroup("api", vpc_id="vpc-1")
    aws.vpc.SecurityGroupEgressRule(
        "api-out", security_group_id=group.id, ip_protocol="tcp", from_port=443, to_port=443, cidr_ipv4="10.0.0.0/16"
    )


def after() -> None:
    """Inside."""
    aws.ec2.SecurityGroup(
        "api",
        vpc_id="vpc-1",
        egress=[{"protocol": "tcp", "from_port": 443, "to_port": 443, "cidr_blocks": ["10.0.0.0/16"]}],
    )


CHANGES: list[str] = [
    "delete aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule api-out",
    "update aws:ec2/securityGroup:SecurityGroup api: egress",
]
RISKS: list[str] = []
