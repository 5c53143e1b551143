"""A whole stack against another: what is classified as what, in which order, and what it says of itself."""

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.support.snapshots import between, entry, stack
from workbench.diff import properties
from workbench.diff.compare import compared
from workbench.diff.model import ABSENT, Action, Forces, PropertyChange, ResourceChange, RiskKind, Status
from workbench.diff.snapshot import Code, Entry, Hidden, Snapshot

_QUEUE, _GROUP, _PARAMETER = "aws:sqs/queue:Queue", "aws:cloudwatch/logGroup:LogGroup", "aws:ssm/parameter:Parameter"


def test_a_resource_that_is_created_has_all_its_inputs_added() -> None:
    queue = entry(_QUEUE, "jobs", {"tags": {"a": "b"}, "delaySeconds": 1, "none": None, "key": Hidden("1")})
    (change,) = between([], [queue]).changes
    assert change == ResourceChange(
        action=Action.CREATE,
        urn=queue.urn,
        type=_QUEUE,
        name="jobs",
        component=[],
        properties=[
            PropertyChange(("delaySeconds",), ABSENT, 1),
            PropertyChange(("key",), ABSENT, Hidden("1")),
            PropertyChange(("tags",), ABSENT, {"a": "b"}),
        ],
    )


def test_a_resource_that_is_deleted_has_all_its_inputs_removed_and_its_options_told() -> None:
    queue = entry(_QUEUE, "jobs", {"delaySeconds": 1}, protect=True, retain_on_delete=True)
    (change,) = between([queue], []).changes
    assert change == ResourceChange(
        action=Action.DELETE,
        urn=queue.urn,
        type=_QUEUE,
        name="jobs",
        component=[],
        properties=[PropertyChange(("delaySeconds",), 1, ABSENT)],
        protected=True,
        retained=True,
    )


def test_what_pulumi_keeps_from_being_deleted_is_told_as_it_was_in_the_base() -> None:
    before = entry(_QUEUE, "jobs", protect=True)
    after = entry(_QUEUE, "jobs", retain_on_delete=True)
    (change,) = between([before], [after]).changes
    assert change.action is Action.UPDATE
    assert change.options == [
        PropertyChange(("protect",), before=True, after=False),
        PropertyChange(("retain_on_delete",), before=False, after=True),
    ]
    assert (change.protected, change.retained, change.properties) == (False, False, [])


def test_a_change_names_the_components_it_is_in() -> None:
    outer = entry("test:index:Outer", "outer")
    inner = entry("test:index:Inner", "inner", within=outer)
    changes = between([outer], [outer, inner, entry(_QUEUE, "jobs", within=inner)]).changes
    assert [(change.name, change.component, change.custom) for change in changes] == [
        ("jobs", ["outer", "inner"], True),
        ("inner", ["outer"], False),
    ]


def test_deletions_come_first_then_replacements_and_the_rest_by_urn() -> None:
    before = [
        entry(_QUEUE, "z-goes"),
        entry(_QUEUE, "a-goes"),
        entry(_QUEUE, "changes", {"delaySeconds": 1}),
        entry(_QUEUE, "y-anew", {"fifoQueue": False}),
        entry("aws:nothing/known:Known", "b-perhaps", {"setting": 1}),
        entry(_QUEUE, "was"),
    ]
    after = [
        entry(_QUEUE, "changes", {"delaySeconds": 2}),
        entry(_QUEUE, "y-anew", {"fifoQueue": True}),
        entry("aws:nothing/known:Known", "b-perhaps", {"setting": 2}),
        entry(_QUEUE, "comes"),
        entry(_QUEUE, "is", aliases=[json.dumps({"name": "was"})]),
    ]
    assert [(change.action.value, change.name, change.certain) for change in between(before, after).changes] == [
        ("delete", "a-goes", True),
        ("delete", "z-goes", True),
        ("replace", "b-perhaps", False),
        ("replace", "y-anew", True),
        ("update", "changes", True),
        ("create", "comes", True),
        ("rename", "is", True),
    ]


