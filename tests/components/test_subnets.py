"""Every zone has a block of its own, whatever the other zones are."""

import ipaddress
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.subnets import ZONE_LETTERS, ipv4_block, ipv6_block

ZONES = [f"eu-central-1{letter}" for letter in ZONE_LETTERS]

ipv4_ranges = st.builds(
    lambda bits, prefix: str(ipaddress.IPv4Network((bits >> 32 - prefix << 32 - prefix, prefix))),
    st.integers(0, 2**32 - 1),
    st.integers(16, 24),
)
vpc_ipv6_ranges = st.builds(
    lambda bits: str(ipaddress.IPv6Network((bits << 72, 56))),
    st.integers(0, 2**56 - 1),
)


def overlapping(blocks: list[ipaddress.IPv4Network] | list[ipaddress.IPv6Network]) -> list[object]:
    return [pair for pair in itertools.combinations(blocks, 2) if pair[0].overlaps(pair[1])]


@given(ipv4_ranges)
def test_the_zones_ipv4_blocks_fill_the_range_and_never_overlap(cidr_block: str) -> None:
    blocks = [ipaddress.IPv4Network(ipv4_block(cidr_block, zone)) for zone in ZONES]
    assert overlapping(blocks) == []
    assert list(ipaddress.collapse_addresses(blocks)) == [ipaddress.IPv4Network(cidr_block)]
    assert blocks[0].prefixlen <= 28  # the smallest subnet that AWS makes


@given(vpc_ipv6_ranges)
def test_the_zones_ipv6_blocks_are_different_64s_of_the_range(cidr_block: str) -> None:
    blocks = [ipaddress.IPv6Network(ipv6_block(cidr_block, zone)) for zone in ZONES]
    assert overlapping(blocks) == []
    assert {block.prefixlen for block in blocks} == {64}
    assert all(block.subnet_of(ipaddress.IPv6Network(cidr_block)) for block in blocks)


@pytest.mark.parametrize(
    ("cidr_block", "zone", "block"),
    [
        ("10.0.0.0/16", "eu-central-1a", "10.0.0.0/19"),
        ("10.0.0.0/16", "us-east-1f", "10.0.160.0/19"),
        ("10.9.8.0/24", "eu-central-1b", "10.9.8.32/27"),
    ],
)
def test_a_zones_ipv4_block_is_the_one_of_its_letter(cidr_block: str, zone: str, block: str) -> None:
    assert ipv4_block(cidr_block, zone) == block


@pytest.mark.parametrize(
    ("cidr_block", "block"),
    [
        ("2a05:d014:abc:de00::/56", "2a05:d014:abc:de02::/64"),
        ("2600:1f18::/56", "2600:1f18:0:2::/64"),
    ],
)
def test_a_zones_ipv6_block_is_the_one_of_its_letter(cidr_block: str, block: str) -> None:
    assert ipv6_block(cidr_block, "eu-central-1c") == block


def test_a_range_with_too_few_ipv6_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"fd00::/64 has no /64 for eu-central-1c: AWS gives a VPC a /56\."):
        ipv6_block("fd00::/64", "eu-central-1c")
