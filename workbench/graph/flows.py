"""What flows between boxes, told from the meaning of resources: a table of types, policies, rules of groups."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from workbench.diff.snapshot import Entry, Snapshot
from workbench.graph.boxes import Boxes
from workbench.graph.model import Arrow, Box, Flow, Kind
from workbench.graph.statements import Reach


@dataclass(frozen=True)
class _Relation:
    """What a resource of a type says of two others, or of itself where no property is named."""

    type: str
    source: str | None
    target: str | None
    label: str


_RELATIONS: Final = (
    _Relation("aws:apigatewayv2/integration:Integration", None, "integrationUri", "invokes"),
    _Relation("aws:apigateway/integration:Integration", None, "uri", "invokes"),
    _Relation("aws:lambda/eventSourceMapping:EventSourceMapping", "eventSourceArn", "functionName", "delivers"),
    _Relation("aws:lambda/invocation:Invocation", None, "functionName", "invokes"),
    _Relation("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig", None, "destinationConfig", "sends"),
    _Relation("aws:sns/topicSubscription:TopicSubscription", "topic", "endpoint", "delivers"),
    _Relation("aws:sqs/queue:Queue", None, "redrivePolicy", "gives up"),
    _Relation("aws:s3/bucketNotification:BucketNotification", "bucket", "lambdaFunctions", "notifies"),
    _Relation("aws:s3/bucketNotification:BucketNotification", "bucket", "queues", "notifies"),
    _Relation("aws:s3/bucketNotification:BucketNotification", "bucket", "topics", "notifies"),
    _Relation("aws:cloudwatch/eventTarget:EventTarget", "rule", "arn", "starts"),
    _Relation("aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter", "logGroup", "destinationArn", "delivers"),
    _Relation("aws:cloudfront/distribution:Distribution", None, "origins", "fetches"),
    _Relation("aws:lb/listener:Listener", "loadBalancerArn", "defaultActions", "forwards"),
    _Relation("aws:lb/targetGroupAttachment:TargetGroupAttachment", "targetGroupArn", "targetId", "forwards"),
    _Relation("aws:ecs/service:Service", "loadBalancers", None, "forwards"),
    _Relation("aws:lambda/permission:Permission", "sourceArn", "function", "invokes"),
)
"""What resources say by being there, the most telling first."""

_POLICIES: Final = frozenset(
    {"aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy", "aws:iam/userPolicy:UserPolicy"}
)

_WATCHES: Final = frozenset({"aws:cloudwatch/dashboard:Dashboard", "aws:cloudwatch/metricAlarm:MetricAlarm"})

_SCHEDULES: Final[Mapping[str, tuple[str, str]]] = {
    "aws:scheduler/schedule:Schedule": ("scheduleExpression", "target"),
    "aws:cloudwatch/eventRule:EventRule": ("scheduleExpression", ""),
}
"""The properties with when, and with what is started; without one, the rule itself is."""

_ANYWHERE: Final = ("0.0.0.0/0", "::/0")

_CLIENT: Final = Box("client", "client", "", Kind.OUTSIDE)
_INTERNET: Final = Box("internet", "internet", "any address", Kind.OUTSIDE)

_SAID, _CONNECTED, _ALLOWED, _SEEN, _MADE_OF = range(5)
"""How much an arrow tells: of two between the same boxes, the first is drawn."""

_Found = tuple[int, Arrow]


def arrows(snapshot: Snapshot, boxes: Boxes) -> tuple[Sequence[Arrow], Sequence[Box]]:
    """The arrows between the boxes of a stack, and what stands outside of it at their ends."""
    flows = _Flows(snapshot, boxes)
    best: dict[tuple[str, str], list[_Found]] = defaultdict(list)
    for weight, arrow in flows.all():
        if arrow.source != arrow.target and not flows.is_frame(arrow.source) and not flows.is_frame(arrow.target):
            best[arrow.source, arrow.target].append((weight, arrow))
    drawn = [_most_telling(found) for found in best.values()]
    drawn = _without_echoes(drawn)
    outside = {end for arrow in drawn for end in (arrow.source, arrow.target)}
    return sorted(drawn, key=lambda each: (each.source, each.target)), [
        box for box in flows.outside() if box.id in outside
    ]


class _Flows:
    def __init__(self, snapshot: Snapshot, boxes: Boxes) -> None:
        self._snapshot = snapshot
        self._boxes = boxes
        self._known = snapshot.by_urn()
        self._frames = {frame.id for frame in boxes.frames}
        self._tokens = {f"{entry.type}::{entry.name}": entry.urn for entry in snapshot.entries}
        self._reach = Reach(snapshot.entries)
        self._clocks: dict[str, Box] = {}

    def is_frame(self, id_: str) -> bool:
        return id_ in self._frames

    def outside(self) -> Sequence[Box]:
        return [_CLIENT, _INTERNET, *(self._clocks[key] for key in sorted(self._clocks))]

    def all(self) -> Iterator[_Found]:
        yield from self._clients()
        for entry in self._snapshot.entries:
            if entry.custom:
                yield from self._relations(entry)
                yield from self._schedules(entry)
                yield from self._allowed(entry)
                yield from self._connections(entry)
                yield from self._dependencies(entry)

    def _clients(self) -> Iterator[_Found]:
        for box in self._boxes.boxes:
            if box.kind is Kind.DOOR:
                yield _SAID, Arrow(_CLIENT.id, box.id, "HTTPS", Flow.CALLS)

    def _relations(self, entry: Entry) -> Iterator[_Found]:
        for relation in _RELATIONS:
            if relation.type == entry.type:
                for source in self._ends(entry, relation.source):
                    for target in self._ends(entry, relation.target):
                        yield _SAID, Arrow(source, target, relation.label, Flow.CALLS)

    def _schedules(self, entry: Entry) -> Iterator[_Found]:
        if entry.type not in _SCHEDULES:
            return
        when, what = _SCHEDULES[entry.type]
        expression = entry.inputs.get(when)
        if not isinstance(expression, str):
            return
        clock = Box(f"clock {expression}", spoken(expression), "schedule", Kind.OUTSIDE)
        self._clocks[clock.id] = clock
        for target in self._ends(entry, what or None):
            yield _SAID, Arrow(clock.id, target, "starts", Flow.CALLS)

    def _allowed(self, entry: Entry) -> Iterator[_Found]:
        """What a policy lets its role's functions do with others."""
        document = entry.inputs.get("policy")
        if entry.type not in _POLICIES or not isinstance(document, str):
            return
        near = entry.property_dependencies.get("policy", ())
        for source in self._ends(entry, "role") or self._ends(entry, None):
            for urn, verbs in self._reach.verbs(document, near):
                if target := self._boxes.of(urn):
                    yield _ALLOWED, Arrow(source, target, ", ".join(verbs), Flow.CALLS)

    def _connections(self, entry: Entry) -> Iterator[_Found]:
        for inward, group, peer, ports in _rules(entry):
            holders = self._meant(group) if group else self._ends(entry, None)
            peers = [_INTERNET.id] if peer in _ANYWHERE and inward else self._meant(peer)
            for holder in holders:
                for other in peers:
                    source, target = (other, holder) if inward else (holder, other)
                    yield _CONNECTED, Arrow(source, target, ports, Flow.CALLS)

    def _dependencies(self, entry: Entry) -> Iterator[_Found]:
        watches = entry.type in _WATCHES
        weight, flow = (_SEEN, Flow.WATCHES) if watches else (_MADE_OF, Flow.USES)
        for source in self._ends(entry, None):
            for name in sorted(entry.property_dependencies):
                for target in self._ends(entry, name):
                    yield weight, Arrow(source, target, flow if watches else "", flow)

    def _ends(self, entry: Entry, name: str | None) -> Sequence[str]:
        """The boxes that a property is made of; without a name, the resource's own."""
        urns = [entry.urn] if name is None else self._made_of(entry, name)
        found = [self._boxes.of(urn) for urn in urns]
        return list(dict.fromkeys(box for box in found if box is not None))

    def _made_of(self, entry: Entry, name: str) -> Sequence[str]:
        """The resources that a property is made of, a role only where nothing else is."""
        urns = [urn for urn in entry.property_dependencies.get(name, ()) if urn in self._known]
        return [urn for urn in urns if self._known[urn].type != "aws:iam/role:Role"] or urns

    def _meant(self, value: Any) -> Sequence[str]:
        """The boxes of the resource whose output a value is."""
        match = re.fullmatch(r"\$\{(.+)\.[^.]+\}", value) if isinstance(value, str) else None
        urn = self._tokens.get(match[1]) if match else None
        box = self._boxes.of(urn) if urn else None
        return [box] if box else []


