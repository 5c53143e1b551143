"""The comment on a pull request, as a reviewer reads it on a phone."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.example_diffs import eventful, huge, stacks_come_and_go, unchanged
from workbench.report.inline import cell, code, codes, fenced, html_code, prose
from workbench.report.markdown import LEAST, MARKER, markdown

_EXPECTED = Path(__file__).parent / "expected"


def test_an_eventful_difference_reads_well() -> None:
    assert markdown(eventful()) == (_EXPECTED / "eventful.md").read_text()


def test_the_first_lines_say_whether_it_can_hurt() -> None:
    assert markdown(eventful()).splitlines()[:2] == [MARKER, "### DATA AT RISK: 3, ACCESS OPENED: 2, in prod."]
    assert markdown(unchanged()).splitlines()[:2] == [MARKER, "### Nothing changes in dev and prod."]


def test_a_stack_that_comes_or_goes_says_so() -> None:
    comment = markdown(stacks_come_and_go())
    assert "| Stack | Data at risk | Delete | Create |\n" in comment
    assert "| `europe` (added) |  |  | 1 |\n" in comment
    assert "| `legacy` (removed) | **1** | 1 |  |\n" in comment
    assert (
        "<details><summary><code>legacy</code>: 1 to delete, "
        "no longer in the checkout; what it deployed stays until somebody destroys it</summary>"
    ) in comment


def test_what_is_left_out_is_counted_and_where_it_is_found_said() -> None:
    assert markdown(huge(100), 4_000).splitlines()[-1] == (
        "**Not shown here:** 16 changes, 50 details. All of it is in the artifact `plinth-diff`, "
        "or run: `plinth diff --base origin/main`"
    )


def test_the_details_of_what_is_created_go_first() -> None:
    diff = huge(100)
    whole = len(markdown(diff).encode())
    lost = Counter(markdown(diff).splitlines()) - Counter(markdown(diff, whole - 1).splitlines())
    assert lost == {
        "      ... 1 property": 4,
        "-     messageRetentionSeconds: 95": 1,
        "+     messageRetentionSeconds: 96": 1,
    }


def test_names_that_leave_no_room_are_counted() -> None:
    diff = huge(200)
    longer = [replace(diff.stacks[0], stack="\U0001f4a5" * 59 + str(number)) for number in range(4)]
    revision = replace(diff.base, label="\U0001f4a5" * 80)
    comment = markdown(replace(diff, base=revision, head=revision, stacks=longer), LEAST)
    assert comment.splitlines()[1] == "### DATA AT RISK: 20, in 4 stacks."
    assert len(comment.encode()) <= LEAST


def test_a_few_bytes_hold_no_comment() -> None:
    with pytest.raises(ValueError, match=r"^A comment needs 2,000 bytes, and 1,999 are too few\.$"):
        markdown(unchanged(), LEAST - 1)


def test_the_command_to_run_is_safe_to_paste() -> None:
    diff = huge(200)
    hostile = replace(diff, base=replace(diff.base, label="$(touch x); `id`"))
    assert markdown(hostile, LEAST).splitlines()[-1].endswith("or run: ``plinth diff --base '$(touch x); `id`'``")


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("The queue runs would be deleted.", "The queue runs would be deleted."),
        ("worker may sqs:* on everything.", "worker may `sqs:*` on everything."),
        ("Open to 0.0.0.0/0, at port 5432.", "Open to `0.0.0.0/0`, at port 5432."),
        ("1,000,000 requests x 0.40 USD (an estimate).", "1,000,000 requests x 0.40 USD (an estimate)."),
        ("ask @everyone, #1, GH-2 or a.b", "ask `@everyone, #1, GH-2` or `a.b`"),
        ("<b>bold</b> **bold** _it_", "`<b>bold</b> **bold** _it_`"),
        ("it's well-known", "it's well-known"),
        ("the commit deadbeef", "the commit `deadbeef`"),
        ("caf\u00e9 `x`", "caf\u00e9 `` `x` ``"),
        ("", '`""`'),
        ("  ", '`""`'),
    ],
)
def test_words_stay_words_and_the_rest_of_a_sentence_is_code(sentence: str, expected: str) -> None:
    assert prose(sentence) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("runs", "`runs`"),
        ("a`b", "``a`b``"),
        ("```", "```` ``` ````"),
        (" a ", "`  a  `"),
        (" ", "` `"),
        ("", '`""`'),
        ("a\nb", r"`a\nb`"),
    ],
)
def test_code_is_in_more_backticks_than_it_has(text: str, expected: str) -> None:
    assert code(text) == expected


def test_a_cell_is_one_cell() -> None:
    assert cell(code("a|b"), prose("c")) == r"`a\|b`, c"


def test_a_long_list_is_counted() -> None:
    assert codes(["a" * 100, "b" * 100, "c"], 150) == f"`{'a' * 100}`, 2 more"


def test_html_in_a_summary_is_text() -> None:
    assert html_code("</code><b>&\"'\n") == r"<code>&lt;/code&gt;&lt;b&gt;&amp;&quot;&#x27;\n</code>"


def test_a_fence_is_longer_than_any_in_it() -> None:
    assert fenced("a\n````", "diff") == "`````diff\na\n````\n`````"
