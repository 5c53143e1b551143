"""Who joins a security group, takes a role or joins a group of users may do what comes with it, and that is said."""

from dataclasses import replace
from typing import Any

import pytest

from tests.support.access import GROUP, ROLE, allow, opened, renamed, risk_lines, role_with
from tests.support.evaluation import stack_manifest
from tests.support.snapshots import entry, stack
from workbench.diff.access import access
from workbench.diff.snapshot import Entry, Hidden, snapshot_of

_FUNCTION = "aws:lambda/function:Function"
_PROFILE = "aws:iam/instanceProfile:InstanceProfile"
_INSTANCE = "aws:ec2/instance:Instance"

_REACHES = "it reaches and is reached by all that what is in there may"


def _id(name: str) -> str:
    return f"${{{GROUP}::{name}.id}}"


def _function(*groups: Any, name: str = "worker", **inputs: Any) -> Entry:
    vpc = {"vpcConfig": {"securityGroupIds": [*groups], "subnetIds": ["a"]}} if groups else {}
    return entry(_FUNCTION, name, {**vpc, **inputs})


_GROUPS = [entry(GROUP, "database"), entry(GROUP, "workers")]


def test_a_function_that_joins_the_group_of_the_database_is_said() -> None:
    found = opened([*_GROUPS, _function(_id("workers"))], [*_GROUPS, _function(_id("workers"), _id("database"))])
    assert risk_lines(found) == [f"network-widened worker: worker is now in the security group database: {_REACHES}."]


def test_a_new_function_in_a_group_that_is_there_is_said() -> None:
    found = opened(_GROUPS, [*_GROUPS, _function(_id("workers"), _id("database"))])
    assert risk_lines(found) == [
        f"network-widened worker: The new function worker is in the security group database and workers: {_REACHES}."
    ]


@pytest.mark.parametrize("where", ["securityGroupIds", "securityGroups", "vpcSecurityGroupIds"])
def test_groups_are_found_under_each_name_that_aws_has_for_them(where: str) -> None:
    for inputs in ({where: [_id("database")]}, {"networkConfiguration": [{where: [_id("database")]}]}):
        found = opened([*_GROUPS, entry("aws:x/y:Y", "y")], [*_GROUPS, entry("aws:x/y:Y", "y", inputs)])
        assert risk_lines(found) == [f"network-widened y: y is now in the security group database: {_REACHES}."]


def test_a_group_of_nobody_here_is_said_by_its_id() -> None:
    found = opened([_function()], [_function("sg-0123456789abcdef0")])
    assert risk_lines(found) == [
        f"network-widened worker: worker is now in the security group sg-0123456789abcdef0: {_REACHES}."
    ]


def test_leaving_a_group_a_new_group_and_a_group_renamed_open_nothing() -> None:
    both, one = _function(_id("workers"), _id("database")), _function(_id("workers"))
    assert risk_lines(opened([*_GROUPS, both], [*_GROUPS, one])) == []
    assert risk_lines(opened([_function()], [entry(GROUP, "new"), _function(_id("new"))])) == []
    former, now = entry(GROUP, "old"), entry(GROUP, "new")
    changes = [renamed(GROUP, "old", "new")]
    assert risk_lines(opened([former, _function(_id("old"))], [now, _function(_id("new"))], changes)) == []


def test_a_rule_that_names_a_group_is_no_member_of_it() -> None:
    opens = {"fromPort": 1, "toPort": 1, "protocol": "tcp", "securityGroups": [_id("workers")]}
    found = opened(_GROUPS, [entry(GROUP, "database", {"ingress": [opens]}), _GROUPS[1]])
    assert risk_lines(found) == ["network-widened database: database now lets in tcp 1 from workers."]


def test_a_group_that_is_secret_is_said_once_it_is_another() -> None:
    one, other = _function(Hidden("1")), _function(Hidden("2"))
    assert risk_lines(opened([one], [one])) == []
    (line,) = risk_lines(opened([one], [other]))
    assert line == f"network-widened worker: worker is now in the security group [secret]: {_REACHES}."


