"""What opens access is said once, in a sentence, the loudest first; what does not is not said."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.access import GROUP, ROLE, allow, opened, policy, risk_lines, role_with, statement_lines, urn
from tests.support.evaluation import stack_manifest
from tests.support.snapshots import entry, stack
from workbench.diff.access import access
from workbench.diff.model import RiskKind
from workbench.diff.snapshot import Entry, Hidden, snapshot_of

_API = "aws:apigatewayv2/api:Api"
_ROUTE = "aws:apigatewayv2/route:Route"
_URL = "aws:lambda/functionUrl:FunctionUrl"
_PERMISSION = "aws:lambda/permission:Permission"
_TABLE = "aws:ec2/routeTable:RouteTable"
_BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_RUNS = "arn:aws:sqs:eu-central-1:111111111111:runs"


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_stack_that_does_not_change_opens_nothing(name: str) -> None:
    whole = snapshot_of(stack_manifest(name), "eu-central-1", b"key")
    found = access([], whole, whole)
    assert (found.statements, found.rules, found.risks) == ([], [], [])


def test_a_new_stack_is_one_risk_a_rule() -> None:
    roles = [part for name in "abcdefg" for part in role_with(allow("sqs:*", _RUNS), name=name)]
    found = access([], None, stack(*roles, entry(_URL, "hook", {"authorizationType": "NONE"})))
    assert risk_lines(found) == [
        "public-entrance hook: The stack is new: everybody can reach hook.",
        "iam-widened a: The stack is new: permissions come with a, b, c, d and 3 more.",
    ]
    assert len(found.statements) == 7


def test_a_new_stack_of_the_house_is_one_risk_a_rule() -> None:
    whole = snapshot_of(stack_manifest("dev"), "eu-central-1", b"key")
    found = access([], None, whole)
    assert [risk.rule for risk in found.risks] == ["public-entrance", "iam-widened", "network-widened"]


def test_a_stack_that_is_gone_opens_nothing() -> None:
    whole = snapshot_of(stack_manifest("dev"), "eu-central-1", b"key")
    found = access([], whole, None)
    assert found.risks == []
    assert {row.added for row in found.statements} | {row.added for row in found.rules} == {False}


def test_a_stack_that_moves_to_another_region_opens_nothing() -> None:
    region = "eu-west-1"

    def program(where: str) -> list[Entry]:
        condition = {"StringEquals": {"aws:RequestedRegion": where}}
        return role_with(allow("sqs:SendMessage", f"arn:aws:sqs:{where}:111111111111:runs", Condition=condition))

    found = access([], stack(*program("eu-central-1")), stack(*program(region), region=region))
    assert (found.statements, found.risks) == ([], [])


def test_the_loudest_come_first() -> None:
    group = entry(GROUP, "database", {})
    opens = {"securityGroupId": f"${{{GROUP}::database.id}}", "ipProtocol": "-1", "cidrIpv4": "0.0.0.0/0"}
    found = opened(
        [*role_with(), group],
        [
            *role_with(allow("sqs:*"), allow("s3:GetObject", "arn:aws:s3:::a")),
            group,
            entry(_INGRESS, "all", opens),
            entry(_PERMISSION, "any", {"function": "api", "action": "lambda:InvokeFunction", "principal": "*"}),
            entry(_URL, "url", {"authorizationType": "NONE"}),
        ],
    )
    assert [(risk.rule, risk.name) for risk in found.risks] == [
        ("public-principal", "any"),
        ("open-to-the-internet", "all"),
        ("public-entrance", "url"),
        ("iam-any-resource", "worker-policy"),
        ("iam-widened", "worker-policy"),
    ]
    assert {risk.kind for risk in found.risks} == {RiskKind.ACCESS}
    assert all(risk.remedy for risk in found.risks)


def test_a_risk_is_about_the_resource_that_changes() -> None:
    found = opened(role_with(), role_with(allow("sqs:*", _RUNS)))
    (risk,) = found.risks
    assert (risk.urn, risk.type) == (
        urn("aws:iam/rolePolicy:RolePolicy", "worker-policy"),
        "aws:iam/rolePolicy:RolePolicy",
    )


def test_a_new_role_is_one_sentence() -> None:
    statements = [allow(f"sqs:{name}", f"{_RUNS}-{name}") for name in ("A", "B", "C", "D", "E", "F")]
    role, attached = role_with(*statements)
    trusting = policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}})
    role = entry(ROLE, "worker", {**role.inputs, "assumeRolePolicy": trusting})
    assert risk_lines(opened([], [role, attached])) == [
        (
            "iam-widened worker: The new role worker may be taken by lambda.amazonaws.com; "
            "sqs:A on runs-A; sqs:B on runs-B; and 4 more."
        )
    ]


def test_what_is_told_to_be_ignored_opens_nothing() -> None:
    before, after = (role_with(allow(action, _RUNS)) for action in ("sqs:SendMessage", "sqs:*"))
    kept = entry(after[1].type, after[1].name, after[1].inputs, ignore_changes=["policy"])
    found = opened(before, [after[0], kept])
    assert (found.statements, found.risks) == ([], [])


def test_names_stay_as_they_are() -> None:
    name = "|`</td>{0}{}%s\x1b[31m"
    assert risk_lines(opened([], [entry(_URL, name, {"authorizationType": "NONE"})])) == [
        f"public-entrance {name}: Anybody may now call the function behind {name} without credentials."
    ]


def test_a_permission_to_invoke_is_a_statement_of_the_function() -> None:
    function = entry("aws:lambda/function:Function", "api", {"name": "plinth-api"})
    permission = entry(
        _PERMISSION,
        "invoke",
        {
            "function": "plinth-api",
            "qualifier": "live",
            "action": "lambda:InvokeFunction",
            "principal": "apigateway.amazonaws.com",
            "sourceArn": "arn:aws:execute-api:eu-central-1:111111111111:a/*",
            "sourceAccount": "111111111111",
        },
    )
    found = opened([function], [function, permission])
    assert statement_lines(found) == [
        (
            "+ api Allow lambda:InvokeFunction on plinth-api:live by apigateway.amazonaws.com if "
            "ArnLike aws:SourceArn = arn:aws:execute-api:eu-central-1:111111111111:a/* and "
            "StringEquals aws:SourceAccount = 111111111111"
        )
    ]
    assert risk_lines(found) == [
        "iam-widened invoke: apigateway.amazonaws.com may now lambda:InvokeFunction on api under 2 conditions."
    ]


@pytest.mark.parametrize(
    ("type_", "closed", "open_"),
    [
        (_URL, {"authorizationType": "AWS_IAM"}, {"authorizationType": "NONE"}),
        (_URL, {"authorizationType": "AWS_IAM"}, {"authorizationType": "AWS_IAM", "cors": {"allowOrigins": ["*"]}}),
        (_API, {"corsConfiguration": {"allowOrigins": ["https://a"]}}, {"corsConfiguration": {"allowOrigins": ["*"]}}),
        (_API, {"disableExecuteApiEndpoint": True}, {}),
        (_ROUTE, {"authorizationType": "JWT"}, {"authorizationType": "NONE"}),
        ("aws:apigateway/method:Method", {"authorization": "AWS_IAM"}, {"authorization": "NONE"}),
        ("aws:rds/clusterInstance:ClusterInstance", {}, {"publiclyAccessible": True}),
        ("aws:rds/instance:Instance", {"publiclyAccessible": False}, {"publiclyAccessible": True}),
        ("aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": False}, {"mapPublicIpOnLaunch": True}),
        ("aws:s3/bucketAcl:BucketAcl", {"acl": "private"}, {"acl": "public-read"}),
        ("aws:lb/loadBalancer:LoadBalancer", {"internal": True}, {"internal": False}),
        ("aws:rds/clusterSnapshot:ClusterSnapshot", {}, {"sharedAccounts": ["all"]}),
        (_TABLE, {"routes": []}, {"routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}]}),
        (_BLOCK, {"bucket": "b", "blockPublicAcls": True}, {"bucket": "b", "blockPublicAcls": False}),
        ("awsx:ec2:Vpc", {"subnetSpecs": [{"type": "Isolated"}]}, {"subnetSpecs": [{"type": "Public"}]}),
    ],
)
def test_an_entrance_is_a_risk_when_it_opens_and_never_again(
    type_: str, closed: Mapping[str, Any], open_: Mapping[str, Any]
) -> None:
    shut, wide = [entry(type_, "it", closed)], [entry(type_, "it", open_)]
    assert [(risk.rule, risk.name) for risk in opened(shut, wide).risks] == [("public-entrance", "it")]
    assert [opened(old, new).risks for old, new in ((wide, wide), (wide, shut), (shut, shut))] == [[], [], []]


def test_a_block_of_a_bucket_that_goes_with_it_is_no_risk() -> None:
    bucket = entry("aws:s3/bucket:Bucket", "b", {"bucket": "plinth-b"})
    block = entry(_BLOCK, "private", {"bucket": "plinth-b", "blockPublicAcls": True, "blockPublicPolicy": True})
    assert risk_lines(opened([bucket, block], [])) == []
    assert risk_lines(opened([bucket, block], [bucket])) == [
        "public-entrance private: b is no longer kept private by blockPublicAcls and blockPublicPolicy."
    ]


def test_a_route_moves_between_its_table_and_a_resource_of_its_own() -> None:
    inline = [entry(_TABLE, "main", {"routes": [{"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-1"}]})]
    route = {
        "routeTableId": f"${{{_TABLE}::main.id}}",
        "destinationCidrBlock": "0.0.0.0/0",
        "natGatewayId": "nat-1",
    }
    apart = [entry(_TABLE, "main", {}), entry("aws:ec2/route:Route", "out", route)]
    assert [risk_lines(opened(old, new)) for old, new in ((inline, apart), (apart, inline))] == [[], []]
    assert risk_lines(opened([apart[0]], apart)) == [
        "network-widened out: Traffic to 0.0.0.0/0 now has a way from main to the internet, outward only."
    ]


def test_a_new_route_without_authorization_is_a_risk_where_others_ask_for_it() -> None:
    def program(*routes: tuple[str, str]) -> list[Entry]:
        api = entry(_API, "http", {})
        of = {"apiId": f"${{{_API}::http.id}}"}
        return [api, *(entry(_ROUTE, name, {**of, "authorizationType": kind}) for name, kind in routes)]

    guarded, plain = ("admin", "JWT"), ("items", "NONE")
    assert risk_lines(opened(program(guarded), program(guarded, plain))) == [
        "public-entrance items: Anybody may now call items of http without authorization."
    ]
    assert risk_lines(opened(program(guarded, plain), program(guarded, plain))) == []
    assert risk_lines(opened(program(plain), program(plain, ("runs", "NONE")))) == []


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (Hidden("1"), Hidden("1"), []),
        (Hidden("1"), Hidden("2"), ["cannot-be-judged group: The ingress of group differs, and it is secret."]),
        (None, Hidden("2"), ["cannot-be-judged group: The ingress of group differs, and it is secret."]),
    ],
)
def test_rules_that_are_secret_are_said_not_to_be_judged(before: Any, after: Any, expected: list[str]) -> None:
    old, new = ([entry(GROUP, "group", {"ingress": each})] for each in (before, after))
    assert risk_lines(opened(old, new)) == expected


def test_an_entrance_that_was_secret_and_is_open_is_a_risk() -> None:
    before, after = ([entry(_URL, "url", {"authorizationType": each})] for each in (Hidden("1"), "NONE"))
    assert [risk.rule for risk in opened(before, after).risks] == ["public-entrance"]
