"""Pulumi inputs as AWS API parameters, guided by botocore's own description of each operation.

The provider's property names are the API's, give or take case, so one converter serves nearly every type; what differs
is data in the handler. What the API has no place for is refused, so that nothing is dropped in silence.
"""

import json
from collections.abc import Mapping
from typing import Any, cast

from botocore.model import ListShape, MapShape, Shape, StructureShape


class UnplacedError(Exception):
    """An input that the operation has no parameter for."""


def parameters(shape: Shape, inputs: Mapping[str, Any], rename: Mapping[str, str] | None = None) -> dict[str, Any]:
    """`inputs` as the members of a structure shape; `rename` maps an input's name to the API's where they differ."""
    members = {_plain_name(name): (name, member) for name, member in cast("StructureShape", shape).members.items()}
    placed: dict[str, Any] = {}
    for name, value in inputs.items():
        if value is None:
            continue
        member = members.get(_plain_name((rename or {}).get(name, name)))
        if member is None:
            raise UnplacedError(name)
        placed[member[0]] = _converted(member[1], value)
    return placed


def _converted(shape: Shape, value: Any) -> Any:
    scalar: Any = value
    match shape:
        case StructureShape():
            return parameters(shape, cast("Mapping[str, Any]", value[0] if isinstance(value, list) else value))
        case ListShape() if isinstance(value, Mapping) and _is_tag(shape.member):
            return [{"Key": key, "Value": text} for key, text in cast("Mapping[str, str]", value).items()]
        case ListShape():
            items: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
            return [_converted(shape.member, item) for item in items]
        case MapShape():
            return {key: _converted(shape.value, item) for key, item in cast("Mapping[str, Any]", value).items()}
        case _ if shape.type_name == "string":
            return value if isinstance(value, str) else json.dumps(value)
        case _ if shape.type_name in ("integer", "long"):
            return int(scalar)
        case _ if shape.type_name in ("float", "double"):
            return float(scalar)
        case _:
            return scalar


def _is_tag(shape: Shape) -> bool:
    return isinstance(shape, StructureShape) and set(shape.members) == {"Key", "Value"}


def _plain_name(name: str) -> str:
    return name.replace("_", "").lower()
