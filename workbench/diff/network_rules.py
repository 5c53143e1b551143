"""The rules of security groups and network ACLs as sets of ports and peers, wherever a program writes them."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.diff.holders import Holder, Side, mapping, several
from workbench.diff.snapshot import Entry, Hidden

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_GROUP = "aws:ec2/securityGroup:SecurityGroup"
GROUPS = ("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", _GROUP)
_ACLS = ("aws:ec2/defaultNetworkAcl:DefaultNetworkAcl", "aws:ec2/networkAcl:NetworkAcl")
_PREFIX_LIST = "aws:ec2/managedPrefixList:ManagedPrefixList"
_PREFIX_LIST_ENTRY = "aws:ec2/managedPrefixListEntry:ManagedPrefixListEntry"

_DIRECTIONS = {"ingress": "in", "egress": "out"}
_RULES = {
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "out",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "in",
}
_OTHER_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_ACL_RULE = "aws:ec2/networkAclRule:NetworkAclRule"

_RANGES = ("cidrBlock", "cidrBlocks", "cidrIpv4", "cidrIpv6", "ipv6CidrBlock", "ipv6CidrBlocks")
_GROUP_IDS = ("referencedSecurityGroupId", "securityGroups", "sourceSecurityGroupId")
_LIST_IDS = ("prefixListId", "prefixListIds")

_PROTOCOLS = {"-1": "all", "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
"""IANA's numbers, and the word of EC2 for all (EC2 API reference: IpPermission)."""

ALL_PORTS = (0, 65_535)
_WITH_PORTS = ("tcp", "udp")


@dataclass(frozen=True)
class Peer:
    """Who is at the other end: a range of addresses, or a group or list by the URN that it has in the head."""

    name: str = field(compare=False)
    network: Network | None = None
    key: Any = None


@dataclass(frozen=True)
class NetworkRule:
    """One protocol, one range of ports and one peer that a group or ACL lets through, or that an ACL stops."""

    direction: str
    protocol: str
    ports: tuple[Any, Any]
    """The first and last; of a protocol without ports, what it has instead."""
    peer: Peer
    allows: bool = True

    @property
    def ports_shown(self) -> str:
        """The ports for people: `443`, `1024-65535` or `all`."""
        if self.ports == ALL_PORTS or self.protocol == "all" or set(self.ports) == {-1}:
            return "all"
        first, last = ("[secret]" if isinstance(each, Hidden) else each for each in self.ports)
        return f"{first}" if first == last else f"{first}-{last}"

    def covers_protocol(self, other: "NetworkRule") -> bool:
        """Whether it is for all protocols, or for that of `other`."""
        return self.protocol in ("all", other.protocol)

    def covers_ports(self, other: "NetworkRule") -> bool:
        """Whether all ports of `other` are among its own."""
        if self.protocol == "all" or self.ports == other.ports:
            return True
        if self.protocol.startswith("icmp"):
            pairs = zip(self.ports, other.ports, strict=True)
            return all(mine in (-1, theirs) for mine, theirs in pairs)
        first, last, low, high = *self.ports, *other.ports
        return _are_numbers(first, last, low, high) and first <= low and high <= last

    def covers_peer(self, other: "NetworkRule") -> bool:
        """Whether all that is at the other end of `other` is at its own."""
        wide, narrow = self.peer.network, other.peer.network
        if wide is None or narrow is None:
            return self.peer.key == other.peer.key and wide is narrow
        return wide.version == narrow.version and wide.prefixlen <= narrow.prefixlen and narrow.network_address in wide


@dataclass(frozen=True)
class Placed:
    """A rule with the group or ACL that has it, and the resource that it is written in."""

    holder: Holder
    rule: NetworkRule
    source: Holder
    number: int = 0
    """An ACL asks its rules in this order."""


def group_rules(side: Side) -> Iterator[Placed]:
    """The rules of security groups."""
    for entry in side.entries:
        if entry.type in GROUPS:
            for prop, direction in _DIRECTIONS.items():
                for written in several(entry.inputs.get(prop)):
                    yield from _placed(side, entry, side.itself(entry), direction, mapping(written), prop)
        elif entry.type in _RULES or entry.type == _OTHER_RULE:
            direction = _RULES.get(entry.type) or _DIRECTIONS.get(str(entry.inputs.get("type")), "in")
            group = side.named(entry, "securityGroupId", entry.inputs.get("securityGroupId"), GROUPS)
            yield from _placed(side, entry, group, direction, entry.inputs)


