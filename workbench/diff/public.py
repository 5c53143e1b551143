"""Entrances: what of a stack can be reached by everybody, or by more than before, after a change."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.diff.admissions import ADMISSIONS
from workbench.diff.entrances import API, BUCKETS, ENTRANCES
from workbench.diff.findings import CANNOT_BE_JUDGED, NETWORK_WIDENED, PUBLIC_ENTRANCE, Finding
from workbench.diff.holders import Holder, Side, listed, mapping, several, short
from workbench.diff.snapshot import Entry, Hidden

_AUTHORIZER = "aws:apigatewayv2/authorizer:Authorizer"
_ROUTE_TABLES = ("aws:ec2/defaultRouteTable:DefaultRouteTable", "aws:ec2/routeTable:RouteTable")


def entrances(before: Side, after: Side) -> Iterator[Finding]:
    """What opens to everybody. What was open already is no finding."""
    yield from _opened(before, after)
    yield from _admitted(before, after)
    yield from _unblocked(before, after)
    yield from _unguarded(before, after)
    yield from _routed(before, after)
    yield from _unjudged(before, after)


def _opened(before: Side, after: Side) -> Iterator[Finding]:
    for entry in after.entries:
        former = before.by_key.get(after.key(entry))
        for each in ENTRANCES:
            if entry.type not in each.types or isinstance(value := _at(entry.inputs, each.path), Hidden):
                continue
            was = value if former is None else _at(former.inputs, each.path)
            was_open = former is not None and not isinstance(was, Hidden) and each.is_open(was)
            if each.is_open(value) and not was_open:
                yield Finding(each.rule, after.itself(entry), each.says.replace("{}", entry.name))


def _admitted(before: Side, after: Side) -> Iterator[Finding]:
    for entry in after.entries:
        former = before.by_key.get(after.key(entry))
        rename = before.as_in_head(former) if former else str
        for each in ADMISSIONS:
            if entry.type not in each.types or (former is None and not each.when_new):
                continue
            given = [_text(value) for value in several(_at(entry.inputs, each.path)) if not isinstance(value, Hidden)]
            known = [rename(_text(value)) for value in several(_at(former.inputs, each.path))] if former else []
            if added := [short(value) for value in given if value not in known]:
                says = each.says.replace("{}", entry.name).replace("{added}", listed(added))
                yield Finding(each.rule, after.itself(entry), says)


def _at(inputs: Mapping[str, Any], path: str) -> Any:
    value: Any = inputs
    for part in path.split("."):
        value = mapping(value).get(part)
    return value


_BLOCKS = {
    "aws:s3/accountPublicAccessBlock:AccountPublicAccessBlock": "",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": "bucket",
}
"""What keeps buckets private, and the input that says which bucket; the whole account where there is none."""

_BLOCKED = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _unblocked(before: Side, after: Side) -> Iterator[Finding]:
    blocked = _blocks(after)
    for key, (source, bucket, settings) in _blocks(before).items():
        lost = [each for each in settings if each not in (blocked[key][2] if key in blocked else ())]
        is_gone = bucket.entry is not None and bucket.entry.type in BUCKETS and bucket.key not in after.by_key
        if lost and not is_gone:
            says = f"{bucket.name} is no longer kept private by {listed(lost)}"
            yield Finding(PUBLIC_ENTRANCE, blocked[key][0] if key in blocked else source, says)


def _blocks(side: Side) -> dict[str, tuple[Holder, Holder, list[str]]]:
    """By bucket: the resource that blocks, the bucket, and which settings are on."""
    found: dict[str, tuple[Holder, Holder, list[str]]] = {}
    for entry in side.entries:
        if (prop := _BLOCKS.get(entry.type)) is not None:
            bucket = side.named(entry, prop, entry.inputs.get(prop), BUCKETS) if prop else side.itself(entry)
            found[bucket.key] = (
                side.itself(entry),
                bucket,
                [each for each in _BLOCKED if entry.inputs.get(each) is True],
            )
    return found


@dataclass(frozen=True)
class _Guarded:
    """A type of route, with the inputs that say how its callers are told and which API it is of."""

    authorization: str
    api: str
    apis: Sequence[str]


_ROUTES = {
    "aws:apigateway/method:Method": _Guarded("authorization", "restApi", ["aws:apigateway/restApi:RestApi"]),
    "aws:apigatewayv2/route:Route": _Guarded("authorizationType", "apiId", [API]),
}


def _unguarded(before: Side, after: Side) -> Iterator[Finding]:
    """Routes that lose their authorization, and new ones without any in an API that has some.

    An API without authorizers tells its callers by itself: there a new route is nothing to point at.
    """
    guarding = {_api_of(after, entry).key for entry in after.entries if entry.type == _AUTHORIZER or _is_guarded(entry)}
    for entry in after.entries:
        if entry.type not in _ROUTES or _is_guarded(entry):
            continue
        former = before.by_key.get(after.key(entry))
        api = _api_of(after, entry)
        was_guarded = former is not None and _is_guarded(former)
        is_new_hole = former is None and api.key in guarding and api.key in before.by_key
        if was_guarded or is_new_hole:
            says = f"anybody may now call {entry.name} of {api.name} without authorization"
            yield Finding(PUBLIC_ENTRANCE, after.itself(entry), says)


def _is_guarded(entry: Entry) -> bool:
    shape = _ROUTES.get(entry.type)
    return shape is not None and entry.inputs.get(shape.authorization) not in (None, "NONE")


def _api_of(side: Side, entry: Entry) -> Holder:
    shape = _ROUTES.get(entry.type, _ROUTES["aws:apigatewayv2/route:Route"])
    return side.named(entry, shape.api, entry.inputs.get(shape.api), shape.apis)


_DESTINATIONS = (
    "cidrBlock",
    "destinationCidrBlock",
    "destinationIpv6CidrBlock",
    "destinationPrefixListId",
    "ipv6CidrBlock",
)

_GATEWAYS = {
    "carrierGatewayId": (PUBLIC_ENTRANCE, "the internet"),
    "coreNetworkArn": (NETWORK_WIDENED, "a core network"),
    "egressOnlyGatewayId": (NETWORK_WIDENED, "the internet, outward only"),
    "gatewayId": (PUBLIC_ENTRANCE, "the internet"),
    "natGatewayId": (NETWORK_WIDENED, "the internet, outward only"),
    "transitGatewayId": (NETWORK_WIDENED, "a transit gateway"),
    "vpcPeeringConnectionId": (NETWORK_WIDENED, "another network"),
}
"""Where a route leads by the input that says through what, and the rule that a new one meets."""

_Route = tuple[str, str, str]


def _routed(before: Side, after: Side) -> Iterator[Finding]:
    known = {route for route, _, _ in _routes(before)}
    for route, table, source in _routes(after):
        if route not in known:
            _, kind, destination = route
            rule, where = _GATEWAYS[kind]
            says = f"traffic to {destination} now has a way from {table.name} to {where}"
            yield Finding(rule, source, says)


def _routes(side: Side) -> Iterator[tuple[_Route, Holder, Holder]]:
    """Each way out of a route table, with the table and the resource that it is written in."""
    for entry in side.entries:
        if entry.type in _ROUTE_TABLES:
            table, written = side.itself(entry), several(entry.inputs.get("routes"))
        elif entry.type == "aws:ec2/route:Route":
            table = side.named(entry, "routeTableId", entry.inputs.get("routeTableId"), _ROUTE_TABLES)
            written = [entry.inputs]
        else:
            continue
        for each in map(mapping, written):
            for kind in _GATEWAYS:
                if each.get(kind) not in (None, "", "local"):
                    destination = next((_text(each[key]) for key in _DESTINATIONS if each.get(key)), "some addresses")
                    yield (table.key, kind, destination), table, side.itself(entry)


def _text(value: Any) -> str:
    return "[secret]" if isinstance(value, Hidden) else str(value)


_LISTS = {
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": ["egress", "ingress"],
    "aws:ec2/defaultRouteTable:DefaultRouteTable": ["routes"],
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ["egress", "ingress"],
    "aws:ec2/managedPrefixList:ManagedPrefixList": ["entries"],
    "aws:ec2/networkAcl:NetworkAcl": ["egress", "ingress"],
    "aws:ec2/routeTable:RouteTable": ["routes"],
    "aws:ec2/securityGroup:SecurityGroup": ["egress", "ingress"],
}
"""Lists that say who reaches what, and may be secret as a whole."""


def _unjudged(before: Side, after: Side) -> Iterator[Finding]:
    """What would open something for some of its values, and is a secret that is not the one of before."""
    for entry in after.entries:
        former = before.by_key.get(after.key(entry))
        judged = [each.path for each in (*ENTRANCES, *ADMISSIONS) if entry.type in each.types]
        for path in dict.fromkeys([*judged, *_LISTS.get(entry.type, [])]):
            value = _at(entry.inputs, path)
            if isinstance(value, Hidden) and (former is None or _at(former.inputs, path) != value):
                yield Finding(
                    CANNOT_BE_JUDGED, after.itself(entry), f"the {path} of {entry.name} differs, and it is secret"
                )
