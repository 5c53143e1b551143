"""Where untrusted code runs, in one of several ways that keep each run apart from all others."""

from collections.abc import Mapping, Sequence
from typing import NotRequired

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs, handed_out
from components.function_args import HANDLER
from components.grants import Grant, Statement, deny_everything, policy_document
from components.naming import physical_name
from components.packaging import ARCHITECTURE, RUNTIME
from components.python_function import NETWORK_INTERFACES
from components.rules import Rule, account, check, demand, or_none, region, retention, whole
from components.sandbox_grants import Clones, microvms_found_and_terminated, microvms_run, tenants_invoked
from components.sandbox_image import LOG_RETENTION_DAYS, SandboxImage
from components.sealed_network import CIDR_BLOCK, SealedNetwork
from components.trust import trust

ISOLATIONS = ("ephemeral", "tenant", "microvm")
"""How a run can be kept apart from all others; `SandboxFunction` describes each."""

ISOLATION: Rule = (
    lambda value: value in ISOLATIONS,
    f"{' or '.join(map(repr, ISOLATIONS))}, and never a subprocess of the worker, which has its rights and network",
)
"""What must be chosen among them, and what to say to whoever asks for another one."""

_RULES: Mapping[str, Rule] = {
    "region": region(),
    "account_id": account(),
    "handler": HANDLER,
    "isolation": ISOLATION,
    "memory_mb": whole(128, 10_240),
    "timeout_seconds": whole(1, 900),
    "storage_mb": whole(512, 10_240),
    "reserved_concurrency": or_none(whole(0, 100_000)),
    "log_retention_days": retention(),
}

ENDPOINTS: Mapping[str, Sequence[str]] = {
    "ephemeral": ("lambda",),
    "tenant": ("lambda",),
    "microvm": ("lambda", "lambda-microvm"),
}
"""The AWS services, by endpoint name, that whoever runs code with an isolation must reach from a private network."""

NAME_LIMIT = 27
"""A clone is named `<template>-run-<32 hexadecimal digits>`, and Lambda allows a name 64 characters."""


class SandboxFunctionArgs(ComponentArgs):
    region: str
    """The AWS region."""

    account_id: str
    """The AWS account. Only AWS services acting for it may use the sandbox's roles."""

    availability_zones: Sequence[str]
    """Zones to run in; the first two are used."""

    code: pulumi.Archive
    """The function's own archive: a placeholder, since what runs comes from `runner` and clones bring no code."""

    runner: pulumi.Archive
    """The runner, as a layer of the function and of its clones."""

    handler: str
    """Dotted path of the function's entry point in the runner."""

    image: pulumi.Archive
    """The runner with a Dockerfile, which a MicroVM's image is built from: a folder named after its content."""

    isolation: NotRequired[str]
    """How a run is kept apart from all others: one of `ISOLATIONS`. Default `ephemeral`. Caution: changing it replaces
    the function; runs that are under way then are lost."""

    cidr_block: NotRequired[str]
    """The sandbox's IPv4 range, which leads nowhere. Default `10.255.0.0/24`."""

    memory_mb: NotRequired[int]
    """Memory of one run in MB, 128 to 10240. Default 512. MicroVMs have what AWS gives them, 2048."""

    timeout_seconds: NotRequired[int]
    """Seconds before Lambda stops a run, 1 to 900. The runner's own limit comes first. Default 20."""

    storage_mb: NotRequired[int]
    """Size of /tmp in MB, 512 to 10240. Default 512."""

    reserved_concurrency: NotRequired[int | None]
    """Runs at once at most, taken out of what the account shares; for `tenant` alone. Default none: it shares."""

    log_retention_days: NotRequired[int]
    """Days that the sandbox's log group keeps what it gets. Default 3."""


