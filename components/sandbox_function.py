"""Where untrusted code runs: a template function that is cloned for one run and deleted after it."""

import ipaddress
import json
from collections.abc import Sequence
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.grants import Grant, allow, allow_unscoped, deny_everything, policy_document
from components.naming import physical_name
from components.packaging import ARCHITECTURE, RUNTIME
from components.python_function import NETWORK_INTERFACES

ISOLATIONS = ("ephemeral",)
"""How a run can be kept apart from all others. `ephemeral`: in a function made for it and deleted after it."""

_NAME_LIMIT = 27
"""A clone is named `<template>-run-<32 hexadecimal digits>`, and Lambda allows a name 64 characters."""


class SandboxFunctionArgs(TypedDict):
    account_id: str
    """The AWS account. Only Lambda acting for it may use the sandbox's role."""

    availability_zones: Sequence[str]
    """Zones to run in; the first two are used."""

    code: pulumi.Archive
    """The template's own archive: a placeholder, since what runs comes from `layers` and clones bring no code."""

    layers: Sequence[pulumi.Input[str]]
    """ARNs of the layer versions that hold the runner."""

    handler: str
    """Dotted path of the entry point in the layers."""

    isolation: NotRequired[str]
    """How a run is kept apart from all others: one of `ISOLATIONS`. Default `ephemeral`."""

    cidr_block: NotRequired[str]
    """The sandbox's IPv4 range, which leads nowhere. Default `10.255.0.0/24`."""

    memory_mb: NotRequired[int]
    """Memory of one run in MB, 128 to 10240. Default 512."""

    timeout_seconds: NotRequired[int]
    """Seconds before Lambda stops a run, 1 to 900. The runner's own limit comes first. Default 20."""

    storage_mb: NotRequired[int]
    """Size of /tmp in MB, 512 to 10240. Default 512."""

    reserved_concurrency: NotRequired[int]
    """Instances of the template at most. It is only ever run by modes that do not clone. Default none."""

    log_retention_days: NotRequired[int]
    """Days that the sandbox's log group keeps what it gets. Default 3."""


