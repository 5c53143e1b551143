"""What follows from a replacement: ids that change, and what is made of them, to the end of the chain."""

import json
from typing import Any

import pytest

from tests.support.snapshots import between, entry, stack
from workbench.diff.compare import compared
from workbench.diff.model import Forces, PropertyChange, ResourceChange, StackDiff
from workbench.diff.snapshot import Code, Entry, Hidden

_VPC, _SUBNET, _GROUP = "aws:ec2/vpc:Vpc", "aws:ec2/subnet:Subnet", "aws:ec2/securityGroup:SecurityGroup"
_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
_QUEUE, _ALARM = "aws:sqs/queue:Queue", "aws:cloudwatch/metricAlarm:MetricAlarm"
_ROLE, _ROLE_POLICY, _TOPIC = "aws:iam/role:Role", "aws:iam/rolePolicy:RolePolicy", "aws:sns/topic:Topic"


def _token(of: Entry, output: str) -> str:
    return f"${{{of.type}::{of.name}.{output}}}"


def _happens(diff: StackDiff) -> dict[str, str]:
    return {change.name: _line(change) for change in diff.changes if change.custom}


def _line(change: ResourceChange) -> str:
    action = change.action if change.certain else f"{change.action}?"
    return " ".join([action, *(each.label for each in change.properties)])


def _vpc(cidr: str) -> Entry:
    return entry(_VPC, "vpc", {"cidrBlock": cidr})


def _in(vpc: Entry, name: str = "subnet", **more: Any) -> Entry:
    return entry(_SUBNET, name, {"vpcId": _token(vpc, "id")}, dependencies=[vpc.urn], **more)


def test_what_holds_the_id_of_a_replaced_resource_says_so() -> None:
    old, new = _vpc("10.0.0.0/16"), _vpc("10.1.0.0/16")
    subnet = _in(new)
    found = {change.name: change for change in between([old, subnet], [new, subnet]).changes}["subnet"]
    (held,) = found.properties
    assert (held.path, held.before, held.after) == (
        ("vpcId",),
        "${aws:ec2/vpc:Vpc::vpc.id}",
        "${aws:ec2/vpc:Vpc::vpc.id}",
    )
    assert held.forces is Forces.YES
    assert held.source.startswith("its value comes from aws:ec2/vpc:Vpc vpc, which is replaced; ")
    assert found.because_of == [new.urn]


def test_replacements_go_down_the_chain() -> None:
    def network(cidr: str) -> list[Entry]:
        vpc = _vpc(cidr)
        subnet = _in(vpc)
        table = entry("aws:ec2/routeTable:RouteTable", "table", {"vpcId": _token(vpc, "id")}, dependencies=[vpc.urn])
        inputs = {"subnetId": _token(subnet, "id"), "routeTableId": _token(table, "id")}
        both = entry("aws:ec2/routeTableAssociation:RouteTableAssociation", "both", inputs)
        uses = {"subnetId": [subnet.urn], "routeTableId": [table.urn]}
        return [vpc, subnet, table, entry(both.type, "both", inputs, property_dependencies=uses)]

    diff = between(network("10.0.0.0/16"), network("10.1.0.0/16"))
    assert _happens(diff) == {
        "table": "replace vpcId",
        "both": "replace routeTableId subnetId",
        "subnet": "replace vpcId",
        "vpc": "replace cidrBlock",
    }
    assert {change.name: len(change.because_of) for change in diff.changes} == {
        "table": 1,
        "both": 2,
        "subnet": 1,
        "vpc": 0,
    }


def test_a_circle_ends() -> None:
    def pair(cidr: str) -> list[Entry]:
        one, other = entry(_SUBNET, "one"), entry(_SUBNET, "other")
        return [
            entry(_SUBNET, "one", {"vpcId": _token(other, "id"), "cidrBlock": cidr}, dependencies=[other.urn]),
            entry(_SUBNET, "other", {"vpcId": _token(one, "id")}, dependencies=[one.urn]),
        ]

    assert _happens(between(pair("10.0.0.0/24"), pair("10.1.0.0/24"))) == {
        "one": "replace cidrBlock vpcId",
        "other": "replace vpcId",
    }


