"""What a component is given is checked by tables, and what is wrong is told with what to give."""

import math
from typing import Any

import pulumi
import pytest

from components.rules import (
    Rule,
    above_zero,
    account,
    certificate,
    check,
    different,
    each_like,
    halves,
    host_name,
    hosted_zone,
    ipv4_range,
    like,
    one_of,
    or_none,
    region,
    repository,
    retention,
    several,
    truth,
    whole,
)
from tests.support.evaluation import deploy


@pytest.mark.parametrize(
    ("rule", "taken", "refused"),
    [
        (whole(1, 3), [1, 3], [0, 4, 1.0, True, "1", None]),
        (whole(1), [1, 10**9], [0, 1.5, True]),
        (above_zero(), [0.001, 5], [0, -1, math.nan, math.inf, True, "1"]),
        (truth(), [True, False], [1, 0, "true", None]),
        (like("a+", "some"), ["a", "aa"], ["", "ab", "a\n", 1, None]),
        (halves(1, 2), [1, 1.5, 2.0], [0.5, 1.25, 2.5, True, "1", None]),
        (one_of("a", "b"), ["a", "b"], ["", "ab", None, 1]),
        (region(), ["eu-central-1", "us-gov-west-1"], ["", "eu-central", "eu-central-1a", "EU-CENTRAL-1", None]),
        (account(), ["012345678901"], ["", "12345678901", 123456789012, "12345678901x"]),
        (host_name(), ["a.com", "api.a-b.example"], ["localhost", "a.com.", "-a.com", "*.a.com", f"{'a' * 64}.com", 1]),
        (host_name(), [".".join(["a" * 49] * 5) + ".com"], [".".join(["a" * 50] * 5) + ".com"]),
        (hosted_zone(), ["Z0ABC"], ["", "Z", "0ABC", "Z0abc", "Z0/ABC", None]),
        (
            certificate(),
            [
                "arn:aws:acm:eu-central-1:111111111111:certificate/1-2",
                "arn:aws-cn:acm:cn-north-1:111111111111:certificate/1",
            ],
            ["", "arn:aws:acm:eu-central-1:1:certificate/1", "arn:aws:iam::111111111111:certificate/1"],
        ),
        (repository(), ["a/b.c", "a@1/b@2"], ["a", "a/*", "a/b/c", "a@1/b", "a/b:ref", ""]),
        (
            ipv4_range(16, 24),
            ["10.0.0.0/16", "10.0.1.0/24"],
            ["10.0.0.0/15", "10.0.0.0/25", "10.0.0.1/24", "10.0.0.0", "::/16", 16, None],
        ),
        (each_like("a+", "some"), [[], ["a", "a"], ("aa",)], ["a", None, ["b"], [1], {"a"}]),
        (each_like("a+", "some", (tuple,)), [(), ("a",)], [["a"]]),
        (different(each_like("a+", "some")), [[], ["a", "aa"]], [["a", "a"], ["b"], "a"]),
        (retention(), [1, 365, 3653], [0, 2, 366, 1.0, True]),
        (several(1, 2, "one or two"), [["a"], ("a", "b")], [[], ["a"] * 3, "a", None]),
        (or_none(whole(1, 3)), [None, 1], [0]),
    ],
)
def test_a_rule_takes_what_it_says_and_nothing_like_it(rule: Rule, taken: list[Any], refused: list[Any]) -> None:
    holds, _ = rule
    assert ([each for each in taken if not holds(each)], [each for each in refused if holds(each)]) == ([], [])


def test_the_first_broken_rule_is_told_with_what_to_give() -> None:
    with pytest.raises(ValueError, match=r"^Queue 'jobs': size is 0: give a whole number from 1 to 3\.$"):
        check("Queue 'jobs'", {"kept": True, "size": 0}, {"kept": truth(), "size": whole(1, 3), "absent": truth()})


def test_what_only_a_deployment_knows_is_not_judged() -> None:
    def program() -> None:
        later: pulumi.Output[int] = pulumi.Output.from_input(0)
        check("Queue 'jobs'", {"size": later}, {"size": whole(1, 3)})
        pulumi.export("size", later)

    assert deploy(program).outputs == {"size": 0}
