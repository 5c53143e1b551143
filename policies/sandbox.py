"""Rules about where untrusted code runs: a role that can do nothing, a network that leads nowhere, single use."""

from collections.abc import Iterator, Mapping
from typing import Any, cast

from policies.documents import ROLE, Statement, statements
from policies.model import UNKNOWN, Resource, Rule, Stack, Violation

_SANDBOX, _SEALED = "plinth:index:SandboxFunction", "plinth:index:SealedNetwork"
_FUNCTION = "aws:lambda/function:Function"
_INTERFACES = "arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess"
_DENIAL = Statement(
    allows=False,
    actions=["*"],
    resources=["*"],
    principals=[],
    conditions={"Null": {"lambda:SourceFunctionArn": ["false"]}},
    excepts=[],
)
"""Lambda adds the key to calls made with a function's credentials from inside it, and only to those (Lambda developer
guide, "Using source function ARN to control function access behavior")."""

_WAYS = (
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/internetGatewayAttachment:InternetGatewayAttachment",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/networkAclRule:NetworkAclRule",
    "aws:ec2/route:Route",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/securityGroupRule:SecurityGroupRule",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ec2/vpcEndpointSubnetAssociation:VpcEndpointSubnetAssociation",
    "aws:ec2/vpcPeeringConnection:VpcPeeringConnection",
    "aws:ec2/vpnGateway:VpnGateway",
    "aws:ec2/vpnGatewayAttachment:VpnGatewayAttachment",
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)
"""What lets packets into or out of a network."""

_NETWORKING = ("aws:ec2/", "aws:ec2clientvpn/", "aws:ec2transitgateway/", "aws:vpc/", "aws:vpclattice/")
"""How the types begin that make networks. None of them is made of a part of the sealed one, but by itself."""

_REPLACING = (
    "aws:iam/policyAttachment:PolicyAttachment",
    "aws:iam/rolePoliciesExclusive:RolePoliciesExclusive",
    "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive",
)
"""What gives roles policies, or takes them away, by lists."""

_EMPTY = {
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": ("ingress", "egress"),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": ("routes",),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("ingress", "egress"),
    "aws:ec2/securityGroup:SecurityGroup": ("ingress", "egress"),
}
"""What every VPC has, and what of it must be nothing in a sealed one."""


def _powerless_role(stack: Stack) -> Iterator[Violation]:
    for function in _functions(stack):
        roles = [role for role in stack.of_type(ROLE) if function.refers("role", role)]
        if not roles:
            yield Violation(function, "runs as a role that is none of the stack's")
        for role in roles:
            yield from _can_do_something(stack, role)


def _functions(stack: Stack) -> Iterator[Resource]:
    return (function for function in stack.of_type(_FUNCTION) if function.within(_SANDBOX))


def _can_do_something(stack: Stack, role: Resource) -> Iterator[Violation]:
    policies = [each for each in stack.of_type("aws:iam/rolePolicy:RolePolicy") if each.refers("role", role)]
    if not policies:
        yield Violation(role, "has no policy that denies everything to code inside")
    for policy in policies:
        if not _is_denial(policy.value("policy")):
            yield Violation(policy, "is not the one statement that denies everything to code inside")
    # After a refresh the provider shows here what RolePolicy resources have given to the role.
    for inline in role.entries("inlinePolicies"):
        if inline is not UNKNOWN and not _is_denial(cast("Mapping[str, Any]", inline).get("policy")):
            yield Violation(role, "has a policy written into it that does not deny everything to code inside")
    for attachment in stack.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment"):
        if attachment.refers("role", role):
            own = stack.referred(attachment, "policyArn")
            given = own[0].name if own else attachment.value("policyArn")
            if given not in (_INTERFACES, UNKNOWN):
                yield Violation(attachment, f"gives the sandbox {given}")
    for arn in role.entries("managedPolicyArns"):
        if arn not in (_INTERFACES, UNKNOWN):
            yield Violation(role, f"gives the sandbox {arn}")
    for several in stack.of_type(*_REPLACING):
        named = [each for key in ("roles", "roleName") for each in (several.value(key), *several.entries(key))]
        name = role.value("name")
        if several.depends_on(role.urn) or (isinstance(name, str) and name in named):
            yield Violation(several, "changes the policies of the sandbox's role")