def test_a_resource_that_holds_its_own_id_is_no_cause_of_itself() -> None:
    def group(description: str) -> Entry:
        itself = entry(_GROUP, "group")
        inputs = {"description": description, "tags": {"own": _token(itself, "id")}}
        return entry(_GROUP, "group", inputs, dependencies=[itself.urn])

    assert _happens(between([group("a")], [group("b")])) == {"group": "replace description"}


def test_what_only_may_be_replaced_makes_nothing_certain() -> None:
    one, two = (entry("aws:nothing/known:Known", "unknown", {"setting": value}) for value in "ab")
    subnet = _in(two)
    diff = between([one, subnet], [two, subnet])
    assert _happens(diff) == {"unknown": "replace? setting", "subnet": "replace? vpcId"}
    held = diff.changes[1 - [change.name for change in diff.changes].index("unknown")].properties[0]
    assert held.forces is Forces.MAY
    assert held.source.startswith("its value comes from aws:nothing/known:Known unknown, which may be replaced")


def test_a_certain_cause_is_not_weakened_by_an_uncertain_one() -> None:
    unknown = [entry("aws:nothing/known:Known", "a-unknown", {"setting": value}) for value in "ab"]
    vpcs = [_vpc("10.0.0.0/16"), _vpc("10.1.0.0/16")]
    subnet = entry(
        _SUBNET,
        "subnet",
        {"vpcId": f"{_token(unknown[1], 'id')} {_token(vpcs[1], 'id')}"},
        dependencies=[unknown[1].urn, vpcs[1].urn],
    )
    diff = between([unknown[0], vpcs[0], subnet], [unknown[1], vpcs[1], subnet])
    assert _happens(diff) == {"a-unknown": "replace? setting", "subnet": "replace vpcId", "vpc": "replace cidrBlock"}


@pytest.mark.parametrize("unheard_of", ["aws:a/known:Known", "aws:z/known:Known"])
def test_what_is_certain_stays_so_down_the_chain(unheard_of: str) -> None:
    def chain(setting: str, cidr: str) -> list[Entry]:
        unknown, vpc = entry(unheard_of, "unknown", {"setting": setting}), _vpc(cidr)
        both = {"vpcId": f"{_token(unknown, 'id')} {_token(vpc, 'id')}"}
        group = entry(_GROUP, "group", both, dependencies=[unknown.urn, vpc.urn])
        rule = {"securityGroupId": _token(group, "id")}
        return [unknown, vpc, group, entry(_RULE, "rule", rule, dependencies=[group.urn])]

    assert _happens(between(chain("a", "10.0.0.0/16"), chain("b", "10.1.0.0/16"))) == {
        "unknown": "replace? setting",
        "vpc": "replace cidrBlock",
        "group": "replace vpcId",
        "rule": "replace securityGroupId",
    }


def test_what_can_be_changed_in_place_is_updated_and_goes_no_further() -> None:
    def alarmed(*, fifo: bool) -> list[Entry]:
        queue = entry(_QUEUE, "jobs", {"fifoQueue": fifo})
        alarm = entry(
            _ALARM, "age", {"name": "age", "dimensions": {"QueueName": _token(queue, "name")}}, dependencies=[queue.urn]
        )
        above = entry(
            _ALARM, "above", {"name": "above", "alarmActions": [_token(alarm, "id")]}, dependencies=[alarm.urn]
        )
        return [queue, alarm, above]

    assert _happens(between(alarmed(fifo=False), alarmed(fifo=True))) == {
        "jobs": "replace fifoQueue",
        "age": "update dimensions.QueueName",
    }


