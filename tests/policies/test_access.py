"""Permissions are for named actions on named resources, and roles trust known callers."""

import json
from typing import Any, cast

import pytest

from policies.model import UNKNOWN, Resource
from tests.support.policies import made, provider, said

ROLE = "aws:iam/role:Role"
QUEUE = "arn:aws:sqs:eu-central-1:111111111111:plinth-prod-runs"
IN_ONE_REGION = {"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}
GITHUB = "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"


def document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def policy(**statement: Any) -> Resource:
    return made("aws:iam/rolePolicy:RolePolicy", "policy", {"policy": document(**statement)})


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": ["sqs:SendMessage"], "Resource": QUEUE}, []),
        ({"Action": ["s3:Get*", "ec2:Describe*", "lambda:List*"], "Resource": QUEUE}, []),
        ({"Action": "*", "Resource": QUEUE}, ["policy allows the actions *"]),
        ({"Action": ["sqs:*"], "Resource": QUEUE}, ["policy allows the actions sqs:*"]),
        ({"Action": "sqs:Send*", "Resource": QUEUE}, ["policy allows the actions sqs:Send*"]),
        ({"Action": "*:Get*", "Resource": QUEUE}, ["policy allows the actions *:Get*"]),
        ({"Action": "sqs:SendMessag?", "Resource": QUEUE}, ["policy allows the actions sqs:SendMessag?"]),
        ({"NotAction": "iam:*", "Resource": QUEUE}, ["policy allows all but some: NotAction"]),
        ({"Action": "sqs:SendMessage", "NotResource": QUEUE}, ["policy allows all but some: NotResource"]),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, []),
        ({"Effect": "Deny", "NotAction": "sqs:*", "Resource": "*"}, []),
    ],
)
def test_actions_are_named(statement: dict[str, Any], expected: list[str]) -> None:
    assert said("no-wildcard-actions", policy(**statement)) == expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        (QUEUE, None),
        (f"{QUEUE}-*", None),
        ("arn:aws:sqs:eu-central-1:111111111111:plinth-prod-*", None),
        ("arn:aws:logs:eu-central-1:111111111111:log-group:/aws/*/plinth-prod-*", None),
        ("arn:aws:secretsmanager:eu-central-1:111111111111:secret:rds!cluster-*", None),
        ("arn:aws:apigateway:eu-central-1::/apis/*", None),
        ("arn:aws:s3:::states/.pulumi/stacks/plinth/prod.json*", None),
        ("arn:aws:sqs:eu-central-1:111111111111:plinth-*", "whatever its name"),
        ("arn:aws:sqs:eu-central-1:111111111111:plinth-dev-*", "whatever its name"),
        ("arn:aws:sqs:eu-central-1:111111111111:p*", "whatever its name"),
        ("arn:aws:iam::111111111111:r*", "whatever its name"),
        ("arn:aws:lambda:eu-central-1:111111111111:f*", "whatever its name"),
        ("arn:aws:logs:eu-central-1:111111111111:log-group:/aws/lambda/*", "whatever its name"),
        ("arn:aws:s3:::a-plinth-prod-*", "whatever its name"),
        ("arn:aws:logs:eu-central-1:111111111111:log-group:/aws/lambda/plinth-prod-api:*", None),
        ("arn:aws:s3:::plinth-prod-code/*", None),
        ("arn:aws:ec2:eu-central-1:111111111111:network-interface/*", None),
        ("arn:aws:lambda:eu-central-1:111111111111:function:*", "whatever its name"),
        ("arn:aws:iam::111111111111:role/*", "whatever its name"),
        ("arn:aws:sqs:eu-central-1:111111111111:*", "whatever its name"),
        ("arn:aws:s3:::*", "whatever its name"),
        ("arn:aws:ec2:eu-central-1:111111111111:launch-template/*", "whatever its name"),
        ("arn:aws:connect:eu-central-1:111111111111:instance/*", "whatever its name"),
        ("arn:aws:sqs:*:111111111111:plinth-prod-runs", "in any service, region or account"),
        ("arn:aws:sqs:eu-central-1:*:plinth-prod-runs", "in any service, region or account"),
        ("arn:*", "in any service, region or account"),
    ],
)
def test_a_pattern_begins_with_a_name_in_one_account_and_region(resource: str, expected: str | None) -> None:
    found = said("no-wildcard-resources", policy(Action="sqs:SendMessage", Resource=[QUEUE, resource]))
    assert found == ([f"policy allows sqs:SendMessage on {resource}, {expected}"] if expected else [])


