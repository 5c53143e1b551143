"""Which resources make up a box: those of a component, or a main resource with all that only serves it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from workbench.diff.snapshot import Entry, Snapshot
from workbench.graph.model import Box, Frame, Kind

KINDS: Final[Mapping[str, Kind]] = {
    "aws:apigatewayv2/api:Api": Kind.DOOR,
    "aws:apigateway/restApi:RestApi": Kind.DOOR,
    "aws:appsync/graphQLApi:GraphQLApi": Kind.DOOR,
    "aws:alb/loadBalancer:LoadBalancer": Kind.DOOR,
    "aws:lb/loadBalancer:LoadBalancer": Kind.DOOR,
    "aws:cloudfront/distribution:Distribution": Kind.DOOR,
    "aws:docdb/cluster:Cluster": Kind.STORE,
    "aws:dynamodb/table:Table": Kind.STORE,
    "aws:efs/fileSystem:FileSystem": Kind.STORE,
    "aws:elasticache/cluster:Cluster": Kind.STORE,
    "aws:elasticache/replicationGroup:ReplicationGroup": Kind.STORE,
    "aws:elasticache/serverlessCache:ServerlessCache": Kind.STORE,
    "aws:memorydb/cluster:Cluster": Kind.STORE,
    "aws:neptune/cluster:Cluster": Kind.STORE,
    "aws:opensearch/domain:Domain": Kind.STORE,
    "aws:rds/cluster:Cluster": Kind.STORE,
    "aws:rds/instance:Instance": Kind.STORE,
    "aws:s3/bucket:Bucket": Kind.STORE,
    "aws:s3/bucketV2:BucketV2": Kind.STORE,
    "aws:cloudwatch/eventBus:EventBus": Kind.QUEUE,
    "aws:kinesis/stream:Stream": Kind.QUEUE,
    "aws:sns/topic:Topic": Kind.QUEUE,
    "aws:sqs/queue:Queue": Kind.QUEUE,
    "aws:apprunner/service:Service": Kind.FUNCTION,
    "aws:ec2/instance:Instance": Kind.FUNCTION,
    "aws:ecs/service:Service": Kind.FUNCTION,
    "aws:lambda/function:Function": Kind.FUNCTION,
    "aws:lambdamicrovms/image:Image": Kind.FUNCTION,
    "aws:sfn/stateMachine:StateMachine": Kind.FUNCTION,
    "aws:kms/key:Key": Kind.SECRET,
    "aws:secretsmanager/secret:Secret": Kind.SECRET,
    "aws:ssm/parameter:Parameter": Kind.SECRET,
    "aws:cloudwatch/dashboard:Dashboard": Kind.WATCH,
    "aws:cloudwatch/metricAlarm:MetricAlarm": Kind.WATCH,
}
"""The types that something is about: on their own they have a box each, and a component is of the kind of most."""

NETWORKS: Final = frozenset({"aws:ec2/vpc:Vpc", "awsx:ec2:Vpc"})

INTO_A_NETWORK: Final = ("vpcConfig", "vpcId", "subnetIds", "subnets", "subnetId", "networkConfiguration")
"""The properties that place a resource in a network."""

_SERVE_ONE: Final = frozenset(
    {
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ec2/securityGroup:SecurityGroup",
        "aws:elasticache/subnetGroup:SubnetGroup",
        "aws:ecs/taskDefinition:TaskDefinition",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:iam/policy:Policy",
        "aws:iam/role:Role",
        "aws:lambda/layerVersion:LayerVersion",
        "aws:rds/clusterParameterGroup:ClusterParameterGroup",
        "aws:rds/parameterGroup:ParameterGroup",
        "aws:rds/subnetGroup:SubnetGroup",
    }
)
"""Types that belong to what is made with them, where that is one thing."""

_PASS_ON: Final = frozenset(
    {
        "aws:ec2/launchTemplate:LaunchTemplate",
        "aws:ecs/taskDefinition:TaskDefinition",
        "aws:iam/instanceProfile:InstanceProfile",
        "aws:rds/subnetGroup:SubnetGroup",
    }
)
"""Of these, the ones that hand what serves them to what they serve."""

_BELONGS_BY: Final = (
    *("role", "functionName", "function", "targetFunctionArn", "queueUrl", "topic", "bucket", "table", "tableName"),
    *("apiId", "restApi", "clusterIdentifier", "loadBalancerArn", "listenerArn", "securityGroupId", "secretId"),
    *("keyId", "targetKeyId", "logGroupName", "logGroup", "fileSystemId", "rule", "target", "routeTableId"),
    *("defaultRouteTableId", "defaultNetworkAclId", "networkAclId", "internetGatewayId", "vpcId", "subnetId", "name"),
)
"""The properties that say which resource another one is a part of, the most telling first."""

_LONGEST_CHAIN: Final = 100
"""Of resources that each belong to the next: no program is so deep, and what draws one must not be either."""

_CROWD: Final = 60
"""From so many boxes on, those of one type are drawn as one."""


class Boxes:
    """The boxes and frames of a stack, and where each of its resources went."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._known = snapshot.by_urn()
        self._children = _children(snapshot)
        self._users = self._used_by(snapshot)
        self._owners: dict[str, str] = {}
        self._asked: list[str] = []
        members: dict[str, list[str]] = {}
        for entry in snapshot.entries:
            members.setdefault(self._owner(entry), []).append(entry.urn)
        framed = self._framed(snapshot, members)
        surrounding = set(framed.values())
        boxes = [
            self._box(owner, urns, framed.get(owner))
            for owner, urns in sorted(members.items())
            if owner not in surrounding
        ]
        self.frames: Sequence[Frame] = [
            Frame(owner, self._known[owner].name, type_shown(self._known[owner].type), self._custom(members[owner]))
            for owner in sorted(surrounding)
        ]
        self.boxes, self._merged = _thinned(boxes)

    def of(self, urn: str) -> str | None:
        """The id of the box or frame that a resource is in."""
        owner = self._owners.get(urn)
        return None if owner is None else self._merged.get(owner, owner)

    def _owner(self, entry: Entry) -> str:
        if entry.urn not in self._owners:
            self._asked.append(entry.urn)
            self._owners[entry.urn] = self._found_owner(entry)
            self._asked.pop()
        return self._owners[entry.urn]

    def _found_owner(self, entry: Entry) -> str:
        """No answer lies with those whose owners are being looked for, nor at the end of too long a chain."""
        if above := self._component(entry):
            return above
        if not entry.custom or entry.type in KINDS or len(self._asked) > _LONGEST_CHAIN:
            return entry.urn
        if entry.type in _SERVE_ONE:
            users = [self._known[urn] for urn in self._users.get(entry.urn, ()) if urn not in self._asked]
            owners = {self._owner(user) for user in users if user.type in _PASS_ON or not self._holder(user)}
            if len(owners) == 1:
                return owners.pop()
        holder = self._holder(entry)
        return entry.urn if holder is None or holder.urn in self._asked else self._owner(holder)

    def _component(self, entry: Entry) -> str | None:
        """The outermost component that an entry is in or is, or a network on the way there."""
        found: str | None = None
        above: Entry | None = entry
        seen = set[str]()
        while above is not None and above.urn not in seen:
            seen.add(above.urn)
            if not above.custom and not above.remote:
                found = above.urn
                if self._is_network(above):
                    break
            above = self._known.get(above.parent)
        return found

    def _is_network(self, component: Entry) -> bool:
        types = {child.type for child in self._children.get(component.urn, ())}
        return not types.isdisjoint(NETWORKS) and types.isdisjoint(KINDS)

    def _holder(self, entry: Entry) -> Entry | None:
        """What a resource is a part of."""
        if entry.type in KINDS:
            return None
        for name in _BELONGS_BY:
            for urn in entry.property_dependencies.get(name, ()):
                holder = self._known.get(urn)
                if holder is not None and (holder.type != "aws:iam/role:Role" or name == "role"):
                    return holder
        return None

    def _used_by(self, snapshot: Snapshot) -> Mapping[str, Sequence[str]]:
        users: dict[str, list[str]] = defaultdict(list)
        for entry in snapshot.entries:
            for urns in entry.property_dependencies.values() if entry.custom else ():
                for urn in urns:
                    users[urn].append(entry.urn)
        return users

    def _framed(self, snapshot: Snapshot, members: Mapping[str, Sequence[str]]) -> Mapping[str, str]:
        """The network that each box is in."""
        networks = {
            owner
            for owner in members
            if self._known[owner].type in NETWORKS
            or (not self._known[owner].custom and self._is_network(self._known[owner]))
        }
        found: dict[str, str] = {}
        for name in INTO_A_NETWORK:
            for entry in snapshot.entries:
                box = self._owners[entry.urn]
                for urn in entry.property_dependencies.get(name, ()) if entry.custom else ():
                    if (network := self._owners.get(urn)) in networks and box not in networks:
                        found.setdefault(box, network or "")
        return found

    def _box(self, owner: str, urns: Sequence[str], frame: str | None) -> Box:
        entry, inside = self._known[owner], self._custom(urns)
        return Box(owner, entry.name, type_shown(entry.type), self._kind(inside), inside, frame)

    def _kind(self, urns: Sequence[str]) -> Kind:
        found = Counter(KINDS[self._known[urn].type] for urn in urns if self._known[urn].type in KINDS)
        return max(Kind, key=lambda kind: found[kind]) if found else Kind.OTHER

    def _custom(self, urns: Sequence[str]) -> Sequence[str]:
        return [urn for urn in urns if self._known[urn].custom]


