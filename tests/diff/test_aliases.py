"""Which resources are the same ones: URNs, aliases in every form the SDK sends, and what children inherit."""

import json
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from tests.support.diffs import difference, snapshot
from tests.support.snapshots import between, entry, stack
from workbench.diff.aliases import matched
from workbench.diff.snapshot import Entry

_QUEUE = "aws:sqs/queue:Queue"
_URN = "urn:pulumi:test::plinth::"


def _named(urn: str) -> str:
    return urn.removeprefix(_URN)


def _former(before: list[Entry], after: list[Entry]) -> dict[str, str]:
    """By URN of the head, what its resources were; without the first two parts, and without those that stay."""
    found = matched(stack(*before), stack(*after)).former
    return {_named(new): _named(old) for new, old in found.items() if new != old}


def _spec(**what: Any) -> str:
    return json.dumps(what)


@pytest.mark.parametrize(
    ("alias", "sent"),
    [
        pytest.param(pulumi.Alias(name="jobs"), {"name": "jobs"}, id="a name"),
        pytest.param(pulumi.Alias(type_="aws:sqs/old:Old"), {"type": "aws:sqs/old:Old"}, id="a type"),
        pytest.param(pulumi.Alias(stack="old", project="older"), {"stack": "old", "project": "older"}, id="a stack"),
        pytest.param(pulumi.Alias(parent=None), {"noParent": True}, id="no parent"),
        pytest.param(pulumi.Alias(parent=f"{_URN}a:b:C::d"), {"parentUrn": f"{_URN}a:b:C::d"}, id="a parent"),
    ],
)
def test_the_sdk_sends_what_of_a_resource_has_changed(alias: pulumi.Alias, sent: dict[str, Any]) -> None:
    def program() -> None:
        aws.sqs.Queue("work", opts=pulumi.ResourceOptions(aliases=[alias]))

    (found,) = snapshot(program).entries[0].aliases
    assert {key: value for key, value in json.loads(found).items() if value} == sent


def test_the_sdk_sends_a_urn_as_it_is() -> None:
    def program() -> None:
        aws.sqs.Queue("work", opts=pulumi.ResourceOptions(aliases=[f"{_URN}{_QUEUE}::jobs"]))

    assert snapshot(program).entries[0].aliases == [f"{_URN}{_QUEUE}::jobs"]


def test_the_urn_comes_before_an_alias() -> None:
    jobs, work = entry(_QUEUE, "jobs"), entry(_QUEUE, "work", aliases=[_spec(name="jobs")])
    assert _former([jobs, entry(_QUEUE, "work")], [work]) == {}


def test_the_first_alias_that_was_there_is_taken() -> None:
    work = entry(_QUEUE, "work", aliases=[_spec(name="oldest"), _spec(name="older"), _spec(name="old")])
    assert _former([entry(_QUEUE, "old"), entry(_QUEUE, "older")], [work]) == {f"{_QUEUE}::work": f"{_QUEUE}::older"}


def test_an_alias_of_another_type_finds_that_type() -> None:
    work = entry(_QUEUE, "work", aliases=[_spec(name="jobs", type="aws:sqs/old:Old")])
    assert _former([entry("aws:sqs/old:Old", "jobs")], [work]) == {f"{_QUEUE}::work": "aws:sqs/old:Old::jobs"}


def test_an_alias_of_another_project_is_made_of_its_names() -> None:
    before = stack(entry(_QUEUE, "jobs"))
    other = "urn:pulumi:old::older::aws:sqs/queue:Queue::jobs"
    moved = stack(Entry(other, _QUEUE, "jobs", "", {}))
    work = stack(entry(_QUEUE, "jobs", aliases=[_spec(stack="old", project="older")]))
    assert matched(moved, work).former == {before.entries[0].urn: other}


