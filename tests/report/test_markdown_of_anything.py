"""Whatever a program calls its resources, a comment stays a comment: short, whole, and only ours."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.any_diffs import diffs
from tests.support.comments import foreign, is_balanced
from tests.support.example_diffs import HOSTILE_TEXTS, eventful, examples, hostile, huge
from workbench.diff.model import Diff
from workbench.report.markdown import LEAST, markdown

_LIMITS = st.one_of(st.integers(LEAST, 6_000), st.sampled_from([65_536, 1_000_000]))


@settings(max_examples=150, deadline=None)
@given(diffs, _LIMITS)
def test_no_text_of_a_program_acts_in_a_comment(diff: Diff, limit: int) -> None:
    assert foreign(markdown(diff, limit)) == []


@settings(max_examples=150, deadline=None)
@given(diffs, _LIMITS)
def test_a_comment_is_never_longer_than_its_limit_and_closes_what_it_opens(diff: Diff, limit: int) -> None:
    comment = markdown(diff, limit)
    assert len(comment.encode()) <= limit
    assert is_balanced(comment)


@pytest.mark.parametrize("limit", [LEAST, 3_000, 10_000, 65_536])
@pytest.mark.parametrize("name", examples())
def test_an_example_fits_any_limit(name: str, limit: int) -> None:
    comment = markdown(examples()[name], limit)
    assert len(comment.encode()) <= limit
    assert is_balanced(comment)
    assert foreign(comment) == []


@pytest.mark.parametrize("stack", HOSTILE_TEXTS)
def test_the_name_of_a_stack_acts_nowhere(stack: str) -> None:
    diff = eventful()
    comment = markdown(replace(diff, stacks=[replace(diff.stacks[1], stack=stack)]))
    assert foreign(comment) == []
    assert is_balanced(comment)


def test_ten_thousand_changes_fit() -> None:
    comment = markdown(huge(10_000))
    assert 65_000 < len(comment.encode()) <= 65_536
    assert "**DATA AT RISK: 1,000**" in comment
    assert "| `prod` | **1,000** | 1,000 | 1,000 | 4,000 | 4,000 |" in comment


@settings(max_examples=100, deadline=None)
@given(st.integers(LEAST, 60_000), st.sampled_from([hostile(), eventful(), huge(500)]))
def test_no_change_is_shown_where_a_risk_is_left_out(limit: int, diff: Diff) -> None:
    comment = markdown(diff, limit)
    if "more**, which do not fit here" in comment:
        assert "```diff" not in comment
        assert "**IAM statements" not in comment
        assert "**Notes**" not in comment


@settings(max_examples=60, deadline=None)
@given(st.integers(LEAST, 20_000))
def test_a_longer_comment_never_says_less(limit: int) -> None:
    assert len(markdown(huge(300), limit).encode()) <= len(markdown(huge(300), limit + 500).encode())


@pytest.mark.parametrize(
    "comment",
    [
        "<b>x</b>",
        "text <img src=x>",
        "[a](https://b.example)",
        "![a](b)",
        "ask @someone",
        "see #12",
        "on https://a.example",
        "```python\n```",
        "# big",
        "| a | b |\n|---|---|\n| c |",
        "a\x1bb",
        "<details><summary><b>x</b></summary>",
    ],
)
def test_the_reader_of_comments_sees_what_acts(comment: str) -> None:
    assert foreign(comment) != []


@pytest.mark.parametrize("comment", ["```diff\n", "<details><summary>x</summary>", "</details>", "````\n```\n"])
def test_the_reader_of_comments_sees_what_is_open(comment: str) -> None:
    assert not is_balanced(comment)