def type_shown(token: str) -> str:
    """A type token for people: `plinth:index:WorkQueue` as `WorkQueue`, `aws:sqs/queue:Queue` as `sqs Queue`."""
    parts = token.split(":")
    module = parts[1].partition("/")[0] if len(parts) > 2 else ""
    return parts[-1] if module in ("", "index") else f"{module} {parts[-1]}"


def _children(snapshot: Snapshot) -> Mapping[str, Sequence[Entry]]:
    children: dict[str, list[Entry]] = defaultdict(list)
    for entry in snapshot.entries:
        children[entry.parent].append(entry)
    return children


def _thinned(boxes: Sequence[Box]) -> tuple[Sequence[Box], Mapping[str, str]]:
    """The boxes, or where they are a crowd, one for all of a type; and where each of the others went."""
    if len(boxes) < _CROWD:
        return boxes, {}
    alike: dict[tuple[str, Kind, str | None], list[Box]] = defaultdict(list)
    for box in boxes:
        alike[box.type, box.kind, box.frame].append(box)
    merged = {box.id: same[0].id for same in alike.values() for box in same}
    return [_one_for(same) for same in alike.values()], merged


def _one_for(same: Sequence[Box]) -> Box:
    if len(same) == 1:
        return same[0]
    return replace(same[0], name=f"{len(same)} of a kind", urns=[urn for box in same for urn in box.urns])
