"""`plinth check` tells what is wrong with which stack, and what to type."""

import json
from pathlib import Path

import pytest

from policies.catalogue import RULES
from tests.support.checkout import copy_of_checkout, edit
from tests.support.local_stack import Plinth
from workbench.project import stack_names

UNPROTECTED = "can be deleted or replaced by one `pulumi up`: it is not protected"


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Plinth:
    """A checkout whose prod stack protects no data."""
    folder = tmp_path_factory.mktemp("careless")
    (folder / "checkout").mkdir()
    checkout = copy_of_checkout(folder / "checkout")
    edit(checkout / "stacks" / "prod" / "__init__.py", "protect_data=True", "protect_data=False")
    return Plinth(folder / "state", checkout)


def test_every_stack_is_checked_where_none_is_named(tmp_path: Path) -> None:
    done = Plinth(tmp_path)("check", "--json")
    answer = json.loads(done.stdout)
    assert (done.returncode, done.stderr, answer["passes"]) == (0, "", True)
    assert [(each["stack"], each["passes"], each["violations"]) for each in answer["stacks"]] == [
        (name, True, []) for name in stack_names()
    ]


def test_a_stack_that_passes_is_one_line(tmp_path: Path) -> None:
    done = Plinth(tmp_path)("check", "dev", "dev")
    resources = json.loads(Plinth(tmp_path)("manifest", "dev", "--json").stdout)["resources"]
    assert done.stdout == f"dev: {len(resources)} resources, {len(RULES)} rules, no violations\n"
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stack_that_does_not_pass_says_what_to_type(careless: Plinth) -> None:
    done = careless("check", "prod")
    (rule,) = (rule for rule in RULES if rule.name == "protected-data")
    lines = done.stdout.splitlines()
    assert lines[0] == f"mandatory: protected-data. {rule.description}"
    assert lines[-3] == f"  What to do: {rule.remedy}"
    assert lines[-1].endswith(" mandatory, 0 advisory")
    assert lines[lines.index("  aws:rds/subnetGroup:SubnetGroup  database-subnets") + 1] == f"    {UNPROTECTED}"
    assert (done.returncode, done.stderr) == (1, "")


def test_one_stack_that_does_not_pass_fails_the_check(careless: Plinth) -> None:
    done = careless("check", "--json", "dev", "prod")
    answer = json.loads(done.stdout)
    dev, prod = answer["stacks"]
    assert (done.returncode, answer["passes"], dev["passes"], prod["passes"]) == (1, False, True, False)
    assert {each["rule"] for each in prod["violations"]} == {"protected-data"}
    (subnets,) = (
        each for each in prod["violations"] if each["name"] == "database-subnets" and "protected" in each["message"]
    )
    (rule,) = (rule for rule in RULES if rule.name == "protected-data")
    assert subnets == {
        "rule": "protected-data",
        "severity": "mandatory",
        "urn": "urn:pulumi:prod::plinth::plinth:index:Database$aws:rds/subnetGroup:SubnetGroup::database-subnets",
        "type": "aws:rds/subnetGroup:SubnetGroup",
        "name": "database-subnets",
        "message": UNPROTECTED,
        "remedy": rule.remedy,
    }


def test_an_unknown_stack_is_refused_before_any_is_checked(tmp_path: Path) -> None:
    done = Plinth(tmp_path)("check", "dev", "nope")
    known = ", ".join(stack_names())
    assert done.stderr == f"plinth: There is no stack named 'nope': choose one of {known}.\n"
    assert (done.returncode, done.stdout) == (2, "")
