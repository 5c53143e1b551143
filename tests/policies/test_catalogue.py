"""The table of rules, and what is exempt from them."""

import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policies.catalogue import RULES, findings
from policies.exceptions import EXEMPTIONS, Exemption
from policies.model import UNKNOWN, Stack
from tests.support.evaluation import stack_manifest
from tests.support.policies import TODAY, made, said
from workbench.check import judged
from workbench.project import ROOT, configuration, stack_names

pytestmark = pytest.mark.xdist_group("evaluation")

every_stack = pytest.mark.parametrize("name", stack_names())
SOURCES = sorted((ROOT / "policies").glob("*.py"))


def real_stack(name: str, changed: Callable[[Any], Any] | None = None) -> Stack:
    """A stack of the checkout, with every input of its resources changed."""
    stack = judged(stack_manifest(name), configuration(name), TODAY)
    if changed is None:
        return stack
    resources = [
        replace(each, inputs={key: changed(value) for key, value in each.inputs.items()}) for each in stack.resources
    ]
    return replace(stack, resources=resources)


def test_every_rule_has_a_name_of_its_own_and_says_what_holds_and_what_to_do() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    assert [rule.name for rule in RULES if not re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)] == []
    assert [rule.name for rule in RULES if not (rule.description.endswith(".") and rule.remedy.endswith("."))] == []


def test_every_rule_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "policies.md").read_text()
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (\w+) \|", page, re.MULTILINE))
    assert rows == {rule.name: rule.severity for rule in RULES}


def test_every_rule_is_tried_with_what_passes_and_with_what_fails() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))
    assert [rule.name for rule in RULES if f'said("{rule.name}"' not in tests] == []


@every_stack
def test_every_stack_of_the_checkout_passes(name: str) -> None:
    found = findings(real_stack(name))
    assert [(each.rule.name, each.resource.name, each.message) for each in found] == []


@every_stack
def test_what_is_not_known_is_held_against_nothing(name: str) -> None:
    unknown = real_stack(name, lambda _: UNKNOWN)
    assert [(each.rule.name, each.resource.name, each.message) for each in findings(unknown)] == []


@every_stack
@pytest.mark.parametrize("absent", [None, "", [], {}])
def test_what_is_absent_breaks_the_rules_that_demand_it(name: str, absent: Any) -> None:
    found = {each.rule.name for each in findings(real_stack(name, lambda _: absent))}
    assert found == {
        "allowed-regions",
        "dead-letters",
        "encryption-at-rest",
        "fitting-limits",
        "log-retention",
        "one-architecture",
        "private-databases",
        "sandbox-function",
        "sandbox-network",
        "sandbox-role",
        "supported-runtimes",
        "tags",
        "throttled-routes",
        "tls-only",
        *(["protected-data"] if name == "prod" else []),
    }


@pytest.mark.parametrize(
    ("exemption", "exempt"),
    [
        ({}, True),
        ({"resource": "aws:rds/instance:Instance::o*"}, True),
        ({"stacks": "prod"}, True),
        ({"stacks": "dev"}, False),
        ({"rule": "tls-only"}, False),
        ({"resource": "aws:rds/instance:Instance::two"}, False),
        ({"resource": "one"}, False),
    ],
)
def test_an_exemption_is_for_one_rule_and_resource(exemption: Mapping[str, str], exempt: bool) -> None:
    row = {
        "rule": "private-databases",
        "resource": "aws:rds/instance:Instance::one",
        "reason": "It is empty.",
        **exemption,
    }
    found = said("private-databases", made("aws:rds/instance:Instance", "one"), exemptions=(Exemption(**row),))
    assert found == ([] if exempt else ["one may get a public address: publiclyAccessible is not false"])


def test_exemptions_are_from_rules_that_exist_and_give_a_reason() -> None:
    known = {rule.name for rule in RULES}
    assert [each for each in EXEMPTIONS if each.rule not in known or not each.reason.endswith(".")] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_every_type_that_a_rule_names_is_one_of_the_provider(source: Path) -> None:
    package = importlib.util.find_spec("pulumi_aws")
    assert package is not None
    assert package.origin is not None
    absent: list[str] = []
    for token in sorted(set(re.findall(r'"(aws:\w+/\w+:\w+)"', source.read_text()))):
        module, file = token.split(":")[1].split("/")
        folder = Path(package.origin).parent / (f"{module}_" if module == "lambda" else module)
        snake = re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", file).lower()
        path = folder / f"{snake}.py"
        if not path.exists() or f"'{token}'" not in path.read_text():
            absent.append(token)
    assert absent == []