class SandboxFunction(Component):
    """A function that nothing can be reached from, the network it is alone in, and a role that can do nothing.

    `ephemeral`: a function is the template that the worker clones for each run, invokes once and deletes. The template
    itself is never run: no instance of it is allowed.
    `tenant`: one function, whose environments Lambda never shares between tenants; each run is a tenant of its own.
    `microvm`: no function, but an image that a virtual machine is started from for each run, and terminated after it.
    Running code beside the worker, in a process of its own, is no isolation of a stack's: it would share the worker's
    rights and network.

    Defaults: `ephemeral`.
    Cost: nothing while idle; a run of 2 seconds at 512 MB is about 0.00001 USD.
    Security: the boundary is a virtual machine that is used once. Its network is sealed; the function has no
    environment variables; its role lets Lambda attach it to that network and denies everything to credentials used
    from inside, and MicroVMs have no role at all. The role may not write logs, so what untrusted code prints reaches no
    log of ours: the runner captures it and returns it. The template stays attached to the network, which keeps the
    network interface that clones share.
    """

    name: pulumi.Output[str]
    """What runs code, by its name on AWS: the template, the function or the image."""

    arn: pulumi.Output[str]
    """The same, by its ARN. Clones' ARNs begin with the template's."""

    role_arn: pulumi.Output[str] | None
    """The role of the function and its clones; MicroVMs have none."""

    log_group_name: pulumi.Output[str] | None
    """The log group of the function and its clones, which stays empty; MicroVMs have none."""

    grants: pulumi.Output[Mapping[str, Grant]]
    """What users of it need, by use: the same as the methods return, for programs that have no methods."""

    def __init__(self, name: str, args: SandboxFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        self._inside = pulumi.ResourceOptions(parent=self)
        _check(self._label, args)
        self._isolation = args.get("isolation", ISOLATIONS[0])
        network = SealedNetwork(
            f"{name}-network",
            {
                "availability_zones": args["availability_zones"],
                "cidr_block": args.get("cidr_block", CIDR_BLOCK),
            },
            self._inside,
        )
        if self._isolation == "microvm":
            self._runs_microvms(name, args, network)
        else:
            self._runs_functions(name, args, network)
        self.grants = handed_out(runs=self.runs(), reaps=self.reaps())
        self.register_outputs(
            {
                "name": self.name,
                "arn": self.arn,
                "role_arn": self.role_arn,
                "log_group_name": self.log_group_name,
                "grants": self.grants,
            }
        )

    def runs(self) -> Grant:
        """What the worker needs to run code: where, and the rights to make, use and destroy sandboxes."""
        return Grant(environment=self._environment, statements=self._running)

    def reaps(self) -> Grant:
        """What the reaper needs to find and destroy the sandboxes that lost workers left behind."""
        return Grant(environment=self._environment, statements=self._reaping)

    def _runs_microvms(self, name: str, args: SandboxFunctionArgs, network: SealedNetwork) -> None:
        image = SandboxImage(
            f"{name}-image",
            {
                "region": args["region"],
                "account_id": args["account_id"],
                "code": args["image"],
                "subnet_ids": network.subnet_ids,
                "subnet_arns": network.subnet_arns,
                "security_group_id": network.security_group_id,
                "security_group_arn": network.security_group_arn,
                "log_retention_days": args.get("log_retention_days", LOG_RETENTION_DAYS),
            },
            self._inside,
        )
        self.name, self.arn, self.role_arn, self.log_group_name = image.name, image.arn, None, None
        self._environment: Mapping[str, pulumi.Input[str]] = {
            "SANDBOX_ISOLATION": self._isolation,
            "SANDBOX_IMAGE": image.arn,
            "SANDBOX_EGRESS_CONNECTOR": image.egress_connector_arn,
        }
        self._running: Sequence[Statement] = microvms_run(image.arn)
        self._reaping: Sequence[Statement] = microvms_found_and_terminated(image.arn)

    def _runs_functions(self, name: str, args: SandboxFunctionArgs, network: SealedNetwork) -> None:
        is_template = self._isolation == "ephemeral"
        physical = physical_name(name, NAME_LIMIT)
        runner = aws.lambda_.LayerVersion(
            f"{name}-runner",
            layer_name=physical_name(f"{name}-runner"),
            code=args["runner"],
            compatible_architectures=[ARCHITECTURE],
            compatible_runtimes=[RUNTIME],
            opts=self._inside,
        )
        role, permissions = self._role(name, args)
        # The role cannot write to it. It is named so that Lambda never makes one group a clone, kept for ever.
        log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=f"/aws/lambda/{physical}",
            retention_in_days=args.get("log_retention_days", LOG_RETENTION_DAYS),
            opts=self._inside,
        )
        function = aws.lambda_.Function(
            name,
            name=physical,
            role=role.arn,
            runtime=RUNTIME,
            architectures=[ARCHITECTURE],
            handler=args["handler"],
            code=args["code"],
            layers=[runner.arn],
            memory_size=args.get("memory_mb", 512),
            timeout=args.get("timeout_seconds", 20),
            ephemeral_storage=aws.lambda_.FunctionEphemeralStorageArgs(size=args.get("storage_mb", 512)),
            reserved_concurrent_executions=0 if is_template else args.get("reserved_concurrency"),
            tenancy_config=(
                None if is_template else aws.lambda_.FunctionTenancyConfigArgs(tenant_isolation_mode="PER_TENANT")
            ),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=log_group.name),
            vpc_config=aws.lambda_.FunctionVpcConfigArgs(
                subnet_ids=network.subnet_ids, security_group_ids=[network.security_group_id]
            ),
            replace_security_groups_on_destroy=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                # The whole network: nothing runs in it before it is sealed.
                depends_on=[*permissions, network],
                # Tenancy can only be chosen when a function is made, and the next one has the same name.
                delete_before_replace=True,
            ),
        )
        self.name, self.arn, self.role_arn, self.log_group_name = function.name, function.arn, role.arn, log_group.name
        self._environment = {"SANDBOX_ISOLATION": self._isolation, "SANDBOX_FUNCTION": function.name}
        if is_template:
            clones = Clones(
                template_arn=function.arn,
                role_arn=role.arn,
                layers=[runner.arn],
                vpc_id=network.vpc_id,
                subnet_ids=[network.subnet_ids[index] for index in range(2)],
                security_group_id=network.security_group_id,
            )
            self._running, self._reaping = clones.made_and_run(), clones.found_and_deleted()
        else:
            self._running, self._reaping = tenants_invoked(function.arn), []

    def _role(self, name: str, args: SandboxFunctionArgs) -> tuple[aws.iam.Role, Sequence[pulumi.Resource]]:
        """The role that code runs as, and what must be in force before any does."""
        role = aws.iam.Role(
            f"{name}-role",
            name=physical_name(name),
            assume_role_policy=trust("lambda.amazonaws.com", args["account_id"]),
            opts=self._inside,
        )
        policy = aws.iam.RolePolicy(
            f"{name}-policy", role=role.name, policy=policy_document([_DENIED_FROM_INSIDE]), opts=self._inside
        )
        interfaces = aws.iam.RolePolicyAttachment(
            f"{name}-network-interfaces", role=role.name, policy_arn=NETWORK_INTERFACES, opts=self._inside
        )
        return role, [policy, interfaces]


_DENIED_FROM_INSIDE = deny_everything(
    reason="Lambda adds this key to calls made with credentials from inside a function, and only to those.",
    Null={"lambda:SourceFunctionArn": "false"},
)


def _check(label: str, args: SandboxFunctionArgs) -> None:
    check(label, args, _RULES)
    isolation, reserved = args.get("isolation", ISOLATIONS[0]), args.get("reserved_concurrency")
    wanted = f"nothing, since it is for 'tenant' and isolation is {isolation!r}"
    demand(isolation == "tenant" or reserved is None, label, "reserved_concurrency", reserved, wanted)
