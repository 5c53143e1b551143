"""Grants add up to exact policies, and what contradicts or is too wide is refused."""

import json
from typing import Any

import pulumi
import pytest

from components.grants import (
    Connection,
    Grant,
    Statement,
    allow,
    allow_unscoped,
    deny_everything,
    policy_document,
    union,
)
from tests.support.evaluation import anywhere, deploy
from workbench.evaluate import ProgramError

QUEUE = "arn:aws:sqs:eu-central-1:111111111111:jobs"
SECRET = "arn:aws:secretsmanager:eu-central-1:111111111111:secret:database"
OPEN = "EC2 lists know no resources."


def rendered(*statements: Statement) -> Any:
    """The policy that a stack of these statements exports."""
    manifest = deploy(lambda: pulumi.export("policy", policy_document(statements)))
    return json.loads(manifest.outputs["policy"])


def test_a_policy_has_one_sorted_entry_per_different_statement() -> None:
    read = allow(["secretsmanager:GetSecretValue"], SECRET)
    send = allow(["sqs:SendMessage", "sqs:GetQueueUrl"], pulumi.Output.from_input(QUEUE))
    expected = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["secretsmanager:GetSecretValue"], "Resource": [SECRET]},
            {"Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"], "Resource": [QUEUE]},
        ],
    }
    assert rendered(send, read, send) == expected
    assert rendered(read, send) == expected


def test_conditions_reach_the_policy() -> None:
    statement = allow(["iam:PassRole"], "arn:role", StringEquals={"iam:PassedToService": "lambda.amazonaws.com"})
    assert rendered(statement)["Statement"] == [
        {
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": ["arn:role"],
            "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
        }
    ]


def test_a_statement_without_resource_holds_in_one_region_and_keeps_its_reason_to_itself() -> None:
    assert rendered(allow_unscoped(["ec2:DescribeVpcs"], within=QUEUE, reason=OPEN))["Statement"] == [
        anywhere("ec2:DescribeVpcs")
    ]


def test_a_condition_has_one_value_or_several_in_a_steady_order() -> None:
    late = pulumi.Output.from_input("subnet-1")
    conditions = {"ForAllValues:StringEquals": {"lambda:SubnetIds": ["subnet-2", late], "lambda:Layer": ["layer"]}}
    entry = rendered(allow(["lambda:CreateFunction"], "arn:function", **conditions))["Statement"][0]
    assert entry["Condition"] == {
        "ForAllValues:StringEquals": {"lambda:SubnetIds": ["subnet-1", "subnet-2"], "lambda:Layer": "layer"}
    }


def test_a_denial_of_everything_is_a_denial() -> None:
    statement = deny_everything(reason="Nothing is needed.", Null={"lambda:SourceFunctionArn": "false"})
    assert rendered(statement)["Statement"] == [
        {
            "Effect": "Deny",
            "Action": ["*"],
            "Resource": ["*"],
            "Condition": {"Null": {"lambda:SourceFunctionArn": "false"}},
        }
    ]


@pytest.mark.parametrize("resources", [(), ("*",), (QUEUE, "*")])
def test_allow_refuses_to_mean_every_resource(resources: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"sqs:SendMessage: name the resources, or use allow_unscoped\(\)"):
        allow(["sqs:SendMessage"], *resources)


def test_a_resource_that_turns_out_to_be_every_one_is_refused() -> None:
    with pytest.raises(ProgramError, match=r"sqs:SendMessage on any resource: use allow_unscoped\(\)"):
        rendered(allow(["sqs:SendMessage"], pulumi.Output.from_input("*")))


def test_a_union_gives_what_all_its_grants_give() -> None:
    group = "sg-1"
    database = Connection(name="database", security_group_id=group, port=5432)
    read, send = allow(["secretsmanager:GetSecretValue"], SECRET), allow(["sqs:SendMessage"], QUEUE)
    grants = [
        Grant(environment={"HOST": "db", "STACK": "test"}, statements=[read], connections=[database]),
        Grant(environment={"STACK": "test"}, statements=[send]),
        Grant(connections=[{**database}]),
    ]
    assert union(grants) == {
        "environment": {"HOST": "db", "STACK": "test"},
        "statements": [read, send],
        "connections": [database],
    }


