"""Differences of inputs: down to the smallest thing that changed, and never more than that."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.diff import sequences
from workbench.diff.model import ABSENT, CodeChange, PropertyChange
from workbench.diff.properties import differences
from workbench.diff.snapshot import Code, Hidden
from workbench.diff.values import canonical


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    properties, _ = differences(before, after)
    return [(each.label, each.before, each.after) for each in properties]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": True}, {"a": "true"}, [("a", True, "true")]),
        ({"a": 1}, {"a": True}, [("a", 1, True)]),
        ({"a": 0}, {"a": False}, [("a", 0, False)]),
        ({"a": "1"}, {"a": 1}, [("a", "1", 1)]),
        ({"a": None}, {}, []),
        ({}, {"a": ""}, [("a", ABSENT, "")]),
        ({}, {"a": []}, [("a", ABSENT, [])]),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}, [("a.c", 2, 3)]),
        ({"a": {"x y": 1}}, {"a": {}}, [("a[x y]", 1, ABSENT)]),
        ({"a": {"b": 1}}, {"a": [1]}, [("a", {"b": 1}, [1])]),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, [("a", 1, 2), ("b", 1, 2)]),
        ({"a": Hidden("1")}, {"a": Hidden("1")}, []),
        ({"a": Hidden("1")}, {"a": Hidden("2")}, [("a", Hidden("1"), Hidden("2"))]),
        ({"a": Hidden("1")}, {"a": "shown"}, [("a", Hidden("1"), "shown")]),
    ],
)
def test_values_differ_by_what_they_say(
    before: Mapping[str, Any], after: Mapping[str, Any], expected: list[tuple[str, Any, Any]]
) -> None:
    assert _changes(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(list("abc"), list("xabc"), [("a[0]", ABSENT, "x")], id="an element in front"),
        pytest.param(list("abc"), list("abxc"), [("a[2]", ABSENT, "x")], id="an element in between"),
        pytest.param(list("abc"), list("ac"), [("a[1]", "b", ABSENT)], id="an element taken out"),
        pytest.param(list("abc"), list("axc"), [("a[1]", "b", "x")], id="an element changed"),
        pytest.param(list("aab"), list("ab"), [("a[1]", "a", ABSENT)], id="one of two that are the same"),
        pytest.param(list("abc"), list("xaybc"), [("a[0]", ABSENT, "x"), ("a[2]", ABSENT, "y")], id="two put in"),
        pytest.param(list("bb"), list("xbb"), [("a[0]", ABSENT, "x")], id="an element in front of a pair"),
        pytest.param(
            [{"port": 1, "to": "a", "x": 1}, {"port": 2, "to": "b", "x": 1}],
            [{"port": 2, "to": "b", "x": 2}],
            [("a[0]", {"port": 1, "to": "a", "x": 1}, ABSENT), ("a[0].x", 1, 2)],
            id="one taken out before one that changed",
        ),
        pytest.param([], [None], [("a[0]", ABSENT, None)], id="nothing as an element"),
        pytest.param(
            [{"port": 1, "to": "a"}, {"port": 2, "to": "b"}],
            [{"port": 3, "to": "c"}, {"port": 1, "to": "a"}, {"port": 2, "to": "x"}],
            [("a[0]", ABSENT, {"port": 3, "to": "c"}), ("a[2].to", "b", "x")],
            id="a thing in front of one that changed",
        ),
    ],
)
def test_a_list_changes_where_it_changed(before: list[Any], after: list[Any], expected: list[Any]) -> None:
    assert _changes({"a": before}, {"a": after}) == expected


def test_things_that_have_names_are_compared_by_name() -> None:
    before = [{"name": "one", "value": 1}, {"name": "two", "value": 2}, {"name": "three", "value": 3}]
    after = [{"name": "zero", "value": 0}, {"name": "one", "value": 1}, {"name": "three", "value": 4}]
    assert _changes({"a": before}, {"a": after}) == [
        ("a[two]", {"name": "two", "value": 2}, ABSENT),
        ("a[zero]", ABSENT, {"name": "zero", "value": 0}),
        ("a[three].value", 3, 4),
    ]


def test_named_things_in_another_order_are_one_change() -> None:
    one, two = {"name": "one", "value": 1}, {"name": "two", "value": 2}
    assert _changes({"a": [one, two]}, {"a": [two, one]}) == [("a", ["one", "two"], ["two", "one"])]


def test_names_that_come_twice_are_no_names() -> None:
    before = [{"name": "one", "value": 1}, {"name": "one", "value": 2}]
    after = [{"name": "one", "value": 1}, {"name": "one", "value": 3}]
    assert _changes({"a": before}, {"a": after}) == [("a[1].value", 2, 3)]


def test_sets_change_by_element_whatever_their_order() -> None:
    assert _changes({"subnetIds": ["a", "b", "c"]}, {"subnetIds": ["d", "c", "a"]}) == [
        ("subnetIds", "b", ABSENT),
        ("subnetIds", ABSENT, "d"),
    ]


def test_rules_of_a_security_group_are_a_set_of_things() -> None:
    http = {"protocol": "tcp", "fromPort": 80, "toPort": 80, "cidrBlocks": ["10.0.0.0/8"]}
    tls = {"protocol": "tcp", "fromPort": 443, "toPort": 443, "cidrBlocks": ["10.0.0.0/8"]}
    wider = {**tls, "cidrBlocks": ["10.0.0.0/8", "0.0.0.0/0"]}
    assert _changes({"ingress": [http, tls]}, {"ingress": [wider, http]}) == [
        ("ingress[0].cidrBlocks", ABSENT, "0.0.0.0/0"),
    ]


def _policy(*statements: Mapping[str, Any], **how: Any) -> dict[str, Any]:
    return {"policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, **how)}


_READ = {"Sid": "Read", "Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "arn:aws:sqs:::jobs"}
_SEND = {"Effect": "Allow", "Action": ["sqs:GetQueueUrl"], "Resource": "arn:aws:sqs:::jobs"}


def test_an_action_more_is_one_change() -> None:
    more = {**_READ, "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"]}
    assert _changes(_policy(_READ, _SEND), _policy(_SEND, more, indent=2)) == [
        ("policy.Statement[Read].Action", ABSENT, "sqs:SendMessage"),
    ]


def test_statements_without_a_sid_are_compared_with_the_most_alike() -> None:
    other = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    more = {**_SEND, "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"]}
    assert _changes(_policy(_SEND), _policy(other, more)) == [
        ("policy.Statement[1].Action", ABSENT, "sqs:SendMessage"),
        (
            "policy.Statement[0]",
            ABSENT,
            {"Effect": "Deny", "Action": ["s3:*"], "Resource": ["*"]},
        ),
    ]


def test_statements_that_have_little_in_common_are_not_the_same_one() -> None:
    other = {"Effect": "Deny", "Action": ["s3:*"], "Resource": ["*"]}
    assert _changes(_policy(_SEND), _policy(other)) == [
        ("policy.Statement[0]", {**_SEND, "Resource": [_SEND["Resource"]]}, ABSENT),
        ("policy.Statement[0]", ABSENT, other),
    ]


def test_statements_that_share_a_sid_are_the_same_one_however_different() -> None:
    other = {"Sid": "Read", "Effect": "Deny", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::jobs/*"}
    assert [label for label, *_ in _changes(_policy(_READ), _policy(other))] == [
        "policy.Statement[Read].Action",
        "policy.Statement[Read].Action",
        "policy.Statement[Read].Effect",
        "policy.Statement[Read].Resource",
        "policy.Statement[Read].Resource",
    ]


def test_one_statement_may_stand_alone_and_a_condition_be_one_value() -> None:
    condition = {"StringEquals": {"aws:SourceAccount": "1"}}
    alone = json.dumps({"Version": "2012-10-17", "Statement": {**_READ, "Condition": condition}})
    listed = {**_READ, "Condition": {"StringEquals": {"aws:SourceAccount": ["1"]}}}
    assert _changes({"policy": alone}, _policy(listed)) == []
    wider = {**_READ, "Condition": {"StringEquals": {"aws:SourceAccount": ["1", "2"]}}}
    assert _changes({"policy": alone}, _policy(wider)) == [
        ("policy.Statement[Read].Condition.StringEquals[aws:SourceAccount]", ABSENT, "2"),
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param('{"a": 1', '{"a": 2', id="JSON that does not end"),
        pytest.param('{"a": 1, "a": 2}', '{"a": 2}', id="a key that comes twice"),
        pytest.param('{"a": NaN}', '{"a": 1}', id="no number"),
        pytest.param('{"a": 1}', "[1]", id="an object and a list"),
        pytest.param('{"a": 1}', "none", id="an object and a text"),
        pytest.param("1", "2", id="numbers"),
        pytest.param('"a"', '"b"', id="quoted texts"),
        pytest.param("[" * 70 + "]" * 70, "[" * 70 + "1" + "]" * 70, id="a deep list"),
        pytest.param("[" * 100_000, "[" * 100_001, id="a list that never ends"),
        pytest.param("9" * 5_000, "8" * 5_000, id="a number of many digits"),
    ],
)
def test_what_is_not_json_on_both_sides_is_text(before: str, after: str) -> None:
    assert _changes({"a": before}, {"a": after}) == [("a", before, after)]


def test_json_in_json_is_compared_too() -> None:
    before, after = ({"a": json.dumps({"b": json.dumps({"c": [1, number]})})} for number in (2, 3))
    assert _changes(before, after) == [("a.b.c[1]", 2, 3)]


def test_what_is_very_deep_is_compared_as_a_whole() -> None:
    before, after = ({"a": _nested(300, leaf)} for leaf in (1, 2))
    assert [(len(each.path), each.before != each.after) for each in differences(before, after)[0]] == [(66, True)]
    assert differences(before, {"a": _nested(300, 1)}) == ([], [])


def test_what_is_deeper_than_python_goes_is_taken_for_a_change() -> None:
    assert len(differences({"a": _nested(100_000, 1)}, {"a": _nested(100_000, 1)})[0]) == 1


def _nested(depth: int, leaf: int) -> Any:
    value: Any = leaf
    for _ in range(depth):
        value = {"x": value}
    return value


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a", id="a list"),
        pytest.param("subnetIds", id="a set"),
        pytest.param("ingress", id="a set of things"),
    ],
)
def test_long_lists_are_looked_at_once(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0

    def counting(value: Any) -> str:
        nonlocal looked
        looked += 1
        return canonical(value)

    monkeypatch.setattr(sequences, "canonical", counting)
    before = [{"to": f"10.0.{index}.0"} if name == "ingress" else f"{index}" for index in range(10_000)]
    after = [
        item if index % 2 else {"to": f"changed {index}"} if name == "ingress" else f"changed {index}"
        for index, item in enumerate(before)
    ]
    changes = _changes({name: before}, {name: after})
    assert len(changes) == (10_000 if name == "subnetIds" else 5_000)
    assert looked <= 20_000


def test_a_text_of_a_megabyte_is_one_change() -> None:
    before, after = "x" * 1_000_000, "x" * 999_999 + "y"
    assert _changes({"a": before}, {"a": after}) == [("a", before, after)]


def test_code_names_what_changed_in_it() -> None:
    before = Code("1", {"a.py": "1", "b.py": "1", "c.py": "1"}, {"fastapi": "1.0", "mangum": "2.0"})
    after = Code("2", {"a.py": "1", "b.py": "2", "d.py": "1"}, {"fastapi": "1.1", "pydantic": "3.0"})
    properties, code = differences({"code": before, "timeout": 1}, {"code": after, "timeout": 2})
    assert properties == [PropertyChange(("timeout",), 1, 2)]
    assert code == [
        CodeChange(
            ("code",),
            added=["d.py"],
            changed=["b.py"],
            removed=["c.py"],
            packages={"fastapi": ("1.0", "1.1"), "mangum": ("2.0", None), "pydantic": (None, "3.0")},
        )
    ]


def test_code_that_is_not_there_changed_in_a_way_nobody_knows() -> None:
    _, code = differences({"code": Code("1")}, {"code": Code("2", {"a.py": "1"})})
    assert code == [CodeChange(("code",), unknown=True)]
    assert differences({"code": Code("1")}, {"code": Code("1", {"a.py": "1"})}) == ([], [])


_leaf = st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2, width=16) | st.sampled_from(["a", "b", "1"])
_json = st.recursive(
    _leaf,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["name", "a", "b"]), inner),
    max_leaves=12,
)


@given(_json, _json)
def test_two_values_differ_exactly_when_they_are_not_the_same(before: Any, after: Any) -> None:
    found = differences({"a": before}, {"a": after}) != ([], [])
    assert found == (canonical({"a": before}) != canonical({"a": after}))


@given(_json, _json)
def test_what_is_in_a_json_text_differs_like_the_values(before: Any, after: Any) -> None:
    plain = _changes({"a": {"x": before}}, {"a": {"x": after}})
    assert _changes({"a": json.dumps({"x": before})}, {"a": json.dumps({"x": after}, indent=1)}) == plain
