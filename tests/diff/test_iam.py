"""IAM policies are compared by what they allow."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.access import (
    QUEUE,
    QUEUE_POLICY,
    ROLE,
    ROLE_POLICY,
    allow,
    deny,
    opened,
    policy,
    renamed,
    risk_lines,
    role_with,
    statement_lines,
    urn,
)
from tests.support.snapshots import entry
from workbench.diff.conditions import Condition
from workbench.diff.patterns import covers, overlap
from workbench.diff.snapshot import Hidden
from workbench.diff.statements import Selection, UnreadableError, merged, split, statements_of

_RUNS = "arn:aws:sqs:eu-central-1:111111111111:runs"
_BOUNDARY = "aws:iam/policy:Policy"


def _risks(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    return risk_lines(opened(role_with(*before), role_with(*after)))


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        ("*", "arn:aws:s3:::a", True),
        ("s3:*", "s3:GetObject", True),
        ("s3:Get*", "s3:*", False),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:Get?", "s3:Get*", False),
        ("s3:Get*", "s3:Get?", True),
        ("a*c", "a*b*c", True),
        ("a*b*c", "a*c", False),
        ("*?", "?*", True),
        ("arn:aws:s3:::a/*", "arn:aws:s3:::a/b/c", True),
        ("arn:aws:sqs:*:111111111111:runs", "arn:aws:sqs:eu-central-1:111111111111:runs", True),
        ("arn:aws:sqs:*:runs", "arn:aws:sqs:eu-central-1:111111111111:runs", False),
        ("arn:aws:sqs:*", "arn:aws:sqs:eu-central-1:111111111111:runs", True),
        ("home/${aws:username}/*", "home/${aws:username}/a", True),
        ("home/${aws:username}/*", "home/bob/a", False),
        ("a${*}b", "axb", False),
        (f"{_RUNS}", "${aws:sqs/queue:Queue::runs.arn}", False),
        ("arn:aws:s3:::${aws:s3/bucket:Bucket::a.id}/*", "arn:aws:s3:::${aws:s3/bucket:Bucket::a.id}/x", True),
        ("arn:aws:s3:::?", "arn:aws:s3:::${aws:s3/bucket:Bucket::a.id}", False),
    ],
)
def test_a_pattern_covers_what_all_that_it_matches(wide: str, narrow: str, expected: bool) -> None:
    assert covers(wide, narrow) is expected


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("iam:*", "s3:Get*", False),
        ("*:Get*", "s3:*Object", True),
        ("a?", "ab", True),
        ("a?", "a", False),
        ("home/${aws:username}", "home/bob", True),
        ("", "*", True),
        ("*" + "a*" * 5000, "b", True),
    ],
)
def test_patterns_overlap_where_something_is_matched_by_both(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is overlap(other, one) is expected


_PATTERN = st.text(alphabet="ab*?:", max_size=7)


@given(_PATTERN)
def test_a_pattern_covers_itself(pattern: str) -> None:
    assert covers(pattern, pattern)


@given(_PATTERN, _PATTERN, _PATTERN)
def test_covering_is_transitive(one: str, other: str, third: str) -> None:
    if covers(one, other) and covers(other, third):
        assert covers(one, third)


@given(_PATTERN, st.text(alphabet="ab:", max_size=6))
def test_a_pattern_covers_a_text_where_they_overlap(pattern: str, text: str) -> None:
    assert covers(pattern, text) is overlap(pattern, text)


@pytest.mark.parametrize(
    ("narrow", "wide", "expected"),
    [
        (("StringEquals", "k", "a"), ("StringEquals", "K", "a", "b"), True),
        (("StringEquals", "k", "a", "b"), ("StringEquals", "k", "a"), False),
        (("StringEquals", "k", "abc"), ("StringLike", "k", "a*"), True),
        (("StringLike", "k", "a*"), ("StringEquals", "k", "a*"), False),
        (("ArnEquals", "k", "arn:aws:s3:::a"), ("ArnLike", "k", "arn:aws:s3:::*"), True),
        (("StringNotEquals", "k", "a", "b"), ("StringNotEquals", "k", "a"), True),
        (("StringNotEquals", "k", "a"), ("StringNotEquals", "k", "a", "b"), False),
        (("StringNotLike", "k", "a*"), ("StringNotEquals", "k", "ab"), True),
        (("StringNotEquals", "k", "a*"), ("StringNotLike", "k", "a*"), False),
        (("IpAddress", "k", "10.1.0.0/16"), ("IpAddress", "k", "10.0.0.0/8"), True),
        (("IpAddress", "k", "10.0.0.0/8"), ("IpAddress", "k", "10.1.0.0/16"), False),
        (("NotIpAddress", "k", "10.0.0.0/8"), ("NotIpAddress", "k", "10.1.0.0/16"), True),
        (("StringEquals", "k", "a"), ("StringEqualsIfExists", "k", "a"), True),
        (("StringEqualsIfExists", "k", "a"), ("StringEquals", "k", "a"), False),
        (("ForAllValues:StringEquals", "k", "a"), ("StringEquals", "k", "a"), False),
        (("Bool", "k", "TRUE"), ("Bool", "k", "true"), True),
        (("NumericLessThan", "k", "300"), ("NumericLessThan", "k", "3600"), True),
        (("NumericGreaterThan", "k", "300"), ("NumericGreaterThan", "k", "3600"), False),
        (("Null", "k", "false"), ("Null", "k", "true"), False),
        (("StringEquals", "other", "a"), ("StringEquals", "k", "a"), False),
    ],
)
def test_a_condition_implies_those_that_ask_for_less(
    narrow: tuple[str, ...], wide: tuple[str, ...], expected: bool
) -> None:
    one, other = (Condition(each[0], each[1], each[2:]) for each in (narrow, wide))
    assert one.implies(other) is expected


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        (Selection(("iam:*",), excepted=True), Selection(("s3:Get*",)), True),
        (Selection(("s3:Put*",), excepted=True), Selection(("s3:*",)), False),
        (Selection(("iam:*",), excepted=True), Selection(("iam:*", "s3:*"), excepted=True), True),
        (Selection(("iam:*", "s3:*"), excepted=True), Selection(("iam:*",), excepted=True), False),
        (Selection(("s3:*",)), Selection(("iam:*",), excepted=True), False),
        (Selection(("*",)), Selection(("iam:*",), excepted=True), True),
    ],
)
def test_all_but_some_covers_what_is_not_among_them(wide: Selection, narrow: Selection, expected: bool) -> None:
    assert wide.covers(narrow) is expected


_ACTIONS = st.lists(st.sampled_from(["s3:GetObject", "s3:PutObject", "sqs:SendMessage"]), min_size=1, unique=True)
_RESOURCES = st.lists(st.sampled_from([_RUNS, "arn:aws:s3:::a/*", "arn:aws:s3:::b"]), min_size=1, unique=True)
_CONDITIONS = st.sampled_from([{}, {"StringEquals": {"aws:RequestedRegion": ["eu-central-1", "eu-west-1"]}}])
_STATEMENTS = st.lists(
    st.builds(lambda actions, on, where: allow(actions, on, Condition=where), _ACTIONS, _RESOURCES, _CONDITIONS),
    min_size=1,
    max_size=4,
)


@given(_STATEMENTS, st.randoms())
def test_statements_in_another_order_are_the_same(statements: list[dict[str, Any]], shuffled: Any) -> None:
    after = [{**each, "Sid": f"S{index}", "Action": each["Action"][::-1]} for index, each in enumerate(statements)]
    shuffled.shuffle(after)
    found = opened(role_with(*statements), role_with(*after))
    assert (statement_lines(found), risk_lines(found)) == ([], [])


@given(_STATEMENTS)
def test_statements_that_are_split_or_merged_never_widen(statements: list[dict[str, Any]]) -> None:
    apart = [
        allow(action, resource, Condition={op: {key: one} for op, keys in where.items() for key in keys})
        for each in statements
        for action in each["Action"]
        for resource in each["Resource"]
        for where in [each["Condition"]]
        for one in next(iter(next(iter(where.values()), {}).values()), [""])
    ]
    assert _risks(statements, apart) == []
    assert _risks(apart, statements) == []


@given(_STATEMENTS)
def test_an_action_that_is_added_always_widens(statements: list[dict[str, Any]]) -> None:
    more = {**statements[0], "Action": [*statements[0]["Action"], "dynamodb:Scan"]}
    after = [more, *statements[1:]]
    found = opened(role_with(*statements), role_with(*after))
    assert [(risk.rule, risk.name) for risk in found.risks] == [("iam-widened", "worker-policy")]
    assert {row.actions for row in found.statements} == {("dynamodb:Scan",)}


@given(_STATEMENTS)
def test_what_is_split_and_merged_allows_the_same(statements: list[dict[str, Any]]) -> None:
    parts = {*split(statements_of(policy(*statements)))}
    assert {*split(merged(parts))} == parts


def test_exceptions_are_not_put_together() -> None:
    but_some = [{"Effect": "Allow", "NotAction": action, "Resource": _RUNS} for action in ("iam:*", "s3:*")]
    statements = statements_of(policy(*but_some, allow("sqs:*", _RUNS)))
    assert merged(statements) == statements


def test_a_statement_that_gains_an_action_is_one_line_with_that_action() -> None:
    found = opened(
        role_with(allow(["sqs:SendMessage"], [_RUNS, f"{_RUNS}-2"])),
        role_with(allow(["sqs:SendMessage", "sqs:PurgeQueue"], [_RUNS, f"{_RUNS}-2"])),
    )
    assert statement_lines(found) == [f"+ worker Allow sqs:PurgeQueue on {_RUNS},{_RUNS}-2"]
    assert risk_lines(found) == ["iam-widened worker-policy: worker may now sqs:PurgeQueue on runs and runs-2."]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([allow("sqs:*", _RUNS)], [allow("SQS:sendmessage", _RUNS)]),
        ([allow("sqs:*", "*")], [allow("sqs:*", _RUNS)]),
        ([allow("*", _RUNS)], [deny("*", _RUNS), allow("sqs:*", _RUNS)]),
        ([deny("sqs:PurgeQueue")], [deny("sqs:*")]),
        ([deny("*", Condition={"Bool": {"aws:SecureTransport": "false"}})], [deny("*")]),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], [allow("s3:*", "*")]),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": _RUNS}], [allow("sqs:*", _RUNS)]),
        ([allow("s3:*", "*")], [{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::a"}]),
    ],
)
def test_a_narrower_rewrite_is_no_risk(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> None:
    assert _risks(before, after) == []
    assert statement_lines(opened(role_with(*before), role_with(*after))) != []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            [allow("s3:GetObject", "arn:aws:s3:::a")],
            [{"Effect": "Allow", "NotAction": "iam:*", "Resource": "arn:aws:s3:::a"}],
            "iam-widened worker-policy: worker may now all but iam:* on a.",
        ),
        (
            [allow("s3:GetObject", "arn:aws:s3:::a")],
            [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::b"}],
            "iam-any-resource worker-policy: worker may now s3:GetObject on all but arn:aws:s3:::b.",
        ),
        (
            [deny("sqs:*")],
            [deny("sqs:PurgeQueue")],
            "iam-widened worker-policy: worker no longer meets a denial of sqs:* on any resource.",
        ),
        (
            [deny("sqs:*")],
            [deny("sqs:*", Condition={"Bool": {"aws:SecureTransport": "false"}})],
            "iam-widened worker-policy: worker no longer meets a denial of sqs:* on any resource.",
        ),
        (
            [allow("sqs:*", _RUNS)],
            [allow("sqs:*", "*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-central-1"}})],
            "iam-widened worker-policy: worker may now sqs:* on any resource under 1 condition.",
        ),
        (
            [],
            [allow([f"s3:Get{letter}" for letter in "abcdefg"], "arn:aws:s3:::a")],
            "iam-widened worker-policy: worker may now s3:Geta, s3:Getb, s3:Getc, s3:Getd and 3 more on a.",
        ),
    ],
)
def test_a_wider_rewrite_is_a_risk(before: list[dict[str, Any]], after: list[dict[str, Any]], expected: str) -> None:
    assert _risks(before, after) == [expected]


def test_a_policy_that_moves_to_another_resource_of_the_same_role_is_no_change() -> None:
    before = role_with(allow("sqs:SendMessage", _RUNS))
    after = [
        before[0],
        entry(
            ROLE_POLICY,
            "other-name",
            {
                "role": "${aws:iam/role:Role::worker.id}",
                "policy": policy({**allow("sqs:SendMessage", [_RUNS]), "Sid": "A"}),
            },
        ),
    ]
    found = opened(before, after)
    assert (found.statements, found.risks) == ([], [])


def test_the_same_policy_for_another_role_is_a_risk() -> None:
    others = [entry(ROLE, "other", {"name": "plinth-other"})]
    before = [*role_with(allow("sqs:SendMessage", _RUNS)), *others]
    moved = entry(ROLE_POLICY, "worker-policy", {**before[1].inputs, "role": "plinth-other"})
    found = opened(before, [before[0], moved, *others])
    assert risk_lines(found) == ["iam-widened worker-policy: other may now sqs:SendMessage on runs."]
    assert statement_lines(found) == [
        f"+ other Allow sqs:SendMessage on {_RUNS}",
        f"- worker Allow sqs:SendMessage on {_RUNS}",
    ]


def test_a_permission_on_what_is_only_renamed_is_the_same() -> None:
    def program(name: str) -> list[Any]:
        arn = f"${{{QUEUE}::{name}.arn}}"
        sends = entry(
            ROLE_POLICY,
            "sender",
            {"role": "sender", "policy": policy(allow("sqs:SendMessage", arn))},
            dependencies=[urn(QUEUE, name)],
        )
        return [entry(QUEUE, name, {"name": f"plinth-{name}"}), sends]

    found = opened(program("jobs"), program("runs"), [renamed(QUEUE, "jobs", "runs")])
    assert (found.statements, found.risks) == ([], [])
    assert risk_lines(opened(program("jobs"), program("runs"))) == [
        "iam-widened sender: sender may now sqs:SendMessage on runs."
    ]


def test_a_role_that_is_gone_takes_its_denials_along() -> None:
    found = opened(role_with(allow("sqs:*", _RUNS), deny("*")), [])
    assert found.risks == []
    assert statement_lines(found) == [f"- worker Allow sqs:* on {_RUNS}", "- worker Deny * on *"]


def test_a_boundary_that_allows_more_is_a_risk_for_all_that_it_bounds() -> None:
    def program(*actions: str) -> list[Any]:
        bounded = entry(ROLE, "worker", {"permissionsBoundary": f"${{{_BOUNDARY}::limit.arn}}"})
        return [bounded, entry(_BOUNDARY, "limit", {"policy": policy(allow([*actions], _RUNS))})]

    found = opened(program("sqs:SendMessage"), program("sqs:*"))
    assert risk_lines(found) == [
        "iam-widened limit: The policy of limit, which is a limit, now lets through sqs:* on runs."
    ]
    assert risk_lines(opened(program("sqs:*"), program("sqs:SendMessage"))) == []


def test_a_boundary_in_the_place_of_a_wider_one_is_no_risk() -> None:
    def program(name: str) -> list[Any]:
        policies = {"wide": "sqs:*", "tight": "sqs:SendMessage"}
        return [
            entry(ROLE, "worker", {"permissionsBoundary": f"${{{_BOUNDARY}::{name}.arn}}"}),
            entry(ROLE, "first", {"permissionsBoundary": f"${{{_BOUNDARY}::tight.arn}}"}),
            entry(ROLE, "second", {"permissionsBoundary": f"${{{_BOUNDARY}::wide.arn}}"}),
            *(entry(_BOUNDARY, each, {"policy": policy(allow(what, _RUNS))}) for each, what in policies.items()),
        ]

    assert risk_lines(opened(program("wide"), program("tight"))) == []
    assert risk_lines(opened(program("tight"), program("wide"))) == [
        "iam-widened worker: The permissions boundary of worker, tight, is now wide."
    ]


def test_a_managed_policy_of_the_stack_is_what_it_says() -> None:
    attachment = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
    role = entry(ROLE, "worker", {"name": "plinth-worker"})
    attached = entry(attachment, "a", {"role": "plinth-worker", "policyArn": f"${{{_BOUNDARY}::sends.arn}}"})
    sends = entry(_BOUNDARY, "sends", {"policy": policy(allow("sqs:SendMessage", _RUNS))})
    found = opened([role, sends], [role, sends, attached])
    assert statement_lines(found) == [f"+ worker Allow sqs:SendMessage on {_RUNS}"]
    assert risk_lines(found) == ["iam-widened sends: worker may now sqs:SendMessage on runs."]


@pytest.mark.parametrize(
    ("condition", "rule"),
    [
        ({}, "public-principal"),
        ({"StringEquals": {"aws:SourceAccount": "111111111111"}}, "iam-widened"),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:sns:eu-central-1:111111111111:alerts"}}, "iam-widened"),
        ({"ArnLike": {"aws:SourceArn": "arn:*"}}, "public-principal"),
        ({"StringLike": {"aws:PrincipalOrgID": "*"}}, "public-principal"),
        ({"StringEqualsIfExists": {"aws:SourceAccount": "111111111111"}}, "public-principal"),
        ({"StringNotEquals": {"aws:SourceAccount": "111111111111"}}, "public-principal"),
        ({"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, "iam-widened"),
        ({"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}}, "public-principal"),
        ({"Bool": {"aws:SecureTransport": "true"}}, "public-principal"),
    ],
)
@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ["*"]}])
def test_everybody_is_public_unless_a_condition_says_who(condition: dict[str, Any], rule: str, principal: Any) -> None:
    queue = entry(QUEUE, "runs", {"name": "runs"})
    document = policy(allow("sqs:SendMessage", _RUNS, Principal=principal, Condition=condition))
    opens = entry(QUEUE_POLICY, "runs-policy", {"queueUrl": f"${{{QUEUE}::runs.url}}", "policy": document})
    found = opened([queue], [queue, opens])
    assert [(risk.rule, risk.name) for risk in found.risks] == [(rule, "runs-policy")]


def test_the_root_of_an_account_is_the_account() -> None:
    def trusting(principal: Any) -> list[Any]:
        statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}
        return [entry(ROLE, "deploy", {"assumeRolePolicy": policy(statement)})]

    found = opened(trusting({"AWS": "111111111111"}), trusting({"AWS": ["arn:aws:iam::111111111111:root"]}))
    assert (found.statements, found.risks) == ([], [])


def test_a_denial_that_a_queue_loses_is_a_risk() -> None:
    queue = entry(QUEUE, "runs", {"name": "runs"})
    insecure = deny("sqs:*", _RUNS, Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    guarded = entry(QUEUE_POLICY, "runs-policy", {"queueUrl": f"${{{QUEUE}::runs.url}}", "policy": policy(insecure)})
    assert risk_lines(opened([queue, guarded], [queue])) == [
        "iam-widened runs-policy: Anybody no longer meets a denial of sqs:* on runs under 1 condition."
    ]
    assert risk_lines(opened([queue, guarded], [])) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Hidden("1"), Hidden("1"), []),
        (Hidden("1"), Hidden("2"), ["cannot-be-judged"]),
        ("${unknown}", "${unknown}", []),
        ("${unknown}", "${another}", ["cannot-be-judged"]),
        (policy(allow("sqs:*", _RUNS)), Hidden("2"), ["cannot-be-judged"]),
        (policy(allow("sqs:*", _RUNS)), "[" * 100_000, ["cannot-be-judged"]),
        (policy(allow("sqs:*", _RUNS)), '{"Statement": [{"Effect": "Allow"}]}', ["cannot-be-judged"]),
        (policy(allow("sqs:*", _RUNS)), '{"Statement": {"Effect": "Allow", "Action": [{}]}}', ["cannot-be-judged"]),
        (Hidden("1"), policy(), ["cannot-be-judged"]),
    ],
)
def test_a_policy_that_cannot_be_read_is_said_not_to_be_judged(before: Any, after: Any, expected: list[str]) -> None:
    role = entry(ROLE, "worker", {"name": "plinth-worker"})
    old, new = ([role, entry(ROLE_POLICY, "p", {"role": "plinth-worker", "policy": each})] for each in (before, after))
    assert [risk.rule for risk in opened(old, new).risks] == expected


def test_a_document_that_is_far_too_large_is_not_taken_apart() -> None:
    many = [f"s3:{index}" for index in range(20_000)]
    with pytest.raises(UnreadableError):
        list(split(statements_of(json.dumps({"Statement": allow(many, many)}))))