def test_a_parent_of_before_gives_its_types() -> None:
    old, new = entry("test:index:Old", "old"), entry("test:index:New", "new")
    inner = entry("test:index:Inner", "inner", within=old)
    moved = entry(_QUEUE, "jobs", within=new, aliases=[_spec(parentUrn=inner.urn)])
    assert _former([old, inner, entry(_QUEUE, "jobs", within=inner)], [old, inner, new, moved]) == {
        f"test:index:New${_QUEUE}::jobs": f"test:index:Old$test:index:Inner${_QUEUE}::jobs"
    }


def test_a_parent_of_before_that_goes_by_another_type_now_gives_its_types_of_before() -> None:
    old, new = entry("test:index:Old", "old"), entry("test:index:Older", "old", aliases=[_spec(type="test:index:Old")])
    moved = entry(_QUEUE, "jobs", aliases=[_spec(parentUrn=new.urn)])
    assert _former([old, entry(_QUEUE, "jobs", within=old)], [new, moved]) == {
        "test:index:Older::old": "test:index:Old::old",
        f"{_QUEUE}::jobs": f"test:index:Old${_QUEUE}::jobs",
    }


def test_the_stack_as_a_parent_is_none() -> None:
    new = entry("test:index:New", "new")
    root = f"{_URN}pulumi:pulumi:Stack::plinth-test"
    for alias in (_spec(parentUrn=root), _spec(noParent=True)):
        moved = entry(_QUEUE, "jobs", within=new, aliases=[alias])
        assert _former([entry(_QUEUE, "jobs")], [new, moved]) == {f"test:index:New${_QUEUE}::jobs": f"{_QUEUE}::jobs"}


def test_children_of_a_renamed_component_follow_however_deep() -> None:
    def inside(outer: Entry) -> list[Entry]:
        inner = entry("test:index:Inner", f"{outer.name}-inner", within=outer)
        return [outer, inner, entry(_QUEUE, f"{inner.name}-queue", within=inner), entry(_QUEUE, "other", within=inner)]

    before = inside(entry("test:index:Outer", "jobs"))
    after = inside(entry("test:index:Outer", "work", aliases=[_spec(name="jobs")]))
    above = "test:index:Outer$test:index:Inner"
    assert _former(before, after) == {
        "test:index:Outer::work": "test:index:Outer::jobs",
        f"{above}::work-inner": f"{above}::jobs-inner",
        f"{above}${_QUEUE}::work-inner-queue": f"{above}${_QUEUE}::jobs-inner-queue",
    }


def test_a_childs_own_alias_is_also_one_in_the_component_of_before() -> None:
    old, new = (
        entry("test:index:Old", "jobs"),
        entry("test:index:New", "work", aliases=[_spec(type="test:index:Old", name="jobs")]),
    )
    child = entry(_QUEUE, "work-queue", within=new, aliases=[_spec(name="work-list")])
    assert _former([old, entry(_QUEUE, "jobs-list", within=old)], [new, child]) == {
        "test:index:New::work": "test:index:Old::jobs",
        f"test:index:New${_QUEUE}::work-queue": f"test:index:Old${_QUEUE}::jobs-list",
    }


def test_a_component_that_was_found_by_its_urn_hands_nothing_down() -> None:
    old = entry("test:index:Jobs", "jobs")
    same = entry("test:index:Jobs", "jobs", aliases=[_spec(name="older")])
    assert (
        _former([old, entry(_QUEUE, "older-queue", within=old)], [same, entry(_QUEUE, "jobs-queue", within=same)]) == {}
    )


def test_two_that_say_they_were_one_are_refused() -> None:
    work, tasks = (entry(_QUEUE, name, aliases=[_spec(name="jobs")]) for name in ("work", "tasks"))
    found = matched(stack(entry(_QUEUE, "jobs")), stack(work, tasks))
    assert found.former == {tasks.urn: f"{_URN}{_QUEUE}::jobs"}
    assert found.refusals == [
        (
            f"{_QUEUE} work says that it was {_URN}{_QUEUE}::jobs, which {_QUEUE} tasks is: "
            "Pulumi refuses that, so take the alias from one of them."
        )
    ]


