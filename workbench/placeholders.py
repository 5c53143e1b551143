"""Outputs for resources that were never made: what lets a program evaluate whole with no cloud behind it.

A known input is its own output. What only a deployment can tell is a placeholder: ARN-shaped where it is an ARN, so
that policy documents come out whole, and `${type::name.property}` otherwise.
"""

import importlib
import keyword
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, cast

from workbench.manifest import Resource

_ARN_RESOURCES = {
    "aws:acm/certificate:Certificate": "acm:{region}:{account}:certificate/{name}",
    "aws:apigatewayv2/api:Api": "apigateway:{region}::/apis/{name}",
    "aws:apigatewayv2/domainName:DomainName": "apigateway:{region}::/domainnames/{name}",
    "aws:cloudwatch/logGroup:LogGroup": "logs:{region}:{account}:log-group:{name}",
    "aws:cloudwatch/metricAlarm:MetricAlarm": "cloudwatch:{region}:{account}:alarm:{name}",
    "aws:dynamodb/table:Table": "dynamodb:{region}:{account}:table/{name}",
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": (
        "ec2:{region}:{account}:egress-only-internet-gateway/{name}"
    ),
    "aws:ec2/flowLog:FlowLog": "ec2:{region}:{account}:vpc-flow-log/{name}",
    "aws:elasticache/serverlessCache:ServerlessCache": "elasticache:{region}:{account}:serverlesscache:{name}",
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": "iam::{account}:oidc-provider/{name}",
    "aws:iam/policy:Policy": "iam::{account}:policy/{name}",
    "aws:iam/role:Role": "iam::{account}:role/{name}",
    "aws:kms/key:Key": "kms:{region}:{account}:key/{name}",
    "aws:lambda/alias:Alias": "lambda:{region}:{account}:function:{function}:{name}",
    "aws:lambda/coreNetworkConnector:CoreNetworkConnector": "lambda:{region}:{account}:network-connector:{name}",
    "aws:lambda/function:Function": "lambda:{region}:{account}:function:{name}",
    "aws:lambda/layerVersion:LayerVersion": "lambda:{region}:{account}:layer:{name}:1",
    "aws:lambdamicrovms/image:Image": "lambda:{region}:{account}:microvm-image:{name}",
    "aws:rds/cluster:Cluster": "rds:{region}:{account}:cluster:{name}",
    "aws:rds/proxy:Proxy": "rds:{region}:{account}:db-proxy:{name}",
    "aws:s3/bucket:Bucket": "s3:::{name}",
    "aws:secretsmanager/secret:Secret": "secretsmanager:{region}:{account}:secret:{name}",
    "aws:sns/topic:Topic": "sns:{region}:{account}:{name}",
    "aws:sqs/queue:Queue": "sqs:{region}:{account}:{name}",
}
"""How the ARNs of the types that the components use look, after `arn:aws:` (AWS service authorization reference)."""

_SHAPED = {
    # Programs cut subnets out of it. The range is for documentation (RFC 3849).
    ("aws:ec2/vpc:Vpc", "ipv6CidrBlock"): "2001:db8::/56",
}
"""Outputs other than ARNs that programs take apart, by type and property, and what stands for them."""

_PHYSICAL_NAMES = ("name", "functionName", "layerName", "clusterIdentifier", "bucket", "identifier")
"""The inputs that say what a resource is called on AWS."""


