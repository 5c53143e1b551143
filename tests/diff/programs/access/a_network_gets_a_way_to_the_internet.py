"""A route to an internet gateway lets traffic come in as well; one that only leads out does less."""

import pulumi_aws as aws


def _program(*routes: aws.ec2.RouteTableRouteArgsDict) -> None:
    vpc = aws.ec2.Vpc("main", cidr_block="10.0.0.0/16")
    aws.ec2.RouteTable("private", vpc_id=vpc.id, routes=[*routes])


def before() -> None:
    """No way out."""
    _program()


def after() -> None:
    """Two."""
    _program(
        {"cidr_block": "0.0.0.0/0", "gateway_id": "igw-1"},
        {"ipv6_cidr_block": "::/0", "egress_only_gateway_id": "eigw-1"},
    )


CHANGES: list[str] = ["update aws:ec2/routeTable:RouteTable private: routes[0], routes[1]"]
RISKS: list[str] = ["access public-entrance private", "access network-widened private"]
