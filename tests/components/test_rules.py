"""What a component is given is checked by tables, and what is wrong is told with what to give."""

import math
from typing import Any

import pulumi
import pytest

from components.rules import Rule, above_zero, check, like, or_none, retention, several, truth, whole
from tests.support.evaluation import deploy


@pytest.mark.parametrize(
    ("rule", "taken", "refused"),
    [
        (whole(1, 3), [1, 3], [0, 4, 1.0, True, "1", None]),
        (whole(1), [1, 10**9], [0, 1.5, True]),
        (above_zero(), [0.001, 5], [0, -1, math.nan, math.inf, True, "1"]),
        (truth(), [True, False], [1, 0, "true", None]),
        (like("a+", "some"), ["a", "aa"], ["", "ab", "a\n", 1, None]),
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