def test_one_property_that_forces_it_makes_a_replacement_certain() -> None:
    unknown = "aws:nothing/known:Known"
    before = entry(unknown, "jobs", {"setting": 1, "tags": {"a": "b"}})
    after = entry(unknown, "jobs", {"setting": 2, "tags": {"a": "c"}})
    (change,) = between([before], [after]).changes
    assert (change.action, change.certain) == (Action.REPLACE, False)
    assert [(each.label, each.forces) for each in change.properties] == [("setting", Forces.MAY), ("tags.a", Forces.NO)]
    moved = replace(after, inputs={**after.inputs, "region": "eu-west-1"})
    (change,) = between([before], [moved]).changes
    assert (change.action, change.certain) == (Action.REPLACE, True)
    assert [(each.label, each.source) for each in change.properties if each.forces is Forces.YES] == [
        ("region", "nothing on AWS moves to another region")
    ]


def test_new_code_may_replace_what_holds_it() -> None:
    before, after = (
        [
            entry("aws:lambda/layerVersion:LayerVersion", "layer", {"code": Code(digest)}),
            entry("aws:lambda/function:Function", "function", {"code": Code(digest)}),
        ]
        for digest in "12"
    )
    found = {change.name: change for change in between(before, after).changes}
    assert {name: change.action.value for name, change in found.items()} == {"layer": "replace", "function": "update"}
    assert [(each.path, each.forces) for each in found["layer"].code] == [(("code",), Forces.YES)]


def test_a_component_is_updated_however_it_changes() -> None:
    before, after = (entry("test:index:Jobs", "jobs", {"name": name}) for name in "ab")
    (change,) = between([before], [after]).changes
    assert (change.action, change.custom) == (Action.UPDATE, False)
    assert [each.forces for each in change.properties] == [Forces.NO]


def test_a_stack_that_is_new_is_added_with_all_that_is_in_it() -> None:
    diff = compared("test", None, stack(entry(_QUEUE, "jobs"), outputs={"url": "a"}))
    assert (diff.stack, diff.status, diff.base) == ("test", Status.ADDED, None)
    assert [change.action for change in diff.changes] == [Action.CREATE]
    assert diff.outputs == [PropertyChange(("url",), after="a")]


def test_a_stack_that_goes_is_removed_with_all_that_is_in_it() -> None:
    diff = compared("test", stack(entry(_QUEUE, "jobs"), outputs={"url": "a"}), None)
    assert (diff.status, diff.head) == (Status.REMOVED, None)
    assert [change.action for change in diff.changes] == [Action.DELETE]
    assert diff.outputs == [PropertyChange(("url",), before="a")]


def test_a_stack_without_a_difference_is_unchanged() -> None:
    one = stack(entry(_QUEUE, "jobs", {"tags": {"key": Hidden("1")}}), outputs={"key": Hidden("1")})
    diff = compared("test", one, stack(*one.entries, outputs={"key": Hidden("1")}))
    assert (diff.status, diff.changes, diff.outputs, diff.risks, diff.hints) == (Status.UNCHANGED, [], [], [], [])


def test_a_stack_of_which_only_an_output_differs_is_changed() -> None:
    diff = compared("test", stack(outputs={"url": "a"}), stack(outputs={"url": "b"}))
    assert (diff.status, diff.changes) == (Status.CHANGED, [])
    assert diff.outputs == [PropertyChange(("url",), "a", "b")]


def test_two_stacks_that_are_not_there_are_the_same() -> None:
    assert compared("test", None, None).status is Status.UNCHANGED


def test_risks_to_data_come_before_those_of_access() -> None:
    policy = {
        "role": "jobs",
        "policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}),
    }
    diff = between([entry("aws:s3/bucket:Bucket", "data")], [entry("aws:iam/rolePolicy:RolePolicy", "all", policy)])
    assert [risk.kind for risk in diff.risks] == [RiskKind.DATA_LOSS, RiskKind.ACCESS]
    assert [statement.added for statement in diff.statements] == [True]