def test_a_name_that_stays_keeps_everything_that_is_made_of_it() -> None:
    def named(*, fifo: bool, name: str) -> list[Entry]:
        queue = entry(_QUEUE, "jobs", {"fifoQueue": fifo, "name": name})
        arn = f"arn:aws:sqs:eu-central-1:111111111111:{name}"
        tags = {"id": _token(queue, "id"), "url": _token(queue, "url"), "arn": arn}
        return [queue, entry(_TOPIC, "user", {"tags": tags}, dependencies=[queue.urn])]

    assert _happens(between(named(fifo=False, name="jobs"), named(fifo=True, name="jobs"))) == {
        "jobs": "replace fifoQueue"
    }
    assert _happens(between(named(fifo=False, name="jobs"), named(fifo=False, name="work"))) == {
        "jobs": "replace name",
        "user": "update tags.arn tags.id tags.url",
    }


def test_of_a_name_that_stays_everything_random_changes_all_the_same() -> None:
    def roles(path: str) -> list[Entry]:
        role = entry(_ROLE, "jobs", {"path": path, "name": "jobs"})
        tags = {"known": _token(role, "id"), "random": f"{_token(role, 'id')}/{_token(role, 'uniqueId')}"}
        return [role, entry(_TOPIC, "user", {"tags": tags}, dependencies=[role.urn])]

    diff = between(roles("/"), roles("/a/"))
    assert _happens(diff) == {"jobs": "replace path", "user": "update tags.random"}
    assert diff.changes[1].properties[0].after == "${aws:iam/role:Role::jobs.uniqueId}"


def test_an_arn_with_something_random_in_it_changes() -> None:
    def roles(path: str) -> list[Entry]:
        role = entry(_ROLE, "jobs", {"path": path})
        arns = [f"arn:aws:iam::111111111111:role/{name}" for name in ("jobs", "jobs-of-another")]
        return [
            role,
            *(
                entry(_TOPIC, f"user-{place}", {"tags": {"of": arn}}, dependencies=[role.urn])
                for place, arn in enumerate(arns)
            ),
        ]

    assert _happens(between(roles("/"), roles("/a/"))) == {"jobs": "replace path", "user-0": "update tags.of"}


