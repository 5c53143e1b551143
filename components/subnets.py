"""Which part of a network's addresses an availability zone gets. Pure: it depends on the zone and on nothing else.

So a zone that is added or taken away leaves the blocks of the others as they are, and with them what lives there.
"""

import ipaddress

ZONE_LETTERS = "abcdefgh"
"""The letters that zones' names end in. No region has more than six (AWS documentation, "Regions and Zones")."""

_BITS = 3
"""What a zone's IPv4 block takes of the network's prefix: one block for each letter."""

_SUBNET_PREFIX = 64
"""The prefix of every IPv6 subnet (Amazon VPC user guide, "Subnet CIDR blocks")."""


def ipv4_block(cidr_block: str, zone: str) -> str:
    """The eighth of an IPv4 range that belongs to the zone: of a /16, a /19 with 8,187 addresses to use."""
    range_ = ipaddress.IPv4Network(cidr_block)
    return str(list(range_.subnets(prefixlen_diff=_BITS))[_number(zone)])


def ipv6_block(cidr_block: str, zone: str) -> str:
    """The /64 of a VPC's IPv6 range that belongs to the zone."""
    range_ = ipaddress.IPv6Network(cidr_block)
    first = int(range_.network_address) + (_number(zone) << 128 - _SUBNET_PREFIX)
    block = ipaddress.IPv6Network((first, _SUBNET_PREFIX))
    if not block.subnet_of(range_):
        raise ValueError(f"{cidr_block} has no /{_SUBNET_PREFIX} for {zone}: AWS gives a VPC a /56.")
    return str(block)


def _number(zone: str) -> int:
    return ZONE_LETTERS.index(zone[-1])
