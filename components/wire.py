"""Property values as they cross between Pulumi's engine and a package: wrapped where secret, dependent or unknown.

Pure but for Pulumi's signatures of the wrappers.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

_KEY = rpc._special_sig_key  # pyright: ignore[reportPrivateUsage]
_SECRET = rpc._special_secret_sig  # pyright: ignore[reportPrivateUsage]
_OUTPUT = rpc._special_output_value_sig  # pyright: ignore[reportPrivateUsage]


@dataclass(frozen=True)
class Around:
    """What the wrappers around a value say of it."""

    secret: bool = False
    dependencies: frozenset[str] = frozenset()
    """URNs of the resources that it comes from."""


def opened(value: struct_pb2.Value, around: Around) -> tuple[struct_pb2.Value | None, Around]:
    """The value without its wrappers, None while it is unknown, and what they and those `around` them say of it."""
    while (signature := _signature(value)) in (_SECRET, _OUTPUT):
        fields = value.struct_value.fields
        if signature == _SECRET:
            around = replace(around, secret=True)
        else:
            urns = {urn.string_value for urn in fields["dependencies"].list_value.values}
            around = Around(around.secret or fields["secret"].bool_value, around.dependencies | urns)
        if "value" not in fields:
            return None, around
        value = fields["value"]
    return (None if value.string_value == rpc.UNKNOWN else value), around


def wrapped(value: struct_pb2.Value | None, around: Around) -> struct_pb2.Value:
    """The value, None for an unknown one, as an output of which all that is `around` it holds."""
    if value is not None and around == Around():
        return value
    fields = {_KEY: value_of(_OUTPUT)}
    if value is not None:
        fields["value"] = value
    if around.secret:
        fields["secret"] = value_of(True)
    if around.dependencies:
        fields["dependencies"] = value_of(sorted(around.dependencies))
    return value_of(fields)


def has_outputs(value: struct_pb2.Value) -> bool:
    """Whether the value or one inside it says itself what it depends on."""
    if _signature(value) == _OUTPUT:
        return True
    if value.HasField("struct_value"):
        return any(has_outputs(each) for each in value.struct_value.fields.values())
    return value.HasField("list_value") and any(has_outputs(each) for each in value.list_value.values)


def value_of(value: Any) -> struct_pb2.Value:
    """A plain value as it goes over the wire; wire values in it stay."""
    match value:
        case struct_pb2.Value():
            return value
        case Mapping():
            fields = {name: value_of(each) for name, each in cast("Mapping[str, Any]", value).items()}
            return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=fields))
        case list() | tuple():
            values = [value_of(each) for each in cast("Sequence[Any]", value)]
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=values))
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case _:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)


def _signature(value: struct_pb2.Value) -> str:
    if not value.HasField("struct_value") or _KEY not in value.struct_value.fields:
        return ""
    return value.struct_value.fields[_KEY].string_value
