"""A name or a value is shown on one line, safely, and as short as it can be."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.any_diffs import texts
from workbench.diff.model import ABSENT
from workbench.diff.snapshot import Code, Hidden
from workbench.report.values import cut, named, shown, unseen_difference, value, value_pair, visible


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain text", "plain text"),
        ("caf\u00e9 \u65e5\u672c\u8a9e \U0001f4a5", "caf\u00e9 \u65e5\u672c\u8a9e \U0001f4a5"),
        ("a\nb\rc\td", r"a\nb\rc\td"),
        ("\x1b[31m\x00\x7f\x9b", r"\x1b[31m\x00\x7f\x9b"),
        ("invoice\u202egpj", r"invoice\u202egpj"),
        ("\u200b\ufeff\u2028\u00a0", r"\u200b\ufeff\u2028\xa0"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_is_not_seen_as_itself_is_written_out(text: str, expected: str) -> None:
    assert visible(text) == expected


@given(texts)
def test_all_that_is_shown_can_be_seen(text: str) -> None:
    for one_line in (visible(text), named(text), value(text), value({text: [text]}), *value_pair(text, text + "x")):
        assert one_line.isprintable()


@given(texts, st.integers(40, 300))
def test_a_text_that_is_cut_is_no_longer_than_it_may_be(text: str, limit: int) -> None:
    assert len(cut(text, limit)) <= limit


def test_the_middle_of_a_long_text_is_counted() -> None:
    assert cut("a" * 100 + "b" * 100, 62) == f"{'a' * 20}[... 170 characters ...]{'b' * 10}"


def test_an_escaped_letter_is_never_cut_in_two() -> None:
    assert cut("\x00" * 1_000, 62) == r"\x00" * 5 + "[... 993 characters ...]" + r"\x00" * 2


@pytest.mark.parametrize(("text", "expected"), [("", '""'), ("  ", '"  "'), ("runs", "runs")])
def test_a_name_of_which_nothing_is_seen_is_in_quotation_marks(text: str, expected: str) -> None:
    assert named(text) == expected


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ("30", '"30"'),
        (30, "30"),
        (30.0, "30"),
        (0.5, "0.5"),
        (True, "true"),
        (None, "null"),
        ('say "hi"\n', r'"say \"hi\"\n"'),
        (Hidden("digest"), "[secret]"),
        (
            {"password": Hidden("digest"), "list": [1, Hidden("digest")]},
            '{"password": "[secret]", "list": [1, "[secret]"]}',
        ),
        (Code("sha256:aa"), '{"archive": "sha256:aa"}'),
    ],
)
def test_a_value_is_shown_as_json(item: Any, expected: str) -> None:
    assert value(item) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (1, 2, ""),
        (Hidden("one"), Hidden("two"), "another secret"),
        ([Hidden("one")], [Hidden("two")], "another secret"),
        ("${a:b:C::d.id}", "${a:b:C::d.id}", "another one, known once it is deployed"),
    ],
)
def test_two_values_that_look_alike_are_told_apart(before: Any, after: Any, expected: str) -> None:
    assert unseen_difference(before, after) == expected


def test_two_short_values_are_shown_whole() -> None:
    assert value_pair([1], {"a": "b"}) == ("[1]", '{"a": "b"}')


def test_two_long_values_are_shown_from_where_they_differ() -> None:
    before, after = value_pair("x" * 5_000 + "before", "x" * 5_000 + "after")
    assert before == f'[... 4,977 characters ...]{"x" * 24}before"'
    assert after == f'[... 4,977 characters ...]{"x" * 24}after"'


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (ABSENT, None),
        (("a", 0), ["a", 0]),
        ({1: Hidden("digest")}, {"1": "[secret]"}),
        (float("inf"), "inf"),
        ("lone \udcff byte", r"lone \udcff byte"),
    ],
)
def test_what_json_cannot_hold_is_written_as_what_it_can(item: Any, expected: Any) -> None:
    assert shown(item) == expected
