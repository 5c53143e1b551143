"""Out to anywhere, over every protocol, is wider than one port of one group."""

import pulumi_aws as aws

_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"


def _group(name: str) -> aws.ec2.SecurityGroup:
    return aws.ec2.SecurityGroup(name, vpc_id="vpc-1", description="One of two")


def before() -> None:
    """The database."""
    database = _group("database")
    aws.vpc.SecurityGroupEgressRule(
        "worker-out",
        security_group_id=_group("worker").id,
        ip_protocol="tcp",
        from_port=5432,
        to_port=5432,
        referenced_security_group_id=database.id,
    )


def after() -> None:
    """Anywhere."""
    _group("database")
    aws.vpc.SecurityGroupEgressRule(
        "worker-out", security_group_id=_group("worker").id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0"
    )


CHANGES: list[str] = [
    f"replace {_RULE} worker-out: cidrIpv4!, fromPort, ipProtocol, referencedSecurityGroupId!, toPort",
]
RISKS: list[str] = ["access network-widened worker-out"]