def spoken(expression: str) -> str:
    """A schedule's expression for people: `rate(5 minutes)` as `every 5 minutes`."""
    rate = re.fullmatch(r"rate\((\d+) (\w+?)s?\)", expression)
    if rate is None:
        return expression
    return f"every {rate[2]}" if rate[1] == "1" else f"every {rate[1]} {rate[2]}s"


def _rules(entry: Entry) -> Iterator[tuple[bool, Any, Any, str]]:
    """What a resource opens between groups: inward or not, the group, the peer and the ports."""
    inputs = entry.inputs
    match entry.type:
        case (
            "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
            | "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
        ):
            peer = inputs.get("referencedSecurityGroupId") or inputs.get("cidrIpv4") or inputs.get("cidrIpv6")
            yield "Ingress" in entry.type, inputs.get("securityGroupId"), peer, _ports(inputs, "ipProtocol")
        case "aws:ec2/securityGroupRule:SecurityGroupRule":
            for peer in (inputs.get("sourceSecurityGroupId"), *_listed(inputs, "cidrBlocks", "ipv6CidrBlocks")):
                yield inputs.get("type") == "ingress", inputs.get("securityGroupId"), peer, _ports(inputs, "protocol")
        case "aws:ec2/securityGroup:SecurityGroup":
            for side in ("ingress", "egress"):
                for rule in _listed(inputs, side):
                    if isinstance(rule, Mapping):
                        opened = cast("Mapping[str, Any]", rule)
                        for peer in _listed(opened, "securityGroups", "cidrBlocks", "ipv6CidrBlocks"):
                            yield side == "ingress", None, peer, _ports(opened, "protocol")
        case _:
            pass


