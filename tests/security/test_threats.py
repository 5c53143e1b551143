"""The page on threats and the attacks name the same threats, and the tests that the page names exist."""

import ast
import re
from pathlib import Path

import pytest

from tests.security.attack import THREATS
from tests.security.attacks import ATTACKS

ROOT = Path(__file__).parents[2]

ROWS = {
    row[1].strip(): row
    for line in (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| T\d+ \|", line)
    for row in [line.split("|")]
}

NAMED = [
    (threat, name) for threat, row in ROWS.items() for name in re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", row[5])
]


def test_the_page_has_a_row_for_each_threat() -> None:
    assert list(ROWS) == list(THREATS)


def test_each_threat_is_tried_and_each_attack_names_threats_of_the_page() -> None:
    tried = {threat for attack in ATTACKS for threat in attack.threats}

    assert tried == set(THREATS)


def test_each_threat_has_a_test() -> None:
    assert {threat for threat, _ in NAMED} == set(THREATS)


@pytest.mark.parametrize(("threat", "name"), NAMED)
def test_a_test_that_the_page_names_exists(threat: str, name: str) -> None:
    path, _, function = name.partition("::")
    module = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = {node.name for node in ast.walk(module) if isinstance(node, ast.FunctionDef)}

    assert not function or function in functions
    assert function or "/attacks/" in path or any(each.startswith("test_") for each in functions)


def test_an_attack_that_gets_something_says_why_and_what_still_holds() -> None:
    weak = [weakness for attack in ATTACKS for weakness in attack.weaker]

    assert [w for w in weak if not (w.reason.endswith(".") and w.remains.endswith(".") and w.unless)] == []
