"""Advice: renames that lack their alias, and what Pulumi would refuse."""

import json

from tests.support.snapshots import between, entry, stack
from workbench.diff.compare import compared
from workbench.diff.snapshot import Entry

_CLUSTER, _QUEUE, _TOPIC = "aws:rds/cluster:Cluster", "aws:sqs/queue:Queue", "aws:sns/topic:Topic"


def test_a_rename_without_an_alias_is_told_with_the_alias_it_lacks() -> None:
    before = entry(_CLUSTER, "database", {"clusterIdentifier": "plinth-database", "engine": "aurora-postgresql"})
    after = entry(
        _CLUSTER, "database-main", {"clusterIdentifier": "plinth-database-main", "engine": "aurora-postgresql"}
    )
    assert between([before], [after]).hints == [
        (
            "aws:rds/cluster:Cluster database is deleted and database-main is created with the same inputs: "
            'if that is a rename, give it aliases=[pulumi.Alias(name="database")].'
        )
    ]


def test_what_differs_a_little_is_told_as_such() -> None:
    inputs = {"delaySeconds": 1, "visibilityTimeoutSeconds": 2, "maxMessageSize": 3, "receiveWaitTimeSeconds": 4}
    before, after = entry(_QUEUE, "jobs", inputs), entry(_QUEUE, "work", {**inputs, "messageRetentionSeconds": 5})
    assert between([before], [after]).hints == [
        (
            "aws:sqs/queue:Queue jobs is deleted and work is created with nearly the same inputs: "
            'if that is a rename, give it aliases=[pulumi.Alias(name="jobs")].'
        )
    ]


def test_what_differs_much_is_no_rename() -> None:
    before, after = entry(_QUEUE, "jobs", {"delaySeconds": 1}), entry(_QUEUE, "work", {"delaySeconds": 2})
    assert between([before], [after]).hints == []


def test_another_type_is_no_rename() -> None:
    assert between([entry(_QUEUE, "jobs")], [entry(_TOPIC, "work")]).hints == []


def test_each_resource_is_paired_once_and_with_the_most_alike() -> None:
    inputs = {"tags": dict.fromkeys("abcdefg", "x")}
    before = [
        entry(_QUEUE, "jobs", {**inputs, "delaySeconds": 1}),
        entry(_QUEUE, "runs", {**inputs, "delaySeconds": 2}),
    ]
    after = [entry(_QUEUE, "work", {**inputs, "delaySeconds": 2}), entry(_QUEUE, "more", {**inputs, "delaySeconds": 3})]
    assert [hint.split(" with")[0].split("Queue ")[1] for hint in between(before, after).hints] == [
        "runs is deleted and work is created",
        "jobs is deleted and more is created",
    ]


def test_a_move_is_told_with_the_urn_of_before() -> None:
    component, queue = entry("test:index:Jobs", "work"), entry(_QUEUE, "jobs", {"delaySeconds": 1})
    moved = entry(_QUEUE, "jobs", {"delaySeconds": 1}, within=component)
    assert between([queue], [component, moved]).hints == [
        (
            "aws:sqs/queue:Queue jobs is deleted, and created in another place with the same inputs: "
            'if that is a move, give it aliases=["urn:pulumi:test::plinth::aws:sqs/queue:Queue::jobs"].'
        )
    ]


def _component(name: str, type_: str = "test:index:Jobs") -> list[Entry]:
    outer = entry(type_, name)
    inner = entry("test:index:Inner", f"{name}-inner", within=outer)
    queues = [entry(_QUEUE, f"{name}-inner-{part}", {"delaySeconds": 1}, within=inner) for part in ("one", "two")]
    return [outer, inner, *queues, entry(_TOPIC, f"{name}-topic", within=outer)]


def test_a_component_is_told_once_and_not_its_children() -> None:
    assert between(_component("jobs"), _component("work")).hints == [
        (
            "test:index:Jobs jobs is deleted and work is created with the same children: "
            'if that is a rename, give it aliases=[pulumi.Alias(name="jobs")].'
        )
    ]


def test_what_is_in_a_renamed_component_is_taken_for_nothing_outside() -> None:
    outside = entry(_QUEUE, "outside", {"delaySeconds": 1})
    assert len(between(_component("jobs"), [*_component("work"), outside]).hints) == 1
    assert len(between([*_component("jobs"), outside], _component("work")).hints) == 1


def test_what_kept_its_name_is_moved_before_anything_is_renamed() -> None:
    component = entry("test:index:Jobs", "work")
    before = [entry(_QUEUE, name, {"delaySeconds": 1}) for name in ("a", "jobs")]
    after = [entry(_QUEUE, name, {"delaySeconds": 1}, within=component) for name in ("b", "jobs")]
    assert [hint.split(" with")[0].split("Queue ")[1] for hint in between(before, [component, *after]).hints] == [
        "jobs is deleted, and created in another place",
        "a is deleted and b is created",
    ]


def test_a_component_with_other_children_is_no_rename() -> None:
    other = entry("test:index:Jobs", "work")
    children = [
        entry("aws:iam/role:Role", "work-role", within=other),
        entry(_TOPIC, "work-alarms", {"fifoTopic": True}, within=other),
    ]
    assert between(_component("jobs"), [other, *children]).hints == []


