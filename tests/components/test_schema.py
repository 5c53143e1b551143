"""The package's schema says all that a program in another language must know, and changes only on purpose."""

import copy
import json
from typing import Any

import pytest

from components.component import Component
from components.plugin import SCHEMA, Package, committed, components
from components.work_queue import WorkQueue
from tests.support.schemas import changes
from workbench.project import ROOT

COMPONENTS = components()
ANEW = "`python -m components schema` writes components/schema.json anew"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return json.loads(Package().schema or "")


def test_every_component_of_the_folder_is_in_the_package(schema: dict[str, Any]) -> None:
    declared = {
        line.removeprefix("class ").partition("(")[0]
        for path in (ROOT / "components").glob("*.py")
        for line in path.read_text().splitlines()
        if line.startswith("class ") and line.endswith(f"({Component.__name__}):")
    }
    assert WorkQueue.__name__ in declared
    assert sorted(schema["resources"]) == sorted(f"plinth:index:{name}" for name in declared)


def test_the_committed_schema_is_what_the_components_say(schema: dict[str, Any]) -> None:
    breaking, others = changes(json.loads(SCHEMA.read_text()), schema)
    assert breaking == [], f"These changes break programs that use the package. Where they are meant, {ANEW}."
    assert others == [], f"These changes break no program. {ANEW}."
    assert SCHEMA.read_text() == committed(), f"{ANEW}."


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_argument_and_output_is_described(schema: dict[str, Any], component: type) -> None:
    described = schema["resources"][f"plinth:index:{component.__name__}"]
    properties = {**described["inputProperties"], **described["properties"]}
    assert [name for name, each in properties.items() if not each.get("description")] == []
    assert all(section in described["description"] for section in ("Defaults:", "Cost:", "Security:"))


def test_every_key_of_the_shared_types_is_described(schema: dict[str, Any]) -> None:
    undescribed = [
        f"{name}.{key}"
        for name, each in schema["types"].items()
        for key, described in each["properties"].items()
        if not described.get("description")
    ]
    assert undescribed == []


def test_no_description_has_lines_that_would_be_shown_as_code(schema: dict[str, Any]) -> None:
    assert [line for line in str(schema).split("\\n") if line.startswith("    ")] == []


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_takes_adjustments_of_its_children(schema: dict[str, Any], component: type) -> None:
    adjust = schema["resources"][f"plinth:index:{component.__name__}"]["inputProperties"]["adjust"]
    assert adjust["description"].startswith("Inputs of children that are not as this component would have them")
    assert adjust["additionalProperties"]["additionalProperties"] == {"$ref": "pulumi.json#/Any", "plain": True}


def test_a_grant_is_taken_as_the_output_that_it_is_handed_out_as(schema: dict[str, Any]) -> None:
    reference = {"$ref": "#/types/plinth:index:Grant"}
    handed_out = schema["resources"]["plinth:index:WorkQueue"]["properties"]["grants"]
    taken = schema["resources"]["plinth:index:PythonFunction"]["inputProperties"]["grants"]
    assert (handed_out["type"], handed_out["additionalProperties"]) == ("object", reference)
    assert (taken["type"], taken["items"], "plain" in taken) == ("array", reference, False)


OLD = {
    "resources": {
        "plinth:index:Queue": {
            "description": "A queue.",
            "inputProperties": {
                "size": {"type": "integer", "plain": True, "description": "Its size."},
                "grants": {"type": "array", "items": {"$ref": "#/types/plinth:index:Grant"}},
            },
            "requiredInputs": ["size"],
            "properties": {"url": {"type": "string"}},
            "required": ["url"],
        }
    },
    "types": {"plinth:index:Grant": {"properties": {"port": {"type": "integer"}}}},
}


def queue(schema: Any) -> Any:
    return schema["resources"]["plinth:index:Queue"]


@pytest.mark.parametrize(
    ("change", "breaking", "others"),
    [
        (lambda _: None, [], []),
        (lambda new: new["resources"].clear(), ["plinth:index:Queue is gone"], []),
        (lambda new: new["types"].clear(), ["plinth:index:Grant is gone"], []),
        (lambda new: new["types"].update({"plinth:index:Way": {}}), [], ["plinth:index:Way is new"]),
        (lambda new: queue(new)["properties"].clear(), ["plinth:index:Queue.url is gone"], []),
        (lambda new: queue(new)["inputProperties"].pop("grants"), ["plinth:index:Queue.grants is gone"], []),
        (
            lambda new: queue(new)["inputProperties"].update(colour={"type": "string"}),
            [],
            ["plinth:index:Queue.colour is new"],
        ),
        (
            lambda new: (
                queue(new)["inputProperties"].update(colour={"type": "string"}),
                queue(new).update(requiredInputs=["colour", "size"]),
            ),
            ["plinth:index:Queue.colour is required"],
            ["plinth:index:Queue.colour is new"],
        ),
        (
            lambda new: queue(new).update(requiredInputs=["size", "grants"]),
            ["plinth:index:Queue.grants is required"],
            [],
        ),
        (lambda new: queue(new).update(requiredInputs=[]), [], []),
        (lambda new: queue(new).update(required=[]), ["plinth:index:Queue.url may be absent"], []),
        (
            lambda new: queue(new)["inputProperties"]["size"].update(type="string"),
            ["plinth:index:Queue.size is string and was integer"],
            [],
        ),
        (
            lambda new: queue(new)["inputProperties"]["grants"].update(items={"type": "string"}),
            ["plinth:index:Queue.grants is array of string and was array of #/types/plinth:index:Grant"],
            [],
        ),
        (
            lambda new: queue(new)["inputProperties"]["size"].pop("plain"),
            [],
            ["plinth:index:Queue.size takes an output, too"],
        ),
        (
            lambda new: queue(new)["inputProperties"]["grants"].update(plain=True),
            ["plinth:index:Queue.grants takes no output any more"],
            [],
        ),
        (
            lambda new: new["types"]["plinth:index:Grant"].update(required=["port"]),
            ["plinth:index:Grant.port is required"],
            [],
        ),
        (
            lambda new: queue(new)["inputProperties"]["size"].update(description="How large it is."),
            [],
            ["plinth:index:Queue.size is described otherwise"],
        ),
    ],
)
def test_a_change_that_breaks_programs_is_told_from_one_that_does_not(
    change: Any, breaking: list[str], others: list[str]
) -> None:
    new = copy.deepcopy(OLD)
    change(new)
    assert changes(OLD, new) == (breaking, others)
