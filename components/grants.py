"""What a component hands to those that use it: settings, exact permissions and network connections, all in one.

A function's environment, role and security-group rules are the union of the grants it was given, and nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict, cast

import pulumi


class Statement(TypedDict):
    """One statement of an IAM policy."""

    actions: Sequence[str]
    """The API actions, such as `sqs:SendMessage`."""

    resources: Sequence[pulumi.Input[str]]
    """The ARNs that the actions may be used on."""

    conditions: NotRequired[Mapping[str, Mapping[str, Sequence[pulumi.Input[str]]]]]
    """Condition operator to condition key to the values that it is compared with. Default none."""

    effect: NotRequired[str]
    """`Allow` or `Deny`. Default `Allow`."""

    reason: NotRequired[str]
    """Why the statement names no resource. Demanded of every statement on `*`; not part of the policy."""


Conditions = Mapping[str, pulumi.Input[str] | Sequence[pulumi.Input[str]]]
"""Condition key to one value, or to several of which one must match."""


class Connection(TypedDict):
    """A target that the holder must be able to reach over the network: a security group, or a range of addresses."""

    name: str
    """What is reached: the end of the names of the rules that open the way."""

    security_group_id: NotRequired[pulumi.Input[str]]
    """The security group that the target is in, which is told to let the holder in. This or `cidr_ipv6`."""

    cidr_ipv6: NotRequired[str]
    """The IPv6 range that the target is in, outside of the VPC: `::/0` is the internet. This or `security_group_id`."""

    port: int
    """The TCP port that the target listens on."""


class Grant(TypedDict):
    """All that one use of a component takes. Each key may be absent: a grant says only what it gives."""

    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables for the holder."""

    statements: NotRequired[Sequence[Statement]]
    """Permissions for the holder's role."""

    connections: NotRequired[Sequence[Connection]]
    """Where the holder's security group must reach."""


def allow(actions: Sequence[str], *resources: pulumi.Input[str], **conditions: Conditions) -> Statement:
    """Permission for `actions` on exactly `resources`, under conditions such as `StringEquals={key: value}`.

    Caution: `ForAllValues:` holds of a request that lacks the key. Demand the key with `Null={key: "false"}` as well.
    """
    if not resources or "*" in [resource for resource in resources if isinstance(resource, str)]:
        raise ValueError(
            f"{', '.join(actions)}: name the resources, or use allow_unscoped() and say why it must be so."
        )
    return _statement(actions, resources, conditions)


def allow_unscoped(actions: Sequence[str], *, within: pulumi.Input[str], reason: str) -> Statement:
    """Permission for the few actions that AWS lets nobody narrow to a resource (Service Authorization Reference).

    They may be used in one region only: that of `within`, an ARN.
    """
    region = _region(within) if isinstance(within, str) else pulumi.Output.from_input(within).apply(_region)
    return {**_statement(actions, ["*"], {"StringEquals": {"aws:RequestedRegion": region}}), "reason": reason}


def _region(arn: str) -> str:
    return arn.split(":")[3]


def deny_everything(*, reason: str, **conditions: Conditions) -> Statement:
    """No permission at all where the conditions hold, whatever another statement allows."""
    return deny(["*"], reason=reason, **conditions)


def deny(actions: Sequence[str], *, reason: str, **conditions: Conditions) -> Statement:
    """No permission for `actions` on anything where the conditions hold, whatever another statement allows."""
    return {**_statement(actions, ["*"], conditions), "effect": "Deny", "reason": reason}


def union(grants: Sequence[Grant]) -> Grant:
    """One grant that gives what all of them give. Two that disagree on a variable or a connection are an error."""
    environment: dict[str, pulumi.Input[str]] = {}
    connections: dict[str, Connection] = {}
    for grant in grants:
        for variable, value in grant.get("environment", {}).items():
            environment[variable] = _agreed(
                environment.get(variable, value),
                value,
                f"Two grants set the environment variable {variable} to different values.",
            )
        for connection in grant.get("connections", ()):
            if ("security_group_id" in connection) == ("cidr_ipv6" in connection):
                raise ValueError(
                    f"The connection {connection['name']!r}: give it either security_group_id or cidr_ipv6."
                )
            connections[connection["name"]] = _same_target(
                connections.get(connection["name"], connection),
                connection,
                f"Two grants mean different targets by the connection {connection['name']!r}.",
            )
    return Grant(
        environment=environment,
        statements=[statement for grant in grants for statement in grant.get("statements", ())],
        connections=list(connections.values()),
    )


def policy_document(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """The policy as JSON: one entry per different statement, in an order that does not depend on the caller's."""
    known = cast("pulumi.Output[list[dict[str, Any]]]", pulumi.Output.from_input([{**item} for item in statements]))
    return known.apply(_document)


def _statement(
    actions: Sequence[str], resources: Sequence[pulumi.Input[str]], conditions: Mapping[str, Conditions]
) -> Statement:
    statement = Statement(actions=list(actions), resources=list(resources))
    if conditions:
        statement["conditions"] = {
            operator: {key: _several(values) for key, values in keys.items()} for operator, keys in conditions.items()
        }
    return statement


def _several(values: pulumi.Input[str] | Sequence[pulumi.Input[str]]) -> list[pulumi.Input[str]]:
    return [*values] if isinstance(values, (list, tuple)) else [cast("pulumi.Input[str]", values)]


def _agreed(one: pulumi.Input[str], other: pulumi.Input[str], otherwise: str) -> pulumi.Input[str]:
    """The value that both are. What only the deployment knows is compared then."""
    if one is other:
        return one
    if isinstance(one, str) and isinstance(other, str):
        return _equal([one, other], otherwise)
    return pulumi.Output.all(one, other).apply(lambda both: _equal(both, otherwise))


def _equal(both: Sequence[str], otherwise: str) -> str:
    one, other = both
    if one != other:
        raise ValueError(otherwise)
    return one


def _same_target(one: Connection, other: Connection, otherwise: str) -> Connection:
    if one.get("cidr_ipv6") != other.get("cidr_ipv6") or one["port"] != other["port"]:
        raise ValueError(otherwise)
    if "security_group_id" not in one or "security_group_id" not in other:
        return one
    return {**one, "security_group_id": _agreed(one["security_group_id"], other["security_group_id"], otherwise)}


def _document(statements: list[dict[str, Any]]) -> str:
    entries = {json.dumps(_entry(statement), sort_keys=True) for statement in statements}
    return json.dumps({"Version": "2012-10-17", "Statement": [json.loads(entry) for entry in sorted(entries)]})


def _entry(statement: dict[str, Any]) -> dict[str, Any]:
    if "*" in statement["resources"] and not statement.get("reason"):
        raise ValueError(f"{', '.join(statement['actions'])} on any resource: use allow_unscoped() and say why.")
    entry: dict[str, Any] = {
        "Effect": statement.get("effect", "Allow"),
        "Action": sorted(set(statement["actions"])),
        "Resource": sorted(set(statement["resources"])),
    }
    if conditions := statement.get("conditions"):
        entry["Condition"] = {
            operator: {key: values[0] if len(values) == 1 else sorted(values) for key, values in keys.items()}
            for operator, keys in conditions.items()
        }
    return entry
