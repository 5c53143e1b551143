"""The table of a deployment's rights: whole, as narrow as it says, and short enough for AWS."""

import json
import re
from itertools import chain

import pytest

from components.deploy_rights import (
    ATTACHED,
    NEW,
    NO_OTHERS,
    OWN,
    PASSED_TO,
    POLICIES,
    RIGHTS,
    WIDE,
    Right,
    Scope,
    policies,
    statements,
)
from components.grants import Statement
from tests.support.evaluation import inputs, stack_manifest

SCOPE = Scope(
    region="eu-central-1",
    account="111111111111",
    prefix="plinth-dev-",
    tags={"plinth:project": "plinth", "plinth:stack": "dev"},
    invoked=["plinth-dev-migrate"],
    zones=["Z1"],
)
STACKS = ("dev", "prod")
ROWS = list(chain.from_iterable(RIGHTS.values()))
ALL = list(chain.from_iterable(policies(SCOPE).values()))


def granting(action: str) -> list[Statement]:
    return [statement for statement in ALL if action in statement["actions"]]


@pytest.mark.parametrize("stack", STACKS)
def test_every_type_of_a_stack_has_a_row(stack: str) -> None:
    types = {resource.type for resource in stack_manifest(stack).resources if resource.custom}
    assert types - set(RIGHTS) == set()
    assert len(types) > 20


@pytest.mark.parametrize("stack", STACKS)
def test_every_role_of_a_stack_may_be_handed_to_the_service_that_takes_it(stack: str) -> None:
    manifest = stack_manifest(stack)
    trusted = {
        statement["Principal"]["Service"]
        for role in manifest.of_type("aws:iam/role:Role")
        for statement in json.loads(inputs(manifest, role.type, role.name)["assumeRolePolicy"])["Statement"]
        if "Service" in statement["Principal"]
    }
    assert trusted - set(PASSED_TO) == set()
    assert "lambda.amazonaws.com" in trusted


@pytest.mark.parametrize("stack", STACKS)
def test_every_policy_that_a_stack_attaches_to_a_role_may_be_attached(stack: str) -> None:
    manifest = stack_manifest(stack)
    attachments = manifest.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
    attached = {inputs(manifest, each.type, each.name)["policyArn"] for each in attachments}
    assert {arn for arn in attached if arn.startswith("arn:aws:iam::aws:")} == set(ATTACHED)


def test_what_is_not_narrowed_says_why() -> None:
    silent = [right for right in ROWS if right.only in (NO_OTHERS, WIDE) and not right.reason.endswith(".")]
    assert silent == []


def test_what_claims_to_be_narrowed_by_name_is() -> None:
    named = ("{prefix}", "{invoked}", "{zones}")
    rights = [right for right in ROWS if right.only not in (OWN, NEW, NO_OTHERS, WIDE)]
    assert [arn for right in rights for arn in right.on if not any(field in arn for field in named)] == []
    assert len(rights) > 30


def test_nothing_is_allowed_on_everything_without_a_condition() -> None:
    assert [each for each in ALL if "*" in each["resources"] and not each.get("conditions")] == []


def test_no_action_is_a_pattern_and_each_is_of_one_service() -> None:
    actions = {action for right in ROWS for action in right.actions}
    assert {action for action in actions if not re.fullmatch("[a-z0-9]+:[A-Za-z]+", action)} == set()
    services = set(chain.from_iterable(POLICIES.values()))
    assert {action.partition(":")[0] for action in actions} == services
    assert [right for right in ROWS if len({action.partition(":")[0] for action in right.actions}) != 1] == []


def test_every_right_is_in_a_policy() -> None:
    granted = {action for statement in ALL for action in statement["actions"]}
    assert granted == {action for right in ROWS for action in right.actions}


def test_no_policy_is_longer_than_aws_takes_and_they_fit_one_role() -> None:
    long = Scope(
        region="ap-southeast-1",
        account="1" * 12,
        prefix="plinth-a123456789012345-",
        tags={"plinth:project": "plinth", "plinth:stack": "a123456789012345"},
        invoked=["plinth-a123456789012345-migrate"],
        zones=["Z1234567890ABCDEFGHIJ", "Z2234567890ABCDEFGHIJ"],
        boundary="arn:aws:iam::111111111111:policy/boundary-of-all-stacks",
    )
    lengths = {name: len(json.dumps(each, separators=(",", ":"))) for name, each in policies(long).items()}
    assert {name: length for name, length in lengths.items() if length > 6144} == {}
    assert len(lengths) <= 10


def test_a_role_is_handed_only_to_the_services_that_run_the_stack() -> None:
    (passed,) = granting("iam:PassRole")
    assert passed == {
        "actions": ["iam:PassRole"],
        "resources": ["arn:aws:iam::111111111111:role/plinth-dev-*"],
        "conditions": {"StringEquals": {"iam:PassedToService": list(PASSED_TO)}},
    }


