"""The text of a difference, as a reviewer reads it in a terminal."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tests.support.any_diffs import diffs
from tests.support.example_diffs import eventful, examples, harmless, unchanged
from workbench.diff.model import Diff
from workbench.report.text import text

_EXPECTED = Path(__file__).parent / "expected"
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def test_an_eventful_difference_reads_well() -> None:
    assert text(eventful(), width=100, colour=False) == (_EXPECTED / "eventful.txt").read_text()


def test_nothing_reads_as_nothing() -> None:
    assert text(unchanged(), width=80, colour=False).splitlines() == [
        "Nothing changes in dev and prod.",
        "origin/main (4f1c2d3e5a) -> the working tree",
        "  dev: no changes",
        "  prod: no changes",
    ]


def test_one_change_is_a_few_lines() -> None:
    assert text(harmless(), width=80, colour=False).splitlines() == [
        "Changes in dev, none known to put data at risk or to open access.",
        "origin/main (4f1c2d3e5a) -> the working tree",
        "  dev: 1 to update",
        "  prod: no changes",
        "",
        "Changes in dev",
        "  ~ update aws:sqs/queue:Queue runs",
        "      ~ visibilityTimeoutSeconds: 180 -> 240",
    ]


def test_a_risk_that_stacks_share_is_told_once() -> None:
    diff = eventful()
    both = replace(diff, stacks=[replace(diff.stacks[1], stack="dev"), diff.stacks[1]])
    lines = text(both, width=100, colour=False).splitlines()
    assert lines[0] == "DATA AT RISK: 3, ACCESS OPENED: 2, in dev and prod."
    assert lines.count("    dev, prod: deleted, aws:sqs/queue:Queue runs-dead-letters") == 1


def test_verbose_lists_what_a_deleted_resource_was_and_components() -> None:
    brief, verbose = (text(eventful(), width=100, colour=False, verbose=each).splitlines() for each in (False, True))
    more = [line for line in verbose if line not in brief]
    assert more == [
        "      - messageRetentionSeconds: 1209600",
        "      - sqsManagedSseEnabled: true",
        '      - tags: {"stack": "prod"}',
        "  + create plinth:index:Exports exports",
        "      + days: 30",
        '      + alarmDescription: "The API refuses requests."',
        '      + comparisonOperator: "GreaterThanThreshold"',
        "      + evaluationPeriods: 5",
        '      + metricName: "Throttles"',
        '      + namespace: "AWS/Lambda"',
        "      + threshold: 0",
    ]


def test_colours_are_all_that_colour_adds() -> None:
    plain, coloured = (text(eventful(), width=100, colour=each) for each in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[1;37;41mDATA AT RISK: 3" in coloured
    assert [line.rstrip() for line in _COLOUR.sub("", coloured).splitlines()] == plain.splitlines()


@settings(max_examples=150, deadline=None)
@given(diffs, st.sampled_from([40, 80, 100, 200]), st.booleans(), st.booleans())
def test_no_text_of_a_program_acts_on_a_terminal(diff: Diff, width: int, colour: bool, verbose: bool) -> None:
    lines = _COLOUR.sub("", text(diff, width=width, colour=colour, verbose=verbose)).split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert [line for line in lines if cell_len(line.rstrip()) > width] == []


@pytest.mark.parametrize("name", examples())
def test_every_example_can_be_written_to_a_file(name: str) -> None:
    assert text(examples()[name], width=80, colour=False).encode().endswith(b"\n")
