"""Components of other packages, into which only the engine sees: what is made anew inside, and what stays."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from workbench.diff.model import ABSENT
from workbench.diff.replacement_rows import Asked, Condition, Row


@dataclass(frozen=True)
class Inside:
    """One component."""

    row: Row
    core: tuple[str, ...]
    """The inputs on which the innermost thing depends."""
    stays: tuple[str, ...]
    """The outputs that stay while those inputs do, whatever else is made anew."""


def _is_not_added_last(asked: Asked) -> bool | None:
    """Forces unless a zone and its blocks of addresses come after those that are there, which keep their places."""
    inputs = asked.inputs or {}
    specs = cast("Sequence[Mapping[str, Any]]", inputs.get("subnetSpecs") or ())
    lists = [inputs.get("availabilityZoneNames"), *(spec.get("cidrBlocks") for spec in specs)]
    if asked.before is not ABSENT or not specs or not all(lists):
        return None
    return False if asked.after in [each[-1] for each in lists if isinstance(each, list)] else None


_SUBNETS = Condition("where a subnet inside cannot stay", _is_not_added_last)

COMPONENTS: Mapping[str, Inside] = {
    "awsx:ec2:Vpc": Inside(
        Row(
            "pulumi-awsx awsx/ec2/vpc.ts: a VPC inside, which is another one with that",
            frozenset({("cidrBlock",), ("ipv4IpamPoolId",), ("ipv4NetmaskLength",)}),
            {
                ("availabilityZoneCidrMask",): _SUBNETS,
                ("availabilityZoneNames",): _SUBNETS,
                ("instanceTenancy",): Condition("unless it goes to default"),
                ("numberOfAvailabilityZones",): _SUBNETS,
                ("subnetSpecs",): _SUBNETS,
                ("subnetStrategy",): _SUBNETS,
            },
            unread=frozenset(
                {"ipv6CidrBlock", "ipv6CidrBlockNetworkBorderGroup", "ipv6IpamPoolId", "ipv6NetmaskLength"}
            ),
        ),
        core=("cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength", "region"),
        stays=("vpcId", "vpc", "internetGateway"),
    ),
}
"""By type token."""