class Placeholders:
    """The offline provider: every resource gets the outputs its type declares, none of them real."""

    def __init__(self, region: str, account: str) -> None:
        self._region = region
        self._account = account

    def register(self, resource: Resource) -> tuple[str, Mapping[str, Any]]:
        """The placeholder id and outputs of one resource."""
        made = {
            name: self._value(resource, name, hint)
            for name, hint in _declared(resource.type)
            if name not in ("id", "urn")
        }
        known = {} if resource.remote else {name: value for name, value in resource.inputs.items() if value is not None}
        if "tagsAll" in made:
            made["tagsAll"] = known.get("tags", {})
        completed = {name: _completed(made.get(name), given) for name, given in known.items()}
        return _token(resource, "id"), {**made, **completed}

    def _value(self, resource: Resource, path: str, hint: Any) -> Any:
        match _unwrapped(hint):
            case typing.Any:
                return _token(resource, path)
            case type() as kind if kind is str:
                return self._arn(resource) if path == "arn" else _shaped(resource, path)
            case type() as kind if kind in (int, float):
                return _token(resource, path)
            case type() as kind if kind is bool:
                return None
            case type() as kind if (fields := _output_fields(kind)) is not None:
                return {name: self._value(resource, f"{path}.{name}", inner) for name, inner in fields}
            case inner if typing.get_origin(inner) in (Sequence, list):
                item = typing.get_args(inner)[0]
                # Of the subnets that awsx makes, a program may take one per zone; of other lists, the first.
                count = len(resource.inputs.get("availabilityZoneNames", ())) or 1
                return [self._value(resource, f"{path}[{index}]", item) for index in range(count)]
            case _:
                return None

    def _arn(self, resource: Resource) -> str:
        return arn(resource.type, resource.name, resource.inputs, self._region, self._account)


def arn(type_: str, name: str, inputs: Mapping[str, Any], region: str, account: str) -> str:
    """The ARN that stands for a resource's own: of its name on AWS where it is given one, else of its name here."""
    name = physical_name(name, inputs)
    module = type_.split(":")[1].partition("/")[0]
    shape = _ARN_RESOURCES.get(type_, f"{module}:{{region}}:{{account}}:{{name}}")
    function = str(inputs.get("functionName", "")).rpartition(":function:")[2]
    return "arn:aws:" + shape.format(region=region, account=account, name=name, function=function)


def physical_name(name: str, inputs: Mapping[str, Any]) -> str:
    """What a resource is called on AWS, or its name in the program where AWS or Pulumi chooses one."""
    return next((inputs[key] for key in _PHYSICAL_NAMES if isinstance(inputs.get(key), str)), name)


def snake(name: str) -> str:
    """A name of Pulumi's as Python has it: `visibility_timeout` for `visibilityTimeout`."""
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _completed(declared: Any, given: Any) -> Any:
    """An input as an output: an object also has what its type declares beside what was given."""
    if not (isinstance(declared, Mapping) and isinstance(given, Mapping)):
        return given
    return {**cast("Mapping[str, Any]", declared), **cast("Mapping[str, Any]", given)}


def _token(resource: Resource, path: str) -> str:
    return f"${{{resource.type}::{resource.name}.{path}}}"


def _shaped(resource: Resource, path: str) -> str:
    return _SHAPED.get((resource.type, path)) or _token(resource, path)


@cache
def _declared(type_: str) -> list[tuple[str, Any]]:
    """The properties of a resource type as its SDK class declares them: (name on the wire, annotation)."""
    package, module, kind = type_.split(":")
    module, _, file = module.partition("/")
    python = f"{module}_" if keyword.iskeyword(module) else module
    path = ".".join(part for part in (f"pulumi_{package}", python, snake(file)) if part)
    try:
        cls = getattr(importlib.import_module(path), kind)
    except (ImportError, AttributeError):
        return []
    return _getters(cls)


def _getters(cls: type) -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name in dir(cls):
        getter = getattr(cls, name, None)
        if isinstance(getter, property) and getter.fget is not None:
            read = cast("Callable[..., Any]", getter.fget)
            found.append((getattr(read, "_pulumi_name", name), typing.get_type_hints(read).get("return", Any)))
    return found


@cache
def _output_fields(cls: type) -> list[tuple[str, Any]] | None:
    return _getters(cls) if getattr(cls, "_pulumi_output_type", False) else None


def _unwrapped(hint: Any) -> Any:
    """The type inside `Output[...]` and `Optional[...]`."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return _unwrapped(next(arg for arg in typing.get_args(hint) if arg is not type(None)))
    if origin is not None and getattr(origin, "__name__", "") == "Output":
        return _unwrapped(typing.get_args(hint)[0])
    return hint
