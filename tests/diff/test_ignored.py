"""`ignore_changes`: what leaves a property as it was, in Pulumi's syntax of paths."""

from collections.abc import Mapping
from typing import Any

import pytest

from workbench.diff.ignored import is_ignored, steps_of, with_ignored


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("a", ["a"]),
        ("a.b", ["a", "b"]),
        ("a[0]", ["a", 0]),
        ("a[0][12].b", ["a", 0, 12, "b"]),
        ('a["b c"]', ["a", "b c"]),
        ('a["b.c[0]"].d', ["a", "b.c[0]", "d"]),
        ('a["say \\"so\\""]', ["a", 'say "so"']),
        ('["root key"].b', ["root key", "b"]),
        ("a[*].b", ["a", "*", "b"]),
        ("a.*", ["a", "*"]),
        ("a.[0]", ["a", 0]),
        ("*", ["*"]),
    ],
)
def test_a_path_is_read_as_pulumi_reads_it(path: str, steps: list[str | int]) -> None:
    assert steps_of(path) == steps


@pytest.mark.parametrize(
    ("before", "after", "path", "expected"),
    [
        pytest.param({"a": 1, "b": 1}, {"a": 2, "b": 2}, "a", {"a": 1, "b": 2}, id="a property"),
        pytest.param({}, {"a": 2}, "a", {}, id="one that was not there"),
        pytest.param({"a": 1}, {}, "a", {"a": 1}, id="one that is not there any more"),
        pytest.param({"a": {"b": 1, "c": 1}}, {"a": {"b": 2, "c": 2}}, "a.b", {"a": {"b": 1, "c": 2}}, id="a key"),
        pytest.param({"a": {}}, {"a": {"b": {"c": 1}}}, "a.b.c", {"a": {"b": {"c": 1}}}, id="below one that is new"),
        pytest.param({"a": [1, 2]}, {"a": [3, 4]}, "a[1]", {"a": [3, 2]}, id="a position"),
        pytest.param({"a": [1, 2]}, {"a": [3]}, "a[1]", {"a": [3]}, id="a position that is on one side only"),
        pytest.param({"a": [1, 2]}, {"a": [3, 4]}, "a[*]", {"a": [1, 2]}, id="all positions"),
        pytest.param({"a": [1, 2]}, {"a": [3, 4, 5]}, "a[*]", {"a": [3, 4, 5]}, id="lists of different lengths"),
        pytest.param(
            {"a": [{"b": 1, "c": 1}]}, {"a": [{"b": 2, "c": 2}]}, "a[*].b", {"a": [{"b": 1, "c": 2}]}, id="of each"
        ),
        pytest.param({"a": 1, "b": 1}, {"a": 2, "c": 2}, "*", {"a": 1, "b": 1}, id="everything"),
        pytest.param({"a": 1}, {"a": {"b": 2}}, "a.b", {"a": {"b": 2}}, id="a key of what was none"),
        pytest.param({"a": 1}, {"a": 2}, "b", {"a": 2}, id="a property that is nowhere"),
    ],
)
def test_what_is_ignored_is_as_it_was(
    before: Mapping[str, Any], after: Mapping[str, Any], path: str, expected: Mapping[str, Any]
) -> None:
    given = repr(after)
    assert with_ignored(before, after, [path]) == expected
    assert repr(after) == given


def test_a_place_is_ignored_with_all_that_is_in_it() -> None:
    paths = ["a.b", "c[*].d"]
    places = [("a",), ("a", "b"), ("a", "b", "c"), ("a", "c"), ("c", 3, "d"), ("c", 3, "e")]
    assert [is_ignored(place, paths) for place in places] == [False, True, True, False, True, False]