def acl_rules(side: Side) -> Iterator[Placed]:
    """The rules of network ACLs."""
    for entry in side.entries:
        if entry.type in _ACLS:
            for prop, direction in _DIRECTIONS.items():
                for written in several(entry.inputs.get(prop)):
                    yield from _placed(side, entry, side.itself(entry), direction, mapping(written), prop)
        elif entry.type == _ACL_RULE:
            direction = "out" if entry.inputs.get("egress") is True else "in"
            acl = side.named(entry, "networkAclId", entry.inputs.get("networkAclId"), _ACLS)
            yield from _placed(side, entry, acl, direction, entry.inputs)


def _placed(
    side: Side, entry: Entry, holder: Holder, direction: str, written: Mapping[str, Any], prop: str = ""
) -> Iterator[Placed]:
    protocol = _protocol(written.get("ipProtocol", written.get("protocol")))
    ports = _ports(protocol, written)
    action = written.get("action", written.get("ruleAction", "allow"))
    number = _whole(written.get("ruleNo", written.get("ruleNumber", 0)))
    for peer in _peers(side, entry, holder, written, prop):
        rule = NetworkRule(direction, protocol, ports, peer, allows=str(action).lower() == "allow")
        yield Placed(holder, rule, side.itself(entry), number if isinstance(number, int) else 0)


def _peers(side: Side, entry: Entry, holder: Holder, written: Mapping[str, Any], prop: str) -> Iterator[Peer]:
    for key in _RANGES:
        for block in several(written.get(key)):
            yield _range(block)
    for key in _GROUP_IDS:
        for group in several(written.get(key)):
            found = side.named(entry, prop or key, group, GROUPS)
            yield Peer(found.name, key=("group", found.key if not isinstance(group, Hidden) else group))
    for key in _LIST_IDS:
        for prefix_list in several(written.get(key)):
            found = side.named(entry, prop or key, prefix_list, [_PREFIX_LIST])
            yield from _listed_ranges(side, found) or [Peer(found.name, key=("list", found.key))]
    if written.get("self") is True:
        yield Peer(holder.name, key=("group", holder.key))


def _listed_ranges(side: Side, prefix_list: Holder) -> list[Peer]:
    """The ranges of a prefix list of the stack's own."""
    if prefix_list.entry is None:
        return []
    blocks = [mapping(each).get("cidr") for each in several(prefix_list.entry.inputs.get("entries"))]
    for entry in side.entries:
        if entry.type == _PREFIX_LIST_ENTRY:
            whose = side.named(entry, "prefixListId", entry.inputs.get("prefixListId"), [_PREFIX_LIST])
            blocks += [entry.inputs.get("cidr")] if whose.key == prefix_list.key else []
    return [_range(block) for block in blocks if block is not None]


def _range(block: Any) -> Peer:
    if isinstance(block, Hidden):
        return Peer("[secret]", key=block)
    try:
        network = ipaddress.ip_network(str(block), strict=False)
    except ValueError:
        return Peer(str(block), key=("range", str(block)))
    return Peer(str(network), network)


def _protocol(value: Any) -> str:
    if value is None:
        return "all"
    text = "[secret]" if isinstance(value, Hidden) else str(_whole(value)).lower()
    return _PROTOCOLS.get(text, text)


def _ports(protocol: str, written: Mapping[str, Any]) -> tuple[Any, Any]:
    if protocol.startswith("icmp"):
        kind = written.get("icmpType", written.get("fromPort"))
        code = written.get("icmpCode", written.get("toPort"))
        return (-1 if kind is None else _whole(kind), -1 if code is None else _whole(code))
    first, last = _whole(written.get("fromPort")), _whole(written.get("toPort"))
    if protocol not in _WITH_PORTS or (first in (None, -1) and last in (None, -1)):
        return ALL_PORTS
    return first, last


def _whole(value: Any) -> Any:
    """A number that came as a text or with a point, as it is meant; anything else as it is."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.lstrip("-").isdecimal():
        return int(value)
    return value


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int) for value in values)
