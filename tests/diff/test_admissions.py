"""What lets in more, or others, than before is said; what lets in the same is not."""

import json
from typing import Any

import pytest

from tests.support.access import allow, opened, policy, risk_lines
from tests.support.snapshots import entry
from workbench.diff.admissions import ADMISSIONS
from workbench.diff.snapshot import Hidden

_OIDC = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"


def _at(path: str, value: Any) -> dict[str, Any]:
    first, _, rest = path.partition(".")
    return {first: _at(rest, value) if rest else value}


@pytest.mark.parametrize("each", ADMISSIONS, ids=lambda each: f"{each.types[0]}.{each.path}")
def test_whom_a_resource_also_lets_in_is_said(each: Any) -> None:
    type_ = each.types[0]
    said = each.says.replace("{}", "it").replace("{added}", "other")
    said = said[0].upper() + said[1:] if said.startswith("the ") else said
    before, after = entry(type_, "it", _at(each.path, ["one"])), entry(type_, "it", _at(each.path, ["one", "other"]))
    assert risk_lines(opened([before], [after])) == [f"{each.rule} it: {said}."]
    assert risk_lines(opened([after], [before])) == []
    assert (each.rule in [risk.rule for risk in opened([], [before]).risks]) is each.when_new
    hidden = [entry(type_, "it", _at(each.path, Hidden(digest))) for digest in "12"]
    assert [risk.rule for risk in opened(hidden[:1], hidden[1:]).risks] == ["cannot-be-judged"]


@pytest.mark.parametrize(
    ("type_", "line"),
    [
        ("aws:iam/accessKey:AccessKey", "iam-widened it: whoever has the credentials of it may now do all that"),
        ("aws:ec2/vpcPeeringConnection:VpcPeeringConnection", "network-widened it: another network is now connected"),
        ("aws:ec2transitgateway/vpcAttachment:VpcAttachment", "network-widened it: another network is now connected"),
        ("aws:ec2/eipAssociation:EipAssociation", "public-entrance it: it is now what an address on the internet"),
        (
            "aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission",
            "iam-widened it: another account may now read the snapshot of it",
        ),
    ],
)
def test_what_opens_something_by_being_there_is_said_when_it_is_new(type_: str, line: str) -> None:
    before, after = entry(type_, "it", {"tags": {"a": "b"}}), entry(type_, "it", {"tags": {"a": "c"}})
    (found,) = risk_lines(opened([], [after]))
    assert found.startswith(line)
    assert risk_lines(opened([before], [after])) == []
    assert risk_lines(opened([before], [])) == []


@pytest.mark.parametrize(
    ("type_", "path", "shut", "opening", "rule"),
    [
        ("aws:ec2/eip:Eip", "instance", None, "i-1", "public-entrance"),
        ("aws:ecs/service:Service", "networkConfiguration.assignPublicIp", False, True, "public-entrance"),
        ("aws:ram/resourceShare:ResourceShare", "allowExternalPrincipals", False, True, "iam-widened"),
        ("aws:ec2/vpcEndpointService:VpcEndpointService", "acceptanceRequired", True, False, "network-widened"),
        ("aws:neptune/clusterInstance:ClusterInstance", "publiclyAccessible", False, True, "public-entrance"),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            "networkInterfaces",
            [{"associatePublicIpAddress": "false"}],
            [{"associatePublicIpAddress": "true"}],
            "public-entrance",
        ),
    ],
)
def test_an_entrance_is_said_when_it_opens(type_: str, path: str, shut: Any, opening: Any, rule: str) -> None:
    before, after = entry(type_, "it", _at(path, shut)), entry(type_, "it", _at(path, opening))
    assert [risk.rule for risk in opened([before], [after]).risks] == [rule]
    assert opened([after], [before]).risks == []


def test_a_new_identity_provider_opens_nothing_by_itself() -> None:
    assert (
        opened([], [entry(_OIDC, "github", {"url": "https://a", "clientIdLists": ["sts.amazonaws.com"]})]).risks == []
    )


def test_a_policy_of_a_type_that_no_table_has_is_judged() -> None:
    everybody = policy(allow("glue:*", "*", Principal="*"))
    someone = policy(allow("glue:*", "*", Principal={"AWS": "111111111111"}))
    before, after = (
        entry("aws:glue/resourcePolicy:ResourcePolicy", "it", {"policy": each}) for each in (someone, everybody)
    )
    assert risk_lines(opened([before], [after])) == ["public-principal it: Anybody may now glue:* on it."]
    assert risk_lines(opened([after], [before])) == []
    inline = policy(allow("s3:GetObject", "arn:aws:s3:::a/*"))
    found = opened([], [entry("aws:ssoadmin/permissionSetInlinePolicy:X", "it", {"inlinePolicy": inline})])
    assert [risk.rule for risk in found.risks] == ["iam-widened"]


def test_a_secret_that_is_called_a_policy_is_not_judged() -> None:
    type_ = "aws:glue/resourcePolicy:ResourcePolicy"
    one, other = (entry(type_, "it", {"policy": Hidden(digest)}) for digest in "12")
    assert [risk.rule for risk in opened([one], [other]).risks] == ["cannot-be-judged"]
    assert opened([one], [one]).risks == []


@pytest.mark.parametrize(
    "document",
    [
        {"statement": [allow("sqs:*")]},
        {},
        {"Statement": [{"Effect": "Allow", "Action": "sqs:*", "notResource": "a"}]},
        {"Statement": [{"effect": "Allow", "Action": "sqs:*", "Resource": "*"}]},
        {"Statement": [{**allow("sqs:*", "a"), "principal": "*"}]},
    ],
)
def test_a_policy_in_words_that_are_not_iams_is_not_judged(document: Any) -> None:
    type_ = "aws:sqs/queuePolicy:QueuePolicy"
    found = opened([], [entry(type_, "it", {"queueUrl": "a", "policy": json.dumps(document)})])
    assert [risk.rule for risk in found.risks] == ["cannot-be-judged"]


def test_a_text_that_only_looks_like_a_policy_is_left_alone() -> None:
    for text in ('{"Statement": 3}', '{"Statement": [{}]}', '{ "Statement"', '{"text": "\\"Statement\\""}'):
        assert opened([], [entry("aws:cloudwatch/dashboard:Dashboard", "it", {"dashboardBody": text})]).risks == []


@pytest.mark.parametrize(("kind", "holder"), [("User", "userName"), ("Group", "groupName")])
def test_policies_that_are_attached_exclusively_are_attached(kind: str, holder: str) -> None:
    type_ = f"aws:iam/{kind.lower()}PolicyAttachmentsExclusive:{kind}PolicyAttachmentsExclusive"
    inputs = {holder: "ada", "policyArns": ["arn:aws:iam::aws:policy/AdministratorAccess"]}
    found = opened([entry(type_, "all", {**inputs, "policyArns": []})], [entry(type_, "all", inputs)])
    assert risk_lines(found) == ["iam-any-resource all: ada may now do all that the policy AdministratorAccess allows."]