@pytest.mark.parametrize(
    ("condition", "passes"),
    [
        ({"StringEquals": {"aws:ResourceTag/plinth:stack": "prod"}}, True),
        ({"StringEquals": {"aws:RequestTag/plinth:stack": "prod"}}, True),
        ({"StringLike": {"aws:ResourceTag/plinth:stack": "*"}}, False),
        ({"StringNotEquals": {"aws:ResourceTag/plinth:stack": "dev"}}, False),
        ({"Null": {"aws:ResourceTag/plinth:stack": "false"}}, False),
        (IN_ONE_REGION, False),
    ],
)
def test_tags_narrow_what_has_no_name(condition: dict[str, Any], passes: bool) -> None:
    databases = "arn:aws:rds:eu-central-1:111111111111:db:*"
    found = said(
        "no-wildcard-resources", policy(Action="rds:DeleteDBInstance", Resource=databases, Condition=condition)
    )
    assert found == ([] if passes else [f"policy allows rds:DeleteDBInstance on {databases}, whatever its name"])


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Action": ["ec2:DescribeVpcs", "xray:PutTraceSegments"], "Condition": IN_ONE_REGION}, []),
        ({"Action": ["ec2:Describe*"], "Condition": IN_ONE_REGION}, []),
        (
            {"Action": ["ec2:DescribeVpcs", "sqs:SendMessage"], "Condition": IN_ONE_REGION},
            ["policy allows sqs:SendMessage on any resource"],
        ),
        (
            {
                "Action": "lambda:DeleteEventSourceMapping",
                "Condition": {
                    "ArnLike": {"lambda:FunctionArn": "arn:aws:lambda:eu-central-1:111111111111:function:plinth-prod-*"}
                },
            },
            [],
        ),
        *(
            (
                {"Action": "lambda:DeleteEventSourceMapping", "Condition": condition},
                ["policy allows lambda:DeleteEventSourceMapping on any resource"],
            )
            for condition in (
                {"ArnLike": {"lambda:FunctionArn": "arn:aws:lambda:*:*:function:*"}},
                {"StringLike": {"aws:ResourceTag/plinth:stack": "p*"}},
                {"StringLike": {"ec2:VpceServiceName": "c*"}},
                {"StringEquals": {"aws:ResourceTag/plinth:stack": "${aws:ResourceTag/plinth:stack}"}},
                {"stringequalsifexists": {"aws:ResourceTag/plinth:stack": "prod"}},
            )
        ),
        *(
            (
                {"Action": "lambda:ListFunctions", "Condition": condition},
                ["policy allows lambda:ListFunctions on any resource without a condition"],
            )
            for condition in (
                {"StringLike": {"aws:RequestedRegion": "*"}},
                {"StringLike": {"aws:RequestedRegion": "e*"}},
                {"StringNotEquals": {"aws:RequestedRegion": "nowhere"}},
                {"StringEquals": {"aws:RequestedRegion": "${aws:RequestedRegion}"}},
                {"Bool": {"aws:SecureTransport": "true"}},
                {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
            )
        ),
        (
            {"Action": "lambda:DeleteEventSourceMapping", "Condition": {"ArnLike": {"lambda:FunctionArn": "*"}}},
            ["policy allows lambda:DeleteEventSourceMapping on any resource"],
        ),
        ({"Action": "ec2:*", "Condition": IN_ONE_REGION}, ["policy allows ec2:* on any resource"]),
        (
            {"Action": "lambda:ListFunctions"},
            ["policy allows lambda:ListFunctions on any resource without a condition"],
        ),
        ({"Effect": "Deny", "Action": "*"}, []),
    ],
)
def test_any_resource_is_for_what_cannot_be_narrowed(statement: dict[str, Any], expected: list[str]) -> None:
    assert said("no-wildcard-resources", policy(**{"Resource": "*", **statement})) == expected


def test_policies_are_read_wherever_identities_have_them() -> None:
    wide = document(Action="sqs:SendMessage", Resource="*")
    role = made(ROLE, "role", {"inlinePolicies": [{"name": "wide", "policy": wide}]})
    others = [
        made(f"aws:iam/{kind[0].lower()}{kind[1:]}:{kind}", kind, {"policy": wide})
        for kind in ("GroupPolicy", "Policy", "RolePolicy", "UserPolicy")
    ]
    found = said("no-wildcard-resources", role, *others)
    assert [each.split()[0] for each in found] == ["GroupPolicy", "Policy", "role", "RolePolicy", "UserPolicy"]


