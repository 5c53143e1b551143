"""Each pair of programs in `programs/` is classified exactly as it says."""

import pytest

from tests.support.diffs import difference, shown_case
from tests.support.pairs import PAIRS, loaded


@pytest.mark.parametrize("pair", PAIRS)
def test_a_pair_of_programs_is_classified(pair: str) -> None:
    case = loaded(pair)
    assert shown_case(difference(case.before, case.after)) == {"changes": case.CHANGES, "risks": case.RISKS}


def test_the_corpus_is_there() -> None:
    assert len(PAIRS) >= 40