def test_an_alias_ends_the_advice() -> None:
    renamed = entry(_QUEUE, "work", {"delaySeconds": 1}, aliases=[json.dumps({"name": "jobs"})])
    assert between([entry(_QUEUE, "jobs", {"delaySeconds": 1})], [renamed]).hints == []


def test_many_renames_are_counted() -> None:
    before, after = (
        [entry(_QUEUE, f"{name}-{n}", {"delaySeconds": n}) for n in range(1_000)] for name in ("jobs", "work")
    )
    hints = between(before, after).hints
    assert len(hints) == 21
    assert hints[-1] == "980 more resources look renamed without an alias."


def test_a_protected_resource_cannot_be_deleted_or_replaced() -> None:
    before = [
        entry(_CLUSTER, "goes", protect=True),
        entry(_QUEUE, "anew", {"fifoQueue": False}, protect=True),
        entry(_QUEUE, "stays", {"delaySeconds": 1}, protect=True),
        entry("aws:nothing/known:Known", "perhaps", {"setting": 1}, protect=True),
    ]
    after = [
        entry(_QUEUE, "anew", {"fifoQueue": True}, protect=True),
        entry(_QUEUE, "stays", {"delaySeconds": 2}, protect=True),
        entry("aws:nothing/known:Known", "perhaps", {"setting": 2}, protect=True),
    ]
    assert between(before, after).hints == [
        (
            "Pulumi refuses to delete aws:rds/cluster:Cluster goes, which is protected: "
            "if that is wanted, deploy it without protect first."
        ),
        (
            "Pulumi refuses to replace aws:sqs/queue:Queue anew, which is protected: "
            "if that is wanted, deploy it without protect first."
        ),
    ]


def test_a_resource_that_is_unprotected_may_be_replaced_at_once() -> None:
    before = entry(_QUEUE, "jobs", {"fifoQueue": False}, protect=True)
    (change,) = (diff := between([before], [entry(_QUEUE, "jobs", {"fifoQueue": True})])).changes
    assert (change.protected, diff.hints) == (False, [])
    assert [(risk.rule, "refuses" in risk.message) for risk in diff.risks] == [
        ("replaced", False),
        ("protection-removed", False),
    ]


def _database(vpc: Entry, *zones: str, made_anew: bool = False) -> list[Entry]:
    """A network, its subnets, and the group of a database in them."""
    block = "10.1.0.0/24" if made_anew else "10.0.0.0/24"
    subnets = [
        entry(
            "aws:ec2/subnet:Subnet",
            zone,
            {"vpcId": f"${{{vpc.type}::{vpc.name}.id}}", "cidrBlock": block},
            dependencies=[vpc.urn],
        )
        for zone in zones
    ]
    ids = [f"${{aws:ec2/subnet:Subnet::{zone}.id}}" for zone in zones]
    urns = [subnet.urn for subnet in subnets]
    return [vpc, *subnets, entry("aws:rds/subnetGroup:SubnetGroup", "group", {"subnetIds": ids}, dependencies=urns)]


def test_a_database_cannot_move_to_another_network() -> None:
    refused = (
        "AWS refuses to give aws:rds/subnetGroup:SubnetGroup group the subnets of another network, and moves no "
        "database there: leave the network as it is, or make a new one in the other and restore the data."
    )
    one, other = (entry("aws:ec2/vpc:Vpc", name, {"cidrBlock": "10.0.0.0/16"}) for name in ("one", "other"))
    larger = entry("aws:ec2/vpc:Vpc", "one", {"cidrBlock": "10.0.0.0/12"})
    crosswalk = entry("awsx:ec2:Vpc", "network")
    ids = {"subnetIds": ["${awsx:ec2:Vpc::network.isolatedSubnetIds[0]}"]}
    within = entry("aws:rds/subnetGroup:SubnetGroup", "group", ids, dependencies=[crosswalk.urn])
    assert refused in between(_database(one, "a", "b"), _database(other, "c", "d")).hints
    assert refused in between(_database(one, "a", "b"), _database(larger, "a", "b")).hints
    assert refused in between(_database(one, "a", "b"), [crosswalk, within]).hints
    assert refused in between([crosswalk, within], _database(one, "a", "b")).hints


def test_a_database_may_get_other_subnets_of_its_network() -> None:
    one = entry("aws:ec2/vpc:Vpc", "one", {"cidrBlock": "10.0.0.0/16"})
    renamed = entry("aws:ec2/vpc:Vpc", "main", {"cidrBlock": "10.0.0.0/16"}, aliases=[json.dumps({"name": "one"})])
    given = entry("aws:rds/subnetGroup:SubnetGroup", "group", {"subnetIds": ["subnet-1"]})
    assert between(_database(one, "a", "b"), _database(one, "a", "b", "c")).hints == []
    assert between(_database(one, "a", "b"), _database(one, "a", "b", made_anew=True)).hints == []
    assert between(_database(one, "a"), _database(renamed, "a", "b")).hints == []
    assert between(_database(one, "a"), [one, given]).hints == []


def test_another_region_or_project_is_another_place() -> None:
    before, after = stack(entry(_QUEUE, "jobs")), stack(entry(_QUEUE, "jobs"), region="eu-west-1")
    assert compared("test", before, after).hints == [
        (
            "The region was eu-central-1 and is eu-west-1: "
            "nothing on AWS moves, so everything is made anew, without its data."
        )
    ]
