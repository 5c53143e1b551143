"""Advice on a difference: renames that lack their alias, and what Pulumi would refuse."""

from collections.abc import Iterator, Sequence

from workbench.diff.missing_aliases import Rename, missing_aliases
from workbench.diff.model import Action, ResourceChange
from workbench.diff.snapshot import Entry, Snapshot

_SUBNET_GROUPS = frozenset(
    {
        "aws:docdb/subnetGroup:SubnetGroup",
        "aws:neptune/subnetGroup:SubnetGroup",
        "aws:rds/subnetGroup:SubnetGroup",
    }
)
_SUBNET, _NETWORKS = "aws:ec2/subnet:Subnet", ("aws:ec2/vpc:Vpc", "awsx:ec2:Vpc")

_MOST = 20
"""The renames that are told one by one."""


def hints(changes: Sequence[ResourceChange], base: Snapshot, head: Snapshot) -> list[str]:
    """A sentence on each thing that the author may have meant otherwise."""
    renames = missing_aliases(changes, base, head)
    more = [f"{len(renames) - _MOST} more resources look renamed without an alias."] if len(renames) > _MOST else []
    refused = [*_refused(changes), *_other_networks(changes, base, head)]
    return [*_elsewhere(base, head), *refused, *(_advice(each) for each in renames[:_MOST]), *more]


def _elsewhere(base: Snapshot, head: Snapshot) -> Iterator[str]:
    if base.entries and head.entries and base.project != head.project:
        yield (
            f"The project was {base.project} and is {head.project}: to Pulumi that is another stack, "
            "and what the first one deployed stays as it is."
        )
    if base.entries and head.entries and base.region != head.region:
        yield (
            f"The region was {base.region} and is {head.region}: "
            "nothing on AWS moves, so everything is made anew, without its data."
        )


def _refused(changes: Sequence[ResourceChange]) -> Iterator[str]:
    verbs = {Action.DELETE: "delete", Action.REPLACE: "replace"}
    for change in changes:
        if change.protected and change.certain and change.action in verbs:
            yield (
                f"Pulumi refuses to {verbs[change.action]} {change.type} {change.name}, which is protected: "
                "if that is wanted, deploy it without protect first."
            )


def _other_networks(changes: Sequence[ResourceChange], base: Snapshot, head: Snapshot) -> Iterator[str]:
    """Databases that would get subnets of another network: to Pulumi an update, which AWS does not make."""
    before, after = base.by_urn(), head.by_urn()
    named = {change.urn: change.former_urn for change in changes if change.former_urn}
    anew = {change.urn for change in changes if change.action is Action.REPLACE and change.certain}
    for change in changes:
        if change.type not in _SUBNET_GROUPS or change.action is not Action.UPDATE:
            continue
        old = _networks(before[change.former_urn or change.urn], base)
        new = _networks(after[change.urn], head)
        if old and new and old.isdisjoint(named.get(urn, urn) for urn in new - anew):
            yield (
                f"AWS refuses to give {change.type} {change.name} the subnets of another network, and moves no "
                "database there: leave the network as it is, or make a new one in the other and restore the data."
            )


def _networks(group: Entry, snapshot: Snapshot) -> set[str]:
    """The URNs of the networks that a group's subnets are in, where the stack makes them."""
    known, found = snapshot.by_urn(), set[str]()
    for urn in group.property_dependencies.get("subnetIds", ()):
        subnet = known.get(urn)
        of_subnet = subnet.property_dependencies.get("vpcId", ()) if subnet and subnet.type == _SUBNET else ()
        found |= {each for each in (urn, *of_subnet) if each in known and known[each].type in _NETWORKS}
    return found


def _advice(rename: Rename) -> str:
    old, new = rename.before, rename.after
    if old.name == new.name:
        happens = f"{old.type} {old.name} is deleted, and created in another place with {rename.shared}"
        return f"{happens}: if that is a move, give it aliases=[{rename.alias}]."
    happens = f"{old.type} {old.name} is deleted and {new.name} is created with {rename.shared}"
    return f"{happens}: if that is a rename, give it aliases=[{rename.alias}]."