class SandboxFunction(pulumi.ComponentResource):
    """A function that nothing can be reached from, the network it is alone in, and a role that can do nothing.

    Defaults: `ephemeral`: the worker clones the template for a run, invokes the clone once and deletes it.
    Cost: nothing while idle; a run of 2 seconds at 512 MB is about 0.00001 USD.
    Security: the boundary is the clone's own microVM, used once. Its VPC has no gateway, no endpoint and no DNS; its
    security group has no rule; its role lets Lambda attach it to that VPC and denies everything to credentials used
    from inside. The role may not write logs, so what untrusted code prints reaches no log of ours: the runner captures
    it and returns it. The template stays attached to the VPC, which keeps the network interface that clones share.
    """

    function_name: pulumi.Output[str]
    """The template."""

    function_arn: pulumi.Output[str]
    """The template, and the beginning of its clones' ARNs."""

    role_arn: pulumi.Output[str]
    """The role of template and clones."""

    log_group_name: pulumi.Output[str]
    """The log group of template and clones."""

    def __init__(self, name: str, args: SandboxFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:SandboxFunction", name, {**args}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        _check(name, args)
        physical = physical_name(name, _NAME_LIMIT)
        self._layers = args["layers"]

        # Without DNS support there is no resolver to carry data out, which security groups would not stop.
        vpc = aws.ec2.Vpc(
            f"{name}-vpc",
            cidr_block=args.get("cidr_block", "10.255.0.0/24"),
            enable_dns_support=False,
            enable_dns_hostnames=False,
            opts=inside,
        )
        subnets = [
            aws.ec2.Subnet(
                f"{name}-subnet-{zone}", vpc_id=vpc.id, availability_zone=zone, cidr_block=block, opts=inside
            )
            for zone, block in subnet_blocks(args)
        ]
        security_group = aws.ec2.SecurityGroup(
            f"{name}-security-group",
            description="Untrusted code: nothing in, nothing out",
            vpc_id=vpc.id,
            # Empty and not left out: a rule added by hand is then taken away again.
            ingress=[],
            egress=[],
            opts=inside,
        )
        role = aws.iam.Role(
            f"{name}-role",
            name=physical_name(name),
            assume_role_policy=_trust(args["account_id"]),
            opts=inside,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy", role=role.name, policy=policy_document([_DENIED_FROM_INSIDE]), opts=inside
        )
        interfaces = aws.iam.RolePolicyAttachment(
            f"{name}-network-interfaces", role=role.name, policy_arn=NETWORK_INTERFACES, opts=inside
        )
        # The role cannot write to it. It is named so that Lambda never makes one group a clone, kept for ever.
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{physical}",
            retention_in_days=args.get("log_retention_days", 3),
            opts=inside,
        )
        function = aws.lambda_.Function(
            name,
            name=physical,
            role=role.arn,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=args["handler"],
            code=args["code"],
            layers=self._layers,
            memory_size=args.get("memory_mb", 512),
            timeout=args.get("timeout_seconds", 20),
            ephemeral_storage=aws.lambda_.FunctionEphemeralStorageArgs(size=args.get("storage_mb", 512)),
            reserved_concurrent_executions=args.get("reserved_concurrency"),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=log_group.name),
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=[subnet.id for subnet in subnets], security_group_ids=[security_group.id]
            ),
            replace_security_groups_on_destroy=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy, interfaces]),
        )

        self.function_name = function.name
        self.function_arn = function.arn
        self.role_arn = role.arn
        self.log_group_name = log_group.name
        self.register_outputs(
            {
                "function_name": self.function_name,
                "function_arn": self.function_arn,
                "role_arn": self.role_arn,
                "log_group_name": self.log_group_name,
            }
        )

    def runs(self) -> Grant:
        """What the worker needs to run code: to read the template, and to make, invoke and delete its clones."""
        clones = pulumi.Output.concat(self.function_arn, "-run-*")
        return Grant(
            environment={"SANDBOX_FUNCTION": self.function_name},
            statements=[
                allow(["lambda:GetFunctionConfiguration"], self.function_arn),
                allow(
                    [
                        "lambda:CreateFunction",
                        "lambda:DeleteFunction",
                        "lambda:GetFunctionConfiguration",
                        "lambda:InvokeFunction",
                        "lambda:TagResource",
                    ],
                    clones,
                ),
                allow(["lambda:GetLayerVersion"], *self._layers),
                allow(["iam:PassRole"], self.role_arn, StringEquals={"iam:PassedToService": "lambda.amazonaws.com"}),
                allow_unscoped(
                    ["ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
                    reason="Lambda asks it of whoever makes a function in a VPC, and EC2 lists know no resources.",
                ),
            ],
        )


_DENIED_FROM_INSIDE = deny_everything(
    reason="Lambda adds this key to calls made with credentials from inside a function, and only to those.",
    Null={"lambda:SourceFunctionArn": "false"},
)


def subnet_blocks(args: SandboxFunctionArgs) -> list[tuple[str, str]]:
    """The two zones of the sandbox, each with its half of the range."""
    halves = ipaddress.ip_network(args.get("cidr_block", "10.255.0.0/24")).subnets(prefixlen_diff=1)
    return [(zone, str(half)) for zone, half in zip(args["availability_zones"][:2], halves, strict=True)]


def _trust(account_id: str) -> str:
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": account_id}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _check(name: str, args: SandboxFunctionArgs) -> None:
    isolation = args.get("isolation", ISOLATIONS[0])
    if isolation not in ISOLATIONS:
        known = " or ".join(map(repr, ISOLATIONS))
        raise ValueError(f"SandboxFunction {name!r}: isolation {isolation!r} does not exist: give {known}.")
    if len(set(args["availability_zones"][:2])) < 2:
        raise ValueError(f"SandboxFunction {name!r}: give two different availability zones.")