def test_what_is_not_known_yet_is_not_held_against_a_policy() -> None:
    unknown = made("aws:iam/rolePolicy:RolePolicy", "policy", {"policy": UNKNOWN})
    partly = made(ROLE, "role", {"assumeRolePolicy": UNKNOWN, "inlinePolicies": [UNKNOWN, {"policy": UNKNOWN}]})
    for rule in ("no-wildcard-actions", "no-wildcard-resources", "known-callers"):
        assert said(rule, unknown, partly) == []


def test_a_variable_that_a_request_fills_in_is_no_name() -> None:
    theirs = "arn:aws:s3:::${aws:PrincipalTag/bucket}"
    (found,) = said("no-wildcard-resources", policy(Action="s3:GetObject", Resource=theirs))
    assert found == "policy allows s3:GetObject on arn:aws:s3:::*, whatever its name"
    later = "arn:aws:sqs:eu-central-1:111111111111:${aws:sqs/queue:Queue::runs.name}"
    assert said("no-wildcard-resources", policy(Action="sqs:SendMessage", Resource=later)) == []


OWN = "arn:aws:iam::111111111111:policy/own"
ELSEWHERE = "arn:aws:iam::111111111111:policy/elsewhere"


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:iam::aws:policy/service-role/AWSLambdaENIManagementAccess", None),
        (OWN, None),
        (UNKNOWN, None),
        ("arn:aws:iam::aws:policy/AdministratorAccess", "AWS's own policy AdministratorAccess"),
        (
            "arn:aws:iam::aws:policy/service-role/AWSLambdaVPCAccessExecutionRole",
            "AWS's own policy service-role/AWSLambdaVPCAccessExecutionRole",
        ),
        (ELSEWHERE, f"{ELSEWHERE}, a policy that no rule sees"),
    ],
)
def test_policies_that_are_attached_are_the_stacks_or_narrow(arn: Any, expected: str | None) -> None:
    own = made("aws:iam/policy:Policy", "policy", {"name": "own"})
    attached = made("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "attached", {"policyArn": arn})
    exclusive = made(
        "aws:iam/rolePolicyAttachmentsExclusive:RolePolicyAttachmentsExclusive", "exclusive", {"policyArns": [arn]}
    )
    role = made(ROLE, "role", {"managedPolicyArns": [arn]})
    found = said("few-managed-policies", own, attached, exclusive, role)
    assert found == [f"{each} attaches {expected}" for each in ("role", "attached", "exclusive") if expected]


def test_a_policy_that_was_made_of_the_stacks_is_one_of_them() -> None:
    own = made("aws:iam/policy:Policy", "policy")
    attached = made(
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment", "attached", {"policyArn": f"{OWN}-4f2a1b"}, policyArn=own
    )
    assert said("few-managed-policies", own, attached) == []


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            {
                "Principal": {"Service": "scheduler.amazonaws.com"},
                "Condition": {"StringEquals": {"aws:SourceAccount": "111111111111"}},
            },
            [],
        ),
        (
            {
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Condition": {"ArnLike": {"AWS:SourceArn": "arn:aws:lambda:eu-central-1:111111111111:function:a"}},
            },
            [],
        ),
        (
            {"Principal": {"Service": ["scheduler.amazonaws.com", "lambda.amazonaws.com"]}},
            [
                "role trusts lambda.amazonaws.com whichever account it acts for",
                "role trusts scheduler.amazonaws.com whichever account it acts for",
            ],
        ),
        ({"Principal": {"AWS": "arn:aws:iam::111111111111:role/other"}}, []),
        ({"Principal": "*"}, ["role trusts any principal of any account"]),
        ({"Principal": {"Federated": "*"}}, ["role trusts any principal of any account"]),
        (
            {"Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"aws:PrincipalAccount": "111111111111"}}},
            ["role trusts any principal of any account"],
        ),
        (
            {
                "Principal": {"Federated": GITHUB},
                "Condition": {
                    "StringEquals": {
                        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                        "token.actions.githubusercontent.com:sub": "repo:o/r:environment:prod",
                    }
                },
            },
            [],
        ),
        (
            {
                "Principal": {"Federated": GITHUB},
                "Condition": {"StringLike": {"token.actions.githubusercontent.com:sub": "repo:o/r:*"}},
            },
            [
                f"role trusts {GITHUB} without an exact aud of its tokens",
                f"role trusts {GITHUB} without an exact sub of its tokens",
            ],
        ),
    ],
)
def test_roles_trust_known_callers(statement: dict[str, Any], expected: list[str]) -> None:
    role = made(ROLE, "role", {"assumeRolePolicy": document(Action="sts:AssumeRole", **statement)})
    assert said("known-callers", role) == expected