def test_an_id_inside_a_document_is_found() -> None:
    def allowed(cidr: str) -> list[Entry]:
        vpc = _vpc(cidr)
        statement = {"Effect": "Allow", "Action": "ec2:*", "Resource": f"arn:aws:ec2:::vpc/{_token(vpc, 'id')}"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return [vpc, entry(_ROLE_POLICY, "jobs", {"policy": policy, "role": "jobs"}, dependencies=[vpc.urn])]

    assert _happens(between(allowed("10.0.0.0/16"), allowed("10.1.0.0/16"))) == {
        "vpc": "replace cidrBlock",
        "jobs": "update policy",
    }


def test_what_is_hidden_may_have_changed() -> None:
    def hidden(cidr: str) -> list[Entry]:
        vpc = _vpc(cidr)
        return [vpc, entry(_SUBNET, "subnet", {"vpcId": Hidden("1")}, dependencies=[vpc.urn])]

    assert _happens(between(hidden("10.0.0.0/16"), hidden("10.1.0.0/16"))) == {
        "vpc": "replace cidrBlock",
        "subnet": "replace? vpcId",
    }


def test_what_the_program_ignores_does_not_follow() -> None:
    old, new = _vpc("10.0.0.0/16"), _vpc("10.1.0.0/16")
    subnet = _in(new, ignore_changes=["vpcId"])
    assert _happens(between([old, subnet], [new, subnet])) == {"vpc": "replace cidrBlock"}


def test_what_is_new_follows_nothing() -> None:
    old, new = _vpc("10.0.0.0/16"), _vpc("10.1.0.0/16")
    diff = between([old], [new, _in(new)])
    assert _happens(diff) == {"vpc": "replace cidrBlock", "subnet": "create vpcId"}
    assert [change.because_of for change in diff.changes] == [(), ()]


def test_a_resource_created_in_the_place_of_another_has_another_id() -> None:
    component = entry("test:index:Network", "network")
    before, after = _vpc("10.0.0.0/16"), entry(_VPC, "vpc", {"cidrBlock": "10.0.0.0/16"}, within=component)
    diff = between([before, _in(before)], [component, after, _in(after)])
    assert _happens(diff) == {"vpc": "create cidrBlock", "subnet": "replace vpcId"}
    subnet = next(change for change in diff.changes if change.name == "subnet")
    assert subnet.properties[0].source.startswith("its value comes from aws:ec2/vpc:Vpc vpc, which is new; ")


def test_components_follow_and_are_never_replaced() -> None:
    old, new = _vpc("10.0.0.0/16"), _vpc("10.1.0.0/16")
    component = entry("test:index:Service", "service", {"vpcId": _token(new, "id")}, dependencies=[new.urn])
    diff = between([old, component], [new, component])
    assert [(change.name, change.action) for change in diff.changes] == [("vpc", "replace"), ("service", "update")]
    assert [each.forces for each in diff.changes[1].properties] == [Forces.NO]


def test_a_set_of_ids_changes_by_element() -> None:
    subnets = ["10.0.0.0/24", "10.1.0.0/24"]

    def group(cidr: str) -> list[Entry]:
        one, two = entry(_SUBNET, "one", {"cidrBlock": cidr}), entry(_SUBNET, "two", {"cidrBlock": "10.9.0.0/24"})
        inputs = {"name": "group", "subnetIds": [_token(two, "id"), _token(one, "id")]}
        return [one, two, entry("aws:rds/subnetGroup:SubnetGroup", "group", inputs, dependencies=[one.urn, two.urn])]

    found = {change.name: change for change in between(group(subnets[0]), group(subnets[1])).changes}["group"]
    assert [(each.path, each.after) for each in found.properties] == [
        (("subnetIds",), "${aws:ec2/subnet:Subnet::one.id}")
    ]


def test_outputs_of_the_stack_follow() -> None:
    old, new = _vpc("10.0.0.0/16"), _vpc("10.1.0.0/16")
    outputs = {"network": {"id": _token(new, "id")}, "region": "eu-central-1"}
    diff = compared("test", stack(old, outputs=outputs), stack(new, outputs=outputs))
    token = "${aws:ec2/vpc:Vpc::vpc.id}"
    said = "its value comes from aws:ec2/vpc:Vpc vpc, which is replaced"
    assert diff.outputs == [PropertyChange(("network", "id"), token, token, source=said)]


@pytest.mark.parametrize(
    ("publish", "after", "moves"),
    [
        pytest.param(True, {"timeout": 2}, True, id="a setting"),
        pytest.param(True, {"code": Code("2")}, True, id="its code"),
        pytest.param(True, {"tags": {"a": "b"}}, False, id="tags, which no version has"),
        pytest.param(False, {"timeout": 2}, False, id="a function that publishes none"),
    ],
)
def test_a_function_that_publishes_versions_moves_its_alias(
    publish: bool, after: dict[str, object], moves: bool
) -> None:
    def function(inputs: dict[str, object]) -> list[Entry]:
        what = {"name": "worker", "publish": publish, "timeout": 1, "code": Code("1"), **inputs}
        made = entry("aws:lambda/function:Function", "worker", what)
        alias = {"name": "live", "functionName": "worker", "functionVersion": _token(made, "version")}
        return [made, entry("aws:lambda/alias:Alias", "live", alias, dependencies=[made.urn])]

    diff = between(function({}), function(after))
    aliases = [change for change in diff.changes if change.name == "live"]
    said = "its value comes from aws:lambda/function:Function worker, which gets another version"
    expected = [(("functionVersion",), Forces.NO, said)]
    assert [(e.path, e.forces, e.source) for change in aliases for e in change.properties] == (
        expected if moves else []
    )
    assert [change.because_of for change in aliases] == ([[]] if moves else [])


def test_a_new_version_leaves_everything_else_of_a_function_as_it_was() -> None:
    def function(timeout: int) -> list[Entry]:
        made = entry("aws:lambda/function:Function", "worker", {"publish": True, "timeout": timeout})
        tags = {"arn": "arn:aws:lambda:eu-central-1:111111111111:function:worker", "id": _token(made, "id")}
        return [made, entry(_TOPIC, "user", {"tags": tags}, dependencies=[made.urn])]

    assert _happens(between(function(1), function(2))) == {"worker": "update timeout"}


_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


def _role(path: str, **more: Any) -> Entry:
    return entry(_ROLE, "jobs", {"name": "plinth-jobs", "path": path}, **more)


def _attached(to: Entry, **more: Any) -> Entry:
    return entry(_ATTACHMENT, "reads", {"role": "plinth-jobs"}, dependencies=[to.urn], **more)


def test_what_cannot_be_without_a_named_resource_goes_with_it() -> None:
    old, new = _role("/"), _role("/jobs/")
    found = {change.name: change for change in between([old, _attached(old)], [new, _attached(new)]).changes}["reads"]
    (held,) = found.properties
    assert (found.action, found.certain, found.because_of) == ("replace", True, [new.urn])
    assert (held.path, held.before, held.after, held.forces) == (("role",), "plinth-jobs", "plinth-jobs", Forces.YES)
    assert held.source.startswith("its value comes from aws:iam/role:Role jobs, which is replaced, once the old one is")


def test_what_is_told_otherwise_in_place_stays_when_a_named_resource_goes() -> None:
    def program(path: str) -> list[Entry]:
        role = _role(path)
        tagged = entry(_QUEUE, "tagged", {"tags": {"role": "plinth-jobs"}}, dependencies=[role.urn])
        waits = entry(_QUEUE, "waits", {}, dependencies=[role.urn])
        inside = entry("test:index:Jobs", "component", {"role": "plinth-jobs"}, dependencies=[role.urn])
        return [role, tagged, waits, inside]

    assert _happens(between(program("/"), program("/jobs/"))) == {"jobs": "replace path"}


def test_what_goes_with_it_may_be_told_to_stay() -> None:
    old, new = _role("/"), _role("/jobs/")
    attached = [_attached(role, ignore_changes=["role"]) for role in (old, new)]
    assert _happens(between([old, attached[0]], [new, attached[1]])) == {"jobs": "replace path"}


def test_what_is_new_goes_with_nothing() -> None:
    old, new = _role("/"), _role("/jobs/")
    assert _happens(between([old], [new, _attached(new)])) == {"jobs": "replace path", "reads": "create role"}


def test_a_resource_that_says_so_is_deleted_first_under_any_name() -> None:
    def program(kind: str, *, first: bool) -> list[Entry]:
        cache = entry("aws:ec2/flowLog:FlowLog", "log", {"trafficType": kind}, delete_before_replace=first)
        return [cache, entry(_ATTACHMENT, "reads", {"role": "given"}, dependencies=[cache.urn])]

    assert _happens(between(program("ALL", first=True), program("REJECT", first=True))) == {
        "log": "replace trafficType",
        "reads": "replace role",
    }
    assert _happens(between(program("ALL", first=False), program("REJECT", first=False))) == {
        "log": "replace trafficType"
    }


def test_what_may_be_replaced_may_take_others_along() -> None:
    def program(setting: int) -> list[Entry]:
        known = entry("aws:nothing/known:Known", "perhaps", {"name": "given", "setting": setting})
        return [known, entry(_ATTACHMENT, "reads", {"role": "given"}, dependencies=[known.urn])]

    assert _happens(between(program(1), program(2))) == {"perhaps": "replace? setting", "reads": "replace? role"}


def test_a_record_in_a_zone_is_not_named_by_pulumi() -> None:
    def program(zone: str) -> list[Entry]:
        record = entry("aws:route53/record:Record", "api", {"name": "api.example.com", "zoneId": zone})
        return [record, entry(_ATTACHMENT, "reads", {"role": "given"}, dependencies=[record.urn])]

    assert _happens(between(program("Z1"), program("Z2"))) == {"api": "replace zoneId"}