def test_two_grants_may_not_disagree_on_a_variable() -> None:
    with pytest.raises(ValueError, match="Two grants set the environment variable QUEUE_URL to different values"):
        union([Grant(environment={"QUEUE_URL": "one"}), Grant(environment={"QUEUE_URL": "other"})])


@pytest.mark.parametrize("other", [{"security_group_id": "sg-2"}, {"port": 5433}])
def test_two_grants_may_not_mean_different_targets_by_one_name(other: dict[str, Any]) -> None:
    one = Connection(name="database", security_group_id="sg-1", port=5432)
    different: Any = {**one, **other}
    with pytest.raises(ValueError, match="different targets by the connection 'database'"):
        union([Grant(connections=[one]), Grant(connections=[different])])


@pytest.mark.parametrize("other", [{"cidr_ipv6": "2001:db8::/32"}, {"port": 80}, {"security_group_id": "sg-1"}])
def test_two_ranges_by_one_name_must_be_the_same(other: dict[str, Any]) -> None:
    one = Connection(name="internet", cidr_ipv6="::/0", port=443)
    assert union([Grant(connections=[one]), Grant(connections=[{**one}])]).get("connections") == [one]
    different: Any = {**one, **other}
    if "security_group_id" in other:
        del different["cidr_ipv6"]
    with pytest.raises(ValueError, match="different targets by the connection 'internet'"):
        union([Grant(connections=[one]), Grant(connections=[different])])


@pytest.mark.parametrize("targets", [{}, {"security_group_id": "sg-1", "cidr_ipv6": "::/0"}])
def test_a_connection_has_one_target(targets: dict[str, Any]) -> None:
    connection: Any = {"name": "database", "port": 5432, **targets}
    told = "The connection 'database': give it either security_group_id or cidr_ipv6"
    with pytest.raises(ValueError, match=told):
        union([Grant(connections=[connection])])


def test_one_output_in_two_grants_is_taken_as_it_is() -> None:
    def program() -> None:
        url = pulumi.Output.from_input("url")
        assert union([Grant(environment={"URL": url}), Grant(environment={"URL": url})]).get("environment") == {
            "URL": url
        }
        pulumi.export("reached", True)

    assert deploy(program).outputs == {"reached": True}


def unions(environment: tuple[str, str], security_groups: tuple[str, str]) -> None:
    """Two grants whose values only the deployment knows."""
    united = union(
        [
            Grant(
                environment={"URL": pulumi.Output.from_input(url)},
                connections=[Connection(name="queue", security_group_id=pulumi.Output.from_input(group), port=443)],
            )
            for url, group in zip(environment, security_groups, strict=True)
        ]
    )
    pulumi.export("united", united)


def test_outputs_that_turn_out_equal_are_one_value() -> None:
    assert deploy(lambda: unions(("url", "url"), ("sg-1", "sg-1"))).outputs["united"] == {
        "environment": {"URL": "url"},
        "statements": [],
        "connections": [{"name": "queue", "security_group_id": "sg-1", "port": 443}],
    }


def test_an_output_that_turns_out_to_be_a_known_text_is_one_value_with_it() -> None:
    def program() -> None:
        later = pulumi.Output.from_input("url")
        united = union([Grant(environment={"URL": "url"}), Grant(environment={"URL": later})])
        pulumi.export("environment", united.get("environment"))

    assert deploy(program).outputs["environment"] == {"URL": "url"}


@pytest.mark.parametrize(
    ("environment", "security_groups", "message"),
    [
        (("url", "other"), ("sg-1", "sg-1"), "Two grants set the environment variable URL to different values"),
        (("url", "url"), ("sg-1", "sg-2"), "Two grants mean different targets by the connection 'queue'"),
    ],
)
def test_outputs_that_turn_out_different_fail_the_program(
    environment: tuple[str, str], security_groups: tuple[str, str], message: str
) -> None:
    with pytest.raises(ProgramError, match=message):
        deploy(lambda: unions(environment, security_groups))