def test_nothing_moves_to_another_region() -> None:
    entries = [
        entry(_GROUP, "logs", {"name": "logs"}),
        entry("aws:iam/role:Role", "role", {"name": "role"}),
        entry(_QUEUE, "elsewhere", {"region": "us-east-1"}),
        entry("test:index:Jobs", "jobs"),
    ]
    diff = compared("test", stack(*entries), stack(*entries, region="eu-west-1"))
    assert [(change.action, change.name) for change in diff.changes] == [(Action.REPLACE, "logs")]
    assert [(e.path, e.before, e.after) for e in diff.changes[0].properties] == [
        (("region",), "eu-central-1", "eu-west-1")
    ]


def test_users_of_a_renamed_resource_do_not_change() -> None:
    def program(name: str, **more: Any) -> list[Entry]:
        topic = entry("aws:sns/topic:Topic", name, {"fifoTopic": False}, **more)
        arn = f"arn:aws:sns:eu-central-1:111111111111:{name}"
        other = "arn:aws:sqs:eu-central-1:111111111111:" + name
        tags = {"id": f"${{aws:sns/topic:Topic::{name}.id}}", "arns": f"{arn}, {arn}-more", "other": "x"}
        return [topic, entry(_QUEUE, "user", {"tags": tags, "other": other}, dependencies=[topic.urn])]

    diff = between(program("old"), program("new", aliases=[json.dumps({"name": "old"})]))
    found = {change.name: [each.label for each in change.properties] for change in diff.changes}
    assert found == {"new": [], "user": ["other", "tags.arns"]}
    arns = next(each for change in diff.changes for each in change.properties if each.label == "tags.arns")
    assert arns.before == "arn:aws:sns:eu-central-1:111111111111:new, arn:aws:sns:eu-central-1:111111111111:old-more"


def test_a_renamed_resource_that_gets_another_name_on_aws_too_changes_its_users() -> None:
    def program(name: str, **more: Any) -> list[Entry]:
        topic = entry("aws:sns/topic:Topic", name, {"name": name}, **more)
        tags = {"arn": f"arn:aws:sns:eu-central-1:111111111111:{name}"}
        return [topic, entry(_QUEUE, "user", {"tags": tags}, dependencies=[topic.urn])]

    diff = between(program("old"), program("new", aliases=[json.dumps({"name": "old"})]))
    assert {change.name: [each.label for each in change.properties] for change in diff.changes} == {
        "new": ["name"],
        "user": ["tags.arn"],
    }
    (arn,) = next(change.properties for change in diff.changes if change.name == "user")
    assert (arn.before, arn.after) == (
        "arn:aws:sns:eu-central-1:111111111111:old",
        "arn:aws:sns:eu-central-1:111111111111:new",
    )


def test_outputs_that_are_made_of_a_renamed_resource_stay() -> None:
    old, new = entry(_QUEUE, "old"), entry(_QUEUE, "new", aliases=[json.dumps({"name": "old"})])
    before = stack(old, outputs={"url": "${aws:sqs/queue:Queue::old.url}"})
    assert compared("test", before, stack(new, outputs={"url": "${aws:sqs/queue:Queue::new.url}"})).outputs == []


def test_what_a_comparison_looks_at_grows_with_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    original = properties._value  # pyright: ignore[reportPrivateUsage]

    def counting(*given: Any) -> Any:
        nonlocal looked
        looked += 1
        return original(*given)

    monkeypatch.setattr(properties, "_value", counting)
    before, after = _large(range(5_000)), _large(range(5_000), changed=1_000)
    diff = compared("test", before, after)
    assert diff.counts()[Action.UPDATE] == 1_000
    assert looked <= 5_000 * 5


def _large(numbers: range, changed: int = 0) -> Snapshot:
    component = entry("test:index:Jobs", "jobs")
    queues = [
        entry(
            _QUEUE,
            f"queue-{number:05}",
            {"delaySeconds": int(number < changed), "tags": {"a": "b", "c": "d"}},
            within=component,
            dependencies=[component.urn],
        )
        for number in numbers
    ]
    return stack(component, *queues)


def test_a_snapshot_is_not_changed_by_comparing() -> None:
    before, after = _large(range(3)), _large(range(3), changed=2)
    ignoring = replace(after, entries=[replace(each, ignore_changes=["tags.a"]) for each in after.entries])
    given = repr((before, ignoring))
    compared("test", before, ignoring)
    assert repr((before, ignoring)) == given