def test_only_the_policies_of_the_list_are_attached() -> None:
    assert [each.get("conditions") for each in granting("iam:AttachRolePolicy")] == [
        {"ArnEquals": {"iam:PolicyARN": list(ATTACHED)}}
    ]


def test_no_secrets_value_no_message_and_no_object_of_others_is_read() -> None:
    reading = ("secretsmanager:GetSecretValue", "sqs:ReceiveMessage", "logs:GetLogEvents", "dynamodb:GetItem")
    assert [action for action in reading if granting(action)] == []
    assert [each["resources"] for each in granting("s3:GetObject")] == [["arn:aws:s3:::plinth-dev-*/*"]]


def test_a_deployment_invokes_the_migrating_function_and_no_other() -> None:
    assert [each["resources"] for each in granting("lambda:InvokeFunction")] == [
        ["arn:aws:lambda:eu-central-1:111111111111:function:plinth-dev-migrate:*"]
    ]


def test_a_resource_is_made_only_with_the_stacks_tags_and_changed_only_if_it_has_them() -> None:
    tags = {"plinth:project": ["plinth"], "plinth:stack": ["dev"]}
    (made,) = granting("ec2:CreateVpc")
    assert made.get("conditions") == {"StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}}
    (deleted,) = granting("ec2:DeleteVpc")
    assert deleted.get("conditions") == {
        "StringEquals": {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
    }


def test_what_another_stack_has_tagged_cannot_be_made_the_stacks_own() -> None:
    tagging = [
        (action, statement.get("conditions", {}))
        for action in ("acm:AddTagsToCertificate", "ec2:CreateTags", "kms:TagResource", "rds:AddTagsToResource")
        for statement in granting(action)
        if not all("plinth-dev-" in str(resource) for resource in statement["resources"])
    ]
    unbound = [
        (action, conditions)
        for action, conditions in tagging
        if "ec2:CreateAction" not in conditions["StringEquals"]
        and "aws:ResourceTag/plinth:stack" not in conditions["StringEquals"]
        and conditions.get("Null")
        != {"aws:ResourceTag/plinth:project": ["true"], "aws:ResourceTag/plinth:stack": ["true"]}
    ]
    assert unbound == []
    assert {action for action, conditions in tagging if "Null" in conditions} == {action for action, _ in tagging}


@pytest.mark.parametrize(
    ("action", "on"),
    [
        ("apigateway:DELETE", "arn:aws:apigateway:eu-central-1::/apis/*"),
        ("apigateway:PATCH", "arn:aws:apigateway:eu-central-1::/domainnames/*"),
        ("ec2:CreateNetworkAclEntry", "arn:aws:ec2:eu-central-1:111111111111:network-acl/*"),
        ("ec2:RevokeSecurityGroupIngress", "arn:aws:ec2:eu-central-1:111111111111:security-group/*"),
    ],
)
def test_what_another_stack_has_tagged_is_not_changed_where_the_stacks_own_may_have_no_tags(
    action: str, on: str
) -> None:
    (found,) = (each for each in granting(action) if on in each["resources"])
    assert found.get("conditions") == {
        "StringEqualsIfExists": {
            "aws:ResourceTag/plinth:project": ["plinth"],
            "aws:ResourceTag/plinth:stack": ["dev"],
        }
    }


def test_with_a_boundary_no_role_is_made_or_changed_without_it() -> None:
    boundary = "arn:aws:iam::111111111111:policy/boundary"
    bounded = Scope(**{**vars(SCOPE), "boundary": boundary})
    for action in ("iam:AttachRolePolicy", "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"):
        found = [each for each in policies(bounded)["roles"] if action in each["actions"]]
        assert [each.get("conditions", {}).get("StringEquals") for each in found] == [
            {"iam:PermissionsBoundary": [boundary]}
        ]
    assert granting("iam:PutRolePermissionsBoundary") == []


def test_rights_on_the_same_things_become_one_statement() -> None:
    rights = [
        Right(["sqs:B"], ("sqs:{region}:{account}:{prefix}*",)),
        Right(["sqs:A"], ("sqs:{region}:{account}:{prefix}*",)),
    ]
    assert statements(rights, SCOPE) == [
        {"actions": ["sqs:A", "sqs:B"], "resources": ["arn:aws:sqs:eu-central-1:111111111111:plinth-dev-*"]}
    ]


def test_a_field_with_several_values_is_as_many_arns_and_one_with_none_is_no_right() -> None:
    record = [Right(["route53:GetHostedZone"], ("route53:::hostedzone/{zones}",))]
    two = Scope(**{**vars(SCOPE), "zones": ["Z1", "Z2"]})
    assert [each["resources"] for each in statements(record, two)] == [
        ["arn:aws:route53:::hostedzone/Z1", "arn:aws:route53:::hostedzone/Z2"]
    ]
    assert statements(record, Scope(**{**vars(SCOPE), "zones": []})) == []