def _is_denial(document: Any) -> bool:
    """Whether a policy is the one statement that denies everything from inside, or not known yet."""
    return document is UNKNOWN or statements(document) == [_DENIAL]


def _single_use(stack: Stack) -> Iterator[Violation]:
    for function in _functions(stack):
        if function.value("environment.variables") not in (None, UNKNOWN):
            yield Violation(function, "has environment variables, which untrusted code reads")
        for key in ("fileSystemConfig", "snapStart"):
            if function.value(key) not in (None, UNKNOWN):
                yield Violation(function, f"has {key}, which one run could leave something in for the next")
        reserved = function.value("reservedConcurrentExecutions")
        tenancy = function.value("tenancyConfig.tenantIsolationMode")
        if reserved not in (0, UNKNOWN) and tenancy not in ("PER_TENANT", UNKNOWN):
            yield Violation(function, "runs, one run after another: it is neither a template nor isolated per tenant")
        if not _is_placed(stack, function, "vpcConfig"):
            yield Violation(function, "is not in the sealed network")
    for connector in stack.of_type("aws:lambda/coreNetworkConnector:CoreNetworkConnector"):
        if connector.within(_SANDBOX) and not _is_placed(stack, connector, "configuration"):
            yield Violation(connector, "does not lead into the sealed network")


def _is_placed(stack: Stack, resource: Resource, key: str) -> bool:
    """Whether an input is made of parts of the sealed network, and of nothing else."""
    parts = stack.referred(resource, key)
    return bool(parts) and all(part.within(_SEALED) for part in parts)


def _sealed_network(stack: Stack) -> Iterator[Violation]:
    sealed = {resource.urn for resource in stack.resources if resource.within(_SEALED)}
    for vpc in stack.of_type("aws:ec2/vpc:Vpc"):
        if vpc.urn in sealed:
            if vpc.value("enableDnsSupport") not in (False, UNKNOWN):
                yield Violation(vpc, "resolves names, which is a way out: enableDnsSupport is not false")
            for type_ in _EMPTY:
                if not any(each.urn in sealed and each.depends_on(vpc.urn) for each in stack.of_type(type_)):
                    yield Violation(vpc, f"has no {type_.rpartition(':')[2]} that is known to be empty")
    for resource in stack.of_type(*_EMPTY):
        for key in _EMPTY[resource.type] if resource.urn in sealed else ():
            if resource.value(key) not in (None, UNKNOWN):
                yield Violation(resource, f"has {key} rules" if key != "routes" else "has routes")
    for way in stack.resources:
        added = way.urn not in sealed and way.type.startswith(_NETWORKING)
        if (added or way.type in _WAYS) and any(way.depends_on(urn) for urn in sealed):
            yield Violation(way, "opens a way into or out of the sealed network")


RULES = (
    Rule(
        name="sandbox-role",
        description="The role that untrusted code runs as denies everything to it.",
        remedy="Leave the role as components/sandbox_function.py makes it: grants are for those who run sandboxes.",
        check=_powerless_role,
    ),
    Rule(
        name="sandbox-function",
        description="The sandbox's function is a template that never runs or one isolated per tenant, in the sealed "
        "network and without an environment.",
        remedy="Leave the function as components/sandbox_function.py makes it; what a run needs is in its event.",
        check=_single_use,
    ),
    Rule(
        name="sandbox-network",
        description="Nothing leads into the sealed network or out of it.",
        remedy="Put what must reach something into the stack's own network, and never into the sandbox's.",
        check=_sealed_network,
    ),
)
