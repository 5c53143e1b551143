"""Differences of any texts, for properties that every format has to keep."""

from hypothesis import strategies as st

from tests.support.example_diffs import BASE, HOSTILE_TEXTS, hostile_stack
from workbench.diff.model import Diff, Revision

_PIECES = st.sampled_from([*HOSTILE_TEXTS, "`", "```", "|", "\\", "\n", "<!--", "-->", "@a", "</details>", "\u202e"])

texts = st.one_of(
    st.sampled_from(HOSTILE_TEXTS),
    st.text(max_size=40),
    st.lists(_PIECES, max_size=6).map("".join),
    st.tuples(st.sampled_from(["`", "\U0001f4a5", "x", "|", "'", "\x00"]), st.integers(1, 5_000)).map(
        lambda pair: pair[0] * pair[1]
    ),
)
"""Names and values that would do harm if they could."""

_stacks = st.builds(hostile_stack, texts, st.lists(texts, max_size=4))

diffs = st.builds(
    Diff,
    st.builds(Revision, texts, st.sampled_from([None, BASE.commit])),
    st.builds(Revision, texts, st.none()),
    st.lists(_stacks, max_size=4),
    st.lists(texts, max_size=3),
)
"""Differences in which such texts stand in every place where a text can."""
