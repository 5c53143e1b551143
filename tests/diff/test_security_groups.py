"""Rules of security groups and network ACLs are compared by what they let through."""

from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.access import GROUP, opened, risk_lines, rule_lines, urn
from tests.support.snapshots import entry
from workbench.diff.network_rules import NetworkRule, Peer
from workbench.diff.security_groups import is_covered
from workbench.diff.snapshot import Entry, Hidden

_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_OLD_RULE = "aws:ec2/securityGroupRule:SecurityGroupRule"
_ACL = "aws:ec2/networkAcl:NetworkAcl"
_PREFIX_LIST = "aws:ec2/managedPrefixList:ManagedPrefixList"

_DATABASE = entry(GROUP, "database", {})
_API = entry(GROUP, "api", {})
_ID = f"${{{GROUP}::database.id}}"
_API_ID = f"${{{GROUP}::api.id}}"


def _tcp(first: Any = 5432, last: Any = None, **peer: Any) -> dict[str, Any]:
    return {"ipProtocol": "tcp", "fromPort": first, "toPort": first if last is None else last, **peer}


def _ingress(rule: Mapping[str, Any], name: str = "rule") -> Entry:
    return entry(_INGRESS, name, {"securityGroupId": _ID, **rule})


def _risks(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    groups = [_DATABASE, _API]
    return risk_lines(opened([*groups, _ingress(before)], [*groups, _ingress(after)]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_tcp(cidrIpv4="10.0.0.0/8"), _tcp(cidrIpv4="10.0.0.0/16")),
        (_tcp(cidrIpv6="::/0"), _tcp(cidrIpv6="2001:db8::/32")),
        (_tcp(443, 445, cidrIpv4="10.0.0.0/8"), _tcp(444, cidrIpv4="10.0.0.0/8")),
        ({"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}, _tcp(cidrIpv4="10.0.0.0/8")),
        ({"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}, {"ipProtocol": "icmp", "cidrIpv4": "10.0.0.0/8"}),
        (
            {"ipProtocol": "icmp", "fromPort": -1, "toPort": -1, "cidrIpv4": "10.0.0.0/8"},
            {"ipProtocol": "icmp", "fromPort": 8, "toPort": 0, "cidrIpv4": "10.0.0.0/8"},
        ),
        ({"ipProtocol": "tcp", "cidrIpv4": "10.0.0.0/8"}, _tcp(cidrIpv4="10.0.0.0/8")),
    ],
)
def test_a_narrower_rule_is_no_risk(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    assert _risks(before, after) == []
    assert _risks(after, before) != []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_tcp(cidrIpv4="10.0.0.1/16"), _tcp(cidrIpv4="10.0.0.0/16")),
        (_tcp(cidrIpv4="10.0.0.0/16"), {**_tcp(5432.0, cidrIpv4="10.0.0.0/16"), "ipProtocol": "6"}),
        ({"ipProtocol": "all", "cidrIpv4": "10.0.0.0/8"}, {"ipProtocol": "-1", "cidrIpv4": "10.0.0.0/8"}),
        (_tcp(referencedSecurityGroupId=_API_ID), {**_tcp(referencedSecurityGroupId=_API_ID), "description": "New"}),
    ],
)
def test_the_same_rule_in_other_words_is_no_change(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    found = opened([_DATABASE, _API, _ingress(before)], [_DATABASE, _API, _ingress(after)])
    assert (found.rules, found.risks) == ([], [])


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (_tcp(cidrIpv4="10.0.0.0/8"), "network-widened rule: database now lets in tcp 5432 from 10.0.0.0/8."),
        (
            _tcp(cidrIpv4="0.0.0.0/0"),
            (
                "open-to-the-internet rule: database now lets in tcp 5432 from 0.0.0.0/0, "
                "which is anywhere on the internet."
            ),
        ),
        (
            {"ipProtocol": "-1", "cidrIpv6": "::/0"},
            "open-to-the-internet rule: database now lets in everything from ::/0, which is anywhere on the internet.",
        ),
        (
            _tcp(cidrIpv4="128.0.0.0/1"),
            (
                "open-to-the-internet rule: database now lets in tcp 5432 from 128.0.0.0/1, "
                "which is anywhere on the internet."
            ),
        ),
        (_tcp(1, 9, prefixListId="pl-1"), "network-widened rule: database now lets in tcp 1-9 from pl-1."),
        (
            _tcp(0, 65535, referencedSecurityGroupId=_API_ID),
            "network-widened rule: database now lets in all tcp from api.",
        ),
        (_tcp(cidrIpv4=Hidden("1")), "network-widened rule: database now lets in tcp 5432 from [secret]."),
    ],
)
def test_a_rule_that_lets_in_more_is_a_risk(rule: Mapping[str, Any], expected: str) -> None:
    assert risk_lines(opened([_DATABASE, _API], [_DATABASE, _API, _ingress(rule)])) == [expected]


def test_a_rule_is_the_same_wherever_it_is_written() -> None:
    inline = entry(
        GROUP,
        "database",
        {
            "ingress": [
                {
                    "protocol": "tcp",
                    "fromPort": 5432,
                    "toPort": 5432,
                    "cidrBlocks": ["10.0.0.0/16", "10.1.0.0/16"],
                    "securityGroups": [_API_ID],
                    "self": True,
                }
            ]
        },
    )
    apart = [
        _ingress(_tcp(cidrIpv4="10.0.0.0/16"), "a"),
        _ingress(_tcp(referencedSecurityGroupId=_API_ID), "b"),
        _ingress(_tcp(referencedSecurityGroupId=_ID), "c"),
        entry(
            _OLD_RULE,
            "d",
            {
                "type": "ingress",
                "securityGroupId": _ID,
                "protocol": "tcp",
                "fromPort": 5432,
                "toPort": 5432,
                "cidrBlocks": ["10.1.0.0/16"],
            },
        ),
    ]
    for before, after in (([inline, _API], [_DATABASE, _API, *apart]), ([_DATABASE, _API, *apart], [inline, _API])):
        found = opened(before, after)
        assert (found.rules, found.risks) == ([], [])


def test_rows_name_the_groups_and_what_is_added_and_removed() -> None:
    before = [_DATABASE, _API, _ingress(_tcp(cidrIpv4="10.0.0.0/8"))]
    after = [_DATABASE, _API, _ingress(_tcp(referencedSecurityGroupId=_API_ID))]
    assert rule_lines(opened(before, after)) == ["+ database in tcp 5432 api", "- database in tcp 5432 10.0.0.0/8"]
    assert [row.urn for row in opened(before, after).rules] == [urn(_INGRESS, "rule")] * 2


def test_two_halves_are_as_wide_as_the_whole() -> None:
    halves = [_ingress(_tcp(cidrIpv4="10.0.0.0/9"), "a"), _ingress(_tcp(cidrIpv4="10.128.0.0/9"), "b")]
    ports = [_ingress(_tcp(1, 5, cidrIpv4="10.0.0.0/8"), "a"), _ingress(_tcp(6, 9, cidrIpv4="10.0.0.0/8"), "b")]
    assert risk_lines(opened([_DATABASE, *halves], [_DATABASE, _ingress(_tcp(cidrIpv4="10.0.0.0/8"))])) == []
    assert risk_lines(opened([_DATABASE, *ports], [_DATABASE, _ingress(_tcp(1, 9, cidrIpv4="10.0.0.0/8"))])) == []
    assert risk_lines(opened([_DATABASE, *ports], [_DATABASE, _ingress(_tcp(1, 10, cidrIpv4="10.0.0.0/8"))])) == [
        "network-widened rule: database now lets in tcp 1-10 from 10.0.0.0/8."
    ]


def test_a_new_group_says_once_what_it_reaches() -> None:
    out = [
        entry(_EGRESS, "one", {"securityGroupId": _API_ID, **_tcp(443, cidrIpv6="::/0")}),
        entry(_EGRESS, "two", {"securityGroupId": _API_ID, **_tcp(referencedSecurityGroupId=_ID)}),
    ]
    assert risk_lines(opened([_DATABASE], [_DATABASE, _API, *out])) == [
        (
            "network-widened api: The new security group api may reach tcp 443 at ::/0, "
            "which is anywhere on the internet; may reach tcp 5432 at database."
        )
    ]


def test_a_group_that_is_gone_is_no_risk() -> None:
    before = [_DATABASE, _ingress(_tcp(cidrIpv4="10.0.0.0/8"))]
    found = opened(before, [])
    assert (rule_lines(found), found.risks) == (["- database in tcp 5432 10.0.0.0/8"], [])


def test_a_prefix_list_of_the_stack_is_what_is_in_it() -> None:
    rule = _ingress(_tcp(prefixListId=f"${{{_PREFIX_LIST}::offices.id}}"))

    def offices(*blocks: str) -> Entry:
        return entry(_PREFIX_LIST, "offices", {"entries": [{"cidr": block} for block in blocks]})

    found = opened(
        [_DATABASE, rule, offices("203.0.113.0/24")], [_DATABASE, rule, offices("203.0.113.0/24", "0.0.0.0/0")]
    )
    assert rule_lines(found) == ["+ database in tcp 5432 0.0.0.0/0"]
    assert [risk.rule for risk in found.risks] == ["open-to-the-internet"]


def _acl(*ingress: Mapping[str, Any]) -> list[Entry]:
    return [entry(_ACL, "acl", {"ingress": [*ingress]})]


_LETS_ALL = {"ruleNo": 200, "action": "allow", "protocol": "-1", "cidrBlock": "0.0.0.0/0", "fromPort": 0, "toPort": 0}
_STOPS_SSH = {
    "ruleNo": 100,
    "action": "deny",
    "protocol": "tcp",
    "cidrBlock": "0.0.0.0/0",
    "fromPort": 22,
    "toPort": 22,
}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (_acl(), _acl(_LETS_ALL), ["network-widened acl: acl now lets in everything from 0.0.0.0/0."]),
        (
            _acl(_STOPS_SSH, _LETS_ALL),
            _acl(_LETS_ALL),
            ["network-widened acl: acl no longer stops tcp 22 from 0.0.0.0/0."],
        ),
        (_acl(_LETS_ALL), _acl(_STOPS_SSH, _LETS_ALL), []),
        (_acl(_LETS_ALL, _STOPS_SSH), _acl({**_STOPS_SSH, "ruleNo": 50}, _LETS_ALL), []),
        (
            _acl(_STOPS_SSH, _LETS_ALL),
            _acl({**_STOPS_SSH, "ruleNo": 300}, _LETS_ALL),
            [
                (
                    "network-widened acl: acl now lets everything from 0.0.0.0/0 through before it stops "
                    "tcp 22 from 0.0.0.0/0."
                )
            ],
        ),
        ([], _acl(_LETS_ALL), []),
        (_acl(_STOPS_SSH, _LETS_ALL), [], []),
    ],
)
def test_an_acl_is_read_in_its_order(before: list[Entry], after: list[Entry], expected: list[str]) -> None:
    assert risk_lines(opened(before, after)) == expected


_NETWORKS = st.builds(
    lambda first, length: Peer("", ip_network((first, length), strict=False)),
    st.sampled_from(["10.0.0.0", "10.128.0.0", "10.64.0.0"]),
    st.integers(8, 12),
)
_RULES = st.builds(
    lambda protocol, first, count, peer: NetworkRule("in", protocol, (first, first + count), peer),
    st.sampled_from(["tcp", "udp"]),
    st.integers(1, 8),
    st.integers(0, 4),
    _NETWORKS,
)


@given(_RULES)
def test_a_rule_covers_itself(rule: NetworkRule) -> None:
    assert is_covered(rule, [rule])


@given(_RULES, _RULES, _RULES)
def test_covering_is_transitive(one: NetworkRule, other: NetworkRule, third: NetworkRule) -> None:
    if is_covered(other, [one]) and is_covered(third, [other]):
        assert is_covered(third, [one])


@given(st.lists(_RULES, max_size=4), _RULES)
def test_more_rules_never_cover_less(rules: list[NetworkRule], rule: NetworkRule) -> None:
    assert is_covered(rule, [*rules, rule])
    assert not is_covered(rule, rules[1:]) or is_covered(rule, rules)
