"""The hostile programs of the corpus, evaluated, compared and rendered: nothing of them acts in any format."""

import json

import pytest

from tests.support.comments import foreign, is_balanced
from tests.support.diffs import difference
from tests.support.example_diffs import BASE, HEAD
from tests.support.pairs import PAIRS, loaded
from workbench.diff.model import Diff
from workbench.report.document import document
from workbench.report.markdown import markdown
from workbench.report.text import text

_HOSTILE = [pair for pair in PAIRS if pair.startswith("hostile/")]


@pytest.mark.parametrize("pair", _HOSTILE)
def test_nothing_of_a_hostile_program_acts(pair: str) -> None:
    case = loaded(pair)
    diff = Diff(BASE, HEAD, [difference(case.before, case.after)])
    comment = markdown(diff)
    assert len(comment.encode()) <= 65_536
    assert is_balanced(comment)
    assert foreign(comment) == []
    lines = text(diff, width=100, colour=False, verbose=True).split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    found = document(diff)
    assert json.loads(json.dumps(found)) == found


def test_the_hostile_programs_are_there() -> None:
    assert len(_HOSTILE) >= 8
