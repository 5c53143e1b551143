"""The ways between security groups: what a connection of a grant takes to be one."""

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.grants import Connection
from components.naming import physical_name


def opened(
    name: str, group: aws.ec2.SecurityGroup, connection: Connection, inside: pulumi.ResourceOptions
) -> Sequence[pulumi.Resource]:
    """What lets whoever is in `group`, called `name`, reach a target: a way out of its group and, where the target has
    a group, one into that."""
    target, port = connection["name"], connection["port"]
    other_group = connection.get("security_group_id")
    ways: list[pulumi.Resource] = [
        aws.vpc.SecurityGroupEgressRule(
            f"{name}-to-{target}",
            security_group_id=group.id,
            referenced_security_group_id=other_group,
            cidr_ipv6=connection.get("cidr_ipv6"),
            ip_protocol="tcp",
            from_port=port,
            to_port=port,
            description=f"To {target}",
            opts=inside,
        )
    ]
    if other_group is not None:
        ways.append(
            aws.vpc.SecurityGroupIngressRule(
                f"{name}-into-{target}",
                security_group_id=other_group,
                referenced_security_group_id=group.id,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                description=f"From {physical_name(name)}",
                opts=inside,
            )
        )
    return ways
