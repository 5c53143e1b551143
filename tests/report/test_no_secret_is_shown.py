"""What a program marks as secret is in no format, wherever it stands, and wherever it was copied to."""

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from tests.support.planted import CHANGED, MARKER, planted
from workbench.diff.model import Diff
from workbench.diff.snapshot import Hidden
from workbench.report.document import document
from workbench.report.formats import FILES, rendered


@cache
def _diff() -> Diff:
    return planted()


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("format_", FILES)
def test_no_secret_is_in_a_format(format_: str, verbose: bool) -> None:
    shown = rendered(_diff(), format_, verbose=verbose)
    assert MARKER not in shown
    assert CHANGED in shown
    assert "[secret]" in shown


def test_no_digest_of_a_secret_is_in_a_format() -> None:
    digests = set(_digests(_diff().stacks[0].changes))
    assert len(digests) > 10
    for format_ in FILES:
        shown = rendered(_diff(), format_, verbose=True)
        assert [digest for digest in digests if digest[:12] in shown] == []


def test_secrets_that_change_are_seen_to_change() -> None:
    changed = {
        f"{change['name']}: {each['label']}"
        for change in document(_diff())["stacks"][0]["changes"]
        if change["action"] == "update"
        for each in change["properties"]
        if each["before"] == each["after"] == "[secret]"
    }
    assert changed == {
        "whole: displayName",
        "concatenated: displayName",
        "map: tags.token",
        "json: policy",
        "config: value",
        "role: inlinePolicies[inline].policy",
    }


def _digests(item: Any) -> Iterator[str]:
    match item:
        case Hidden():
            yield item.digest
        case dict():
            for each in item.values():
                yield from _digests(each)
        case list() | tuple():
            for each in item:
                yield from _digests(each)
        case _ if hasattr(item, "__dataclass_fields__"):
            yield from _digests(list(vars(item).values()))
        case _:
            pass