def test_a_function_that_takes_the_role_of_another_one_is_said() -> None:
    roles = [*role_with(allow("sqs:*", "arn:aws:sqs:::a"), name="admin"), *role_with(name="worker-role")]
    arn = "arn:aws:iam::111111111111:role/plinth-{}".format
    found = opened(
        [*roles, _function(role=arn("worker-role"))],
        [*roles, _function(role=arn("admin")), _function(name="new", role=arn("admin"))],
    )
    assert risk_lines(found) == [
        "iam-widened new: The new function new is acting as the role admin, and may do all that the role may.",
        "iam-widened worker: worker is now acting as the role admin, and may do all that the role may.",
    ]


def test_a_function_with_a_role_of_its_own_is_said_once_by_what_the_role_may() -> None:
    role = role_with(allow("sqs:SendMessage", "arn:aws:sqs:::a"))
    found = opened([], [*role, _function(name="new", role="arn:aws:iam::111111111111:role/plinth-worker")])
    assert risk_lines(found) == ["iam-widened worker: The new role worker may sqs:SendMessage on a."]


def test_an_instance_that_gets_another_profile_is_said() -> None:
    profiles = [entry(_PROFILE, "admin", {"name": "admin"})]
    template = {"iamInstanceProfile": {"name": "admin"}}
    before = [entry(_INSTANCE, "vm"), entry("aws:ec2/launchTemplate:LaunchTemplate", "many")]
    after = [
        entry(_INSTANCE, "vm", {"iamInstanceProfile": "admin"}),
        entry("aws:ec2/launchTemplate:LaunchTemplate", "many", template),
    ]
    assert risk_lines(opened([*profiles, *before], [*profiles, *after])) == [
        "iam-widened vm: vm is now started with the profile admin, and may do all that its role may.",
        "iam-widened many: many is now started with the profile admin, and may do all that its role may.",
    ]


def test_a_profile_that_gets_another_role_is_said() -> None:
    roles = [entry(ROLE, "admin", {"name": "admin"}), entry(ROLE, "web", {"name": "web"})]
    found = opened([*roles, entry(_PROFILE, "p", {"role": "web"})], [*roles, entry(_PROFILE, "p", {"role": "admin"})])
    assert risk_lines(found) == ["iam-widened p: p is now acting as the role admin, and may do all that the role may."]


def test_a_tag_is_no_role() -> None:
    tagged = {"tags": {"role": "web"}, "environment": {"variables": {"role": "web"}}}
    assert risk_lines(opened([_function()], [_function(**tagged)])) == []


@pytest.mark.parametrize(
    ("type_", "inputs"),
    [
        ("aws:iam/userGroupMembership:UserGroupMembership", {"user": "ada", "groups": ["admins"]}),
        ("aws:iam/groupMembership:GroupMembership", {"group": "admins", "users": ["ada"]}),
    ],
)
def test_a_user_who_joins_a_group_is_said(type_: str, inputs: dict[str, Any]) -> None:
    there = [entry("aws:iam/group:Group", "admins"), entry("aws:iam/user:User", "ada")]
    assert risk_lines(opened(there, [*there, entry(type_, "joins", inputs)])) == [
        "iam-widened joins: ada is now in the group admins, and may do all that the group may."
    ]


def test_an_interface_that_is_put_into_a_group_is_said() -> None:
    type_ = "aws:ec2/networkInterfaceSecurityGroupAttachment:NetworkInterfaceSecurityGroupAttachment"
    joins = entry(type_, "joins", {"networkInterfaceId": "eni-1", "securityGroupId": _id("database")})
    assert risk_lines(opened(_GROUPS, [*_GROUPS, joins])) == [
        f"network-widened joins: eni-1 is now in the security group database: {_REACHES}."
    ]


def test_a_function_of_the_house_that_takes_another_ones_role_is_said() -> None:
    whole = snapshot_of(stack_manifest("dev"), "eu-central-1", b"key")
    functions = {each.name: each for each in whole.entries if each.type == _FUNCTION}
    assert {"worker", "api"} <= {*functions}
    api, worker = functions["api"], functions["worker"]
    made_of = {**api.property_dependencies, "role": worker.property_dependencies["role"]}
    taken = replace(api, inputs={**api.inputs, "role": worker.inputs["role"]}, property_dependencies=made_of)
    head = stack(*(taken if each is api else each for each in whole.entries))
    (line,) = risk_lines(access([], whole, head))
    assert line.startswith("iam-widened api: api is now acting as the role worker")