def _listed(inputs: Mapping[str, Any], *names: str) -> Iterator[Any]:
    for name in names:
        value = inputs.get(name)
        if isinstance(value, list):
            yield from cast("list[Any]", value)


def _ports(inputs: Mapping[str, Any], protocol: str) -> str:
    first, last = inputs.get("fromPort"), inputs.get("toPort")
    if str(inputs.get(protocol)) == "-1" or first is None:
        return "any port"
    return f"{first}" if first == last else f"{first}\u2013{last}"


def _most_telling(found: Sequence[_Found]) -> Arrow:
    least = min(weight for weight, _ in found)
    same = [arrow for weight, arrow in found if weight == least]
    labels = list(dict.fromkeys(part for arrow in same for part in arrow.label.split(", ") if part))
    return Arrow(same[0].source, same[0].target, ", ".join(labels[:2]), same[0].flow)


def _without_echoes(found: Sequence[Arrow]) -> list[Arrow]:
    """The arrows without what says of the one end what another says of the other: `receives`, or that it is used."""
    calls = {(arrow.source, arrow.target) for arrow in found if arrow.flow is Flow.CALLS}
    heard: list[Arrow] = []
    for arrow in found:
        if (arrow.target, arrow.source) not in calls:
            heard.append(arrow)
        elif arrow.flow is Flow.CALLS:
            said = [part for part in arrow.label.split(", ") if part != "receives"]
            heard += [replace(arrow, label=", ".join(said))] if said else []
    return heard
