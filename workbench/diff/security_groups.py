"""What can be reached after a change and could not be before: rules of security groups and ACLs, by meaning."""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import cast

from workbench.diff.findings import NETWORK_WIDENED, OPEN_TO_THE_INTERNET, Finding
from workbench.diff.holders import Side, clauses
from workbench.diff.model import RuleChange
from workbench.diff.network_rules import Network, NetworkRule, Placed, acl_rules, group_rules

_INTERNET = {4: 8, 6: 16}
"""The prefix, by version of IP, that one network's addresses are longer than: what is shorter is the internet."""

_PRIVATE = [ipaddress.ip_network(each) for each in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")]


def network(before: Side, after: Side) -> tuple[list[RuleChange], list[Finding]]:
    """The rules that differ, and what in them widens."""
    rows: list[RuleChange] = []
    findings: list[Finding] = []
    for read, judge in ((group_rules, _group_widened), (acl_rules, _acl_widened)):
        base, head = _by_holder(read(before)), _by_holder(read(after))
        for key in sorted({*base, *head}):
            old, new = base.get(key, []), head.get(key, [])
            rows += [*_rows(True, new, old), *_rows(False, old, new)]
            holder = (new or old)[0].holder
            is_new = holder.entry is not None and key not in before.by_key
            findings += _sentences(is_new, judge(is_new, old, new))
    rows.sort(key=lambda row: (row.group, not row.added, row.direction, row.protocol, row.ports, row.peer, row.urn))
    return [*dict.fromkeys(rows)], findings


def _by_holder(rules: Iterable[Placed]) -> dict[str, list[Placed]]:
    found: dict[str, list[Placed]] = {}
    for placed in rules:
        found.setdefault(placed.holder.key, []).append(placed)
    return found


def _rows(added: bool, these: Sequence[Placed], others: Sequence[Placed]) -> Iterator[RuleChange]:
    there = {each.rule for each in others}
    for each in these:
        if each.rule not in there:
            yield RuleChange(
                added=added,
                urn=each.source.key,
                group=each.holder.name,
                direction=each.rule.direction,
                protocol=each.rule.protocol if each.rule.allows else f"not {each.rule.protocol}",
                ports=each.rule.ports_shown,
                peer=each.rule.peer.name,
            )


_Widened = tuple[str, Placed, str]
"""The rule of ours that is met, the rule of the network that meets it, and what is said of it."""


def _group_widened(is_new: bool, old: Sequence[Placed], new: Sequence[Placed]) -> Iterator[_Widened]:
    now = "" if is_new else "now "
    had = [each.rule for each in old]
    for each in new:
        rule = each.rule
        if is_covered(rule, had):
            continue
        inward = rule.direction == "in"
        anywhere = rule.peer.network is not None and _is_internet(rule.peer.network)
        says = f"{now}lets in" if inward else f"{'may' if is_new else 'may now'} reach"
        peer = f"{rule.peer.name}, which is anywhere on the internet" if anywhere else rule.peer.name
        what = f"{_traffic(rule)} {'from' if inward else 'at'} {peer}"
        yield OPEN_TO_THE_INTERNET if inward and anywhere else NETWORK_WIDENED, each, f"{says} {what}"


def _acl_widened(is_new: bool, old: Sequence[Placed], new: Sequence[Placed]) -> Iterator[_Widened]:
    """An ACL that is new only takes away: without it everything is let through."""
    if is_new:
        return
    had, has = ([each.rule for each in rules if each.rule.allows] for rules in (old, new))
    for each in new:
        if each.rule.allows and not is_covered(each.rule, had):
            yield NETWORK_WIDENED, each, f"now lets {each.rule.direction} {_said(each.rule)}"
    denies = [each.rule for each in new if not each.rule.allows]
    for each in old:
        if not each.rule.allows and has and not is_covered(each.rule, denies):
            yield NETWORK_WIDENED, each, f"no longer stops {_said(each.rule)}"
    order = {(each.rule, other.rule) for each in old for other in old if _stops_first(each, other)}
    for each in new:
        for other in new:
            if (other.rule, each.rule) in order and each.rule.allows and each.number < other.number:
                yield NETWORK_WIDENED, each, f"now lets {_said(each.rule)} through before it stops {_said(other.rule)}"


def _stops_first(one: Placed, other: Placed) -> bool:
    return not one.rule.allows and other.rule.allows and one.number < other.number


def _said(rule: NetworkRule) -> str:
    return f"{_traffic(rule)} {'from' if rule.direction == 'in' else 'to'} {rule.peer.name}"


def _traffic(rule: NetworkRule) -> str:
    if rule.protocol == "all":
        return "everything"
    return f"{'all ' if rule.ports_shown == 'all' else ''}{rule.protocol}{_port(rule)}"


def _port(rule: NetworkRule) -> str:
    return "" if rule.ports_shown == "all" else f" {rule.ports_shown}"


def is_covered(rule: NetworkRule, by: Sequence[NetworkRule]) -> bool:
    """Whether all of it is within what some of these rules come to together."""
    alike = [each for each in by if each.direction == rule.direction and each.covers_protocol(rule)]
    at_peer = [each for each in alike if each.covers_peer(rule)]
    if any(each.covers_ports(rule) for each in at_peer) or _is_filled(rule, at_peer):
        return True
    network = rule.peer.network
    if network is None:
        return False
    others = (each.peer.network for each in alike if each.covers_ports(rule))
    networks = [each for each in others if each is not None and each.version == network.version]
    # All are of one version, as this asks.
    together = cast("Callable[[Iterable[Network]], Iterator[Network]]", ipaddress.collapse_addresses)(networks)
    return any(each.prefixlen <= network.prefixlen and network.network_address in each for each in together)


def _is_filled(rule: NetworkRule, by: Sequence[NetworkRule]) -> bool:
    """Whether its ports are all among those of several rules."""
    if rule.protocol not in ("tcp", "udp"):
        return False
    ranges = [each.ports for each in by if all(isinstance(port, int) for port in each.ports)]
    first, last = rule.ports
    if not (isinstance(first, int) and isinstance(last, int)):
        return False
    for low, high in sorted(ranges):
        if low <= first <= high:
            first = high + 1
    return first > last


def _is_internet(network: Network) -> bool:
    private = any(
        network.version == each.version and network.prefixlen >= each.prefixlen and network.network_address in each
        for each in _PRIVATE
    )
    return network.prefixlen < _INTERNET[network.version] and not private


def _sentences(is_new: bool, widened: Iterable[_Widened]) -> Iterator[Finding]:
    """One sentence for what one rule of ours found at one resource."""

    def alike(each: _Widened) -> tuple[str, str]:
        rule, placed, _ = each
        return (placed.holder if is_new else placed.source).key, rule

    for (_, rule), group in groupby(sorted(widened, key=alike), key=alike):
        several = [*group]
        _, placed, _ = several[0]
        name = placed.holder.as_new if is_new else placed.holder.name
        about = placed.holder if is_new else placed.source
        yield Finding(rule, about, f"{name} {clauses([text for _, _, text in several])}")