def test_what_is_still_there_cannot_be_claimed() -> None:
    jobs = entry(_QUEUE, "jobs")
    work = entry(_QUEUE, "work", aliases=[_spec(name="jobs")])
    found = matched(stack(jobs), stack(jobs, work))
    assert found.former == {jobs.urn: jobs.urn}
    assert len(found.refusals) == 1


def test_a_name_with_colons_in_it_is_a_name() -> None:
    work = entry(_QUEUE, "a::b::new", aliases=[_spec(name="a::b::old")])
    assert _former([entry(_QUEUE, "a::b::old")], [work]) == {f"{_QUEUE}::a::b::new": f"{_QUEUE}::a::b::old"}


def test_an_alias_that_is_no_urn_finds_nothing() -> None:
    assert _former([entry(_QUEUE, "jobs")], [entry(_QUEUE, "work", aliases=["nothing", ""])]) == {}


def test_a_resource_that_is_renamed_keeps_its_place_in_the_diff() -> None:
    def before() -> None:
        aws.sqs.Queue("jobs")

    def after() -> None:
        aws.sqs.Queue("work", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="jobs")]))

    (change,) = difference(before, after).changes
    assert (change.action, change.former_urn, change.urn) == (
        "rename",
        f"{_URN}{_QUEUE}::jobs",
        f"{_URN}{_QUEUE}::work",
    )


@pytest.mark.parametrize("held", ["${{aws:sqs/queue:Queue::{}.url}}", "arn:aws:sqs:eu-central-1:111111111111:{}"])
def test_names_that_move_on_by_one_are_followed_once(held: str) -> None:
    old, new = entry("test:index:Old", "old"), entry("test:index:New", "new")
    urn = f"{_URN}test:index:Old${_QUEUE}::"
    before = [entry(_QUEUE, name, within=old) for name in ("a", "b")]
    after = [entry(_QUEUE, name, within=new, aliases=[f"{urn}{former}"]) for name, former in (("b", "a"), ("c", "b"))]

    def policy(queues: list[Entry]) -> Entry:
        inputs = {"policy": f"[{held.format(queues[0].name)}, {held.format(queues[1].name)}]"}
        return entry("aws:iam/rolePolicy:RolePolicy", "sends", inputs, dependencies=[queue.urn for queue in queues])

    diff = between([old, *before, policy(before)], [new, *after, policy(after)])
    assert [(change.action, change.name) for change in diff.changes if change.custom] == [
        ("rename", "b"),
        ("rename", "c"),
    ]


def test_a_name_is_followed_only_where_it_ends() -> None:
    before, after = entry(_QUEUE, "jobs"), entry(_QUEUE, "work", aliases=[_spec(name="jobs")])
    arn = "arn:aws:sqs:eu-central-1:111111111111:"
    texts = {
        "whole": (f"{arn}jobs", f"{arn}work"),
        "all of it": (f"{arn}jobs/*", f"{arn}work/*"),
        "two": (f"{arn}jobs,{arn}jobs", f"{arn}work,{arn}work"),
        "longer": (f"{arn}jobs-too", f"{arn}jobs-too"),
        "elsewhere": ("arn:aws:sqs:us-east-1:1:jobs", "arn:aws:sqs:us-east-1:1:jobs"),
        "token": (f"${{{_QUEUE}::jobs.url}}!", f"${{{_QUEUE}::work.url}}!"),
        "other token": (f"${{{_QUEUE}::jobs-too.url}}", f"${{{_QUEUE}::jobs-too.url}}"),
    }

    def tagged(queue: Entry, side: int) -> Entry:
        tags = {name: text[side] for name, text in texts.items()}
        return entry("aws:sns/topic:Topic", "alarms", {"tags": tags}, dependencies=[queue.urn])

    diff = between([before, tagged(before, 0)], [after, tagged(after, 1)])
    assert [(change.action, change.name) for change in diff.changes] == [("rename", "work")]