@pytest.mark.parametrize(
    ("service", "user", "key"),
    [
        ("lambda.amazonaws.com", "aws:lambda/function:Function", "role"),
        ("rds.amazonaws.com", "aws:rds/proxy:Proxy", "roleArn"),
    ],
)
def test_a_role_that_a_resource_was_handed_needs_no_account(service: str, user: str, key: str) -> None:
    principal = {"Service": service}
    role = made(ROLE, "role", {"assumeRolePolicy": document(Action="sts:AssumeRole", Principal=principal)})
    unused = made(ROLE, "unused", dict(role.inputs))
    found = said("known-callers", role, unused, made(user, "user", **cast("Any", {key: role})))
    assert found == [f"unused trusts {service} whichever account it acts for"]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Principal": "*"}, ["queue trusts any principal of any account"]),
        ({"Principal": "*", "Condition": {"ArnEquals": {"aws:SourceArn": QUEUE}}}, []),
        (
            {"Principal": {"Service": "s3.amazonaws.com"}},
            ["queue trusts s3.amazonaws.com whichever account it acts for"],
        ),
        (
            {"Principal": "*", "Condition": {"StringNotEquals": {"aws:SourceAccount": "111111111111"}}},
            ["queue trusts any principal of any account"],
        ),
        (
            {"Principal": "*", "Condition": {"StringEqualsIfExists": {"aws:SourceAccount": "111111111111"}}},
            ["queue trusts any principal of any account"],
        ),
        ({"Effect": "Deny", "Principal": "*"}, []),
    ],
)
def test_resources_let_known_callers_in(statement: dict[str, Any], expected: list[str]) -> None:
    of_queue = made("aws:sqs/queuePolicy:QueuePolicy", "queue", {"policy": document(Action="sqs:*", **statement)})
    assert said("known-callers", of_queue) == expected


OURS = provider(account="111111111111")
THEIRS = "arn:aws:sqs:eu-central-1:999999999999:theirs"


@pytest.mark.parametrize(
    ("principal", "condition", "expected"),
    [
        ({"AWS": "arn:aws:iam::111111111111:role/own"}, {}, None),
        ({"AWS": "111111111111"}, {}, None),
        ({"AWS": "${aws:iam/role:Role::api.arn}"}, {}, None),
        ({"AWS": "999999999999"}, {}, "trusts 999999999999, which is not of the stack's account"),
        (
            {"AWS": "arn:aws:iam::999999999999:root"},
            {"StringEquals": {"sts:ExternalId": "1"}},
            "trusts arn:aws:iam::999999999999:root, which is not of the stack's account",
        ),
        (
            {"AWS": "arn:aws:iam::*:role/deploy"},
            {},
            "trusts arn:aws:iam::*:role/deploy, which is not of the stack's account",
        ),
        ({"CanonicalUser": "79a59d"}, {}, "trusts 79a59d, which is not of the stack's account"),
        ({"Service": "sns.amazonaws.com"}, {"StringEquals": {"aws:SourceAccount": "111111111111"}}, None),
        ({"Service": "sns.amazonaws.com"}, {"ArnLike": {"aws:SourceArn": "${aws:sns/topic:Topic::t.arn}"}}, None),
        ({"Service": "s3.amazonaws.com"}, {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::plinth-prod-*"}}, None),
        *(
            ({"Service": "sns.amazonaws.com"}, condition, "trusts sns.amazonaws.com whichever account it acts for")
            for condition in (
                {"StringEquals": {"aws:SourceAccount": "999999999999"}},
                {"StringEquals": {"aws:SourceAccount": ["111111111111", "999999999999"]}},
                {"StringLike": {"aws:SourceAccount": "1*"}},
                {"ArnLike": {"aws:SourceArn": "arn:aws:sns:*:*:*"}},
                {"ArnEquals": {"aws:SourceArn": THEIRS}},
                {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::*"}},
                {"StringEquals": {"aws:SourceAccount": "${aws:SourceAccount}"}},
            )
        ),
        *(
            ("*", condition, "trusts any principal of any account")
            for condition in (
                {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/plinth-prod-api"}},
                {"StringEquals": {"aws:PrincipalAccount": "999999999999"}},
                {"StringLike": {"aws:PrincipalOrgID": "o-*"}},
            )
        ),
        ("*", {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, None),
    ],
)
def test_callers_are_of_the_stacks_own_account(principal: Any, condition: Any, expected: str | None) -> None:
    statement = {"Action": "sqs:SendMessage", "Principal": principal, "Condition": condition}
    queue = made("aws:sqs/queuePolicy:QueuePolicy", "queue", {"policy": document(**statement)})
    assert said("known-callers", OURS, queue) == ([f"queue {expected}"] if expected else [])
