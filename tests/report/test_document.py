"""The JSON of a difference: what programs read."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings

from tests.support.any_diffs import diffs
from tests.support.example_diffs import eventful, examples, harmless, unchanged
from workbench.diff.model import Diff
from workbench.report.document import document


def test_one_change_is_told_whole() -> None:
    assert document(harmless()) == {
        "format": 1,
        "verdict": "Changes in dev, none known to put data at risk or to open access.",
        "base": {"label": "origin/main", "commit": "4f1c2d3e5a6b7c8d9e0f1a2b3c4d5e6f7a8b9c0d"},
        "head": {"label": "the working tree", "commit": None},
        "stacks": [
            {
                "stack": "dev",
                "status": "changed",
                "counts": {"create": 0, "update": 1, "replace": 0, "delete": 0, "rename": 0},
                "risks": [],
                "statements": [],
                "rules": [],
                "cost": None,
                "changes": [
                    {
                        "action": "update",
                        "certain": True,
                        "urn": "urn:pulumi:prod::plinth::plinth:index:WorkQueue$aws:sqs/queue:Queue::runs",
                        "type": "aws:sqs/queue:Queue",
                        "name": "runs",
                        "components": ["runs"],
                        "former_urn": None,
                        "properties": [
                            {
                                "path": ["visibilityTimeoutSeconds"],
                                "label": "visibilityTimeoutSeconds",
                                "before": 180,
                                "after": 240,
                                "forces": "no",
                                "source": "",
                            }
                        ],
                        "options": [],
                        "code": [],
                        "because_of": [],
                        "protected": False,
                        "retained": False,
                        "custom": True,
                    }
                ],
                "outputs": [],
                "hints": [],
            },
            document(unchanged())["stacks"][1],
        ],
        "notes": [],
    }


def test_a_risk_is_found_where_one_looks() -> None:
    found = [risk for stack in document(eventful())["stacks"] for risk in stack["risks"]]
    assert [(risk["kind"], risk["rule"], risk["name"]) for risk in found] == [
        ("data-loss", "replaced", "database"),
        ("data-loss", "deleted", "runs-dead-letters"),
        ("data-loss", "protection-removed", "database"),
        ("access", "iam-widened", "worker"),
        ("access", "open-to-the-world", "database-from-anywhere"),
    ]


def test_what_is_not_there_has_no_value() -> None:
    properties = [
        each
        for change in document(eventful())["stacks"][1]["changes"]
        if change["name"] == "worker"
        for each in change["properties"]
    ]
    assert [(each.get("before", "none"), each.get("after", "none")) for each in properties] == [
        ("none", "sqs:*"),
        ("sqs:SendMessage", "none"),
        ("arn:aws:sqs:eu-central-1:123456789012:runs", "*"),
    ]


def test_what_stands_in_the_way_is_told() -> None:
    changes = document(eventful())["stacks"][1]["changes"]
    assert [change["name"] for change in changes if change["protected"]] == ["database"]
    assert [change["name"] for change in changes if change["retained"]] == ["database-0"]


def test_code_is_told_by_files_and_packages() -> None:
    [code] = next(change for change in document(eventful())["stacks"][1]["changes"] if change["code"])["code"]
    assert code == {
        "path": ["code"],
        "added": ["service/items/export.py"],
        "changed": ["service/items/router.py", "service/main.py"],
        "removed": ["service/items/legacy.py"],
        "packages": {
            "fastapi": {"before": "0.115.0", "after": "0.116.1"},
            "orjson": {"before": None, "after": "3.11.0"},
            "ujson": {"before": "5.10.0", "after": None},
        },
        "unknown": False,
        "forces": "no",
        "source": "",
    }


def test_the_documentation_names_every_field_and_no_other() -> None:
    said = set(re.findall(r"`([a-z_]+)(?:\[\])?`", document.__doc__ or ""))
    values = {"unchanged", "changed", "added", "removed", "access", "in", "out", "no", "may", "yes"}
    actions = {"create", "update", "replace", "delete", "rename"}
    assert said - values - actions == _fields(document(eventful())) - values - actions


def _fields(item: Any) -> set[str]:
    match item:
        case dict():
            inside = {field for key, each in item.items() if key != "packages" for field in _fields(each)}
            return {*item, *inside} if all(re.fullmatch("[a-z_]+", key) for key in item) else inside
        case list():
            return {field for each in item for field in _fields(each)}
        case _:
            return set()


@pytest.mark.parametrize("name", examples())
def test_every_example_is_json(name: str) -> None:
    found = document(examples()[name])
    assert json.loads(json.dumps(found, allow_nan=False, ensure_ascii=False).encode()) == found


@settings(max_examples=100, deadline=None)
@given(diffs)
def test_any_difference_is_json(diff: Diff) -> None:
    found = document(diff)
    assert json.loads(json.dumps(found, allow_nan=False, ensure_ascii=False).encode()) == found
