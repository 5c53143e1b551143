"""Whom the two roles trust, and where their rights end."""

import json
from typing import Any

import pulumi
import pytest

from components.deploy_role import DeployRole, DeployRoleArgs
from tests.support.evaluation import deploy, inputs, policy, registered
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

ROLE = "aws:iam/role:Role"
POLICY = "aws:iam/policy:Policy"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
ENDINGS = ["compute", "data", "edge", "network", "roles", "stores"]
ISSUER = "token.actions.githubusercontent.com"
PROVIDER = "arn:aws:iam::111111111111:oidc-provider/ci-provider"
BUCKET = "arn:aws:s3:::states"
KEY = "arn:aws:kms:eu-central-1:111111111111:key/1"

ARGS: DeployRoleArgs = {
    "repository": "acme/plinth",
    "environment": "prod",
    "account_id": "111111111111",
    "region": "eu-central-1",
}


def deployed(**more: Any) -> Manifest:
    args: Any = {**ARGS, **more}
    return deploy(lambda: DeployRole("ci", args))


def test_it_is_two_roles_their_policies_and_the_provider_that_they_trust() -> None:
    manifest = deployed()
    parent = "plinth:index:DeployRole"
    assert registered(manifest) == [
        f"{parent}$aws:iam/openIdConnectProvider:OpenIdConnectProvider::ci-provider",
        *(f"{parent}${POLICY}::ci-{ending}" for ending in ENDINGS),
        f"{parent}${ROLE}::ci-preview-role",
        f"{parent}${ROLE}::ci-role",
        f"{parent}$aws:iam/rolePolicy:RolePolicy::ci-policy",
        *(f"{parent}${ATTACHMENT}::ci-{ending}-attached" for ending in ENDINGS),
        f"{parent}::ci",
    ]
    assert [inputs(manifest, ATTACHMENT, f"ci-{ending}-attached") for ending in ENDINGS] == [
        {"role": "plinth-test-ci", "policyArn": f"arn:aws:iam::111111111111:policy/plinth-test-ci-{ending}"}
        for ending in ENDINGS
    ]
    assert inputs(manifest, "aws:iam/openIdConnectProvider:OpenIdConnectProvider", "ci-provider") == {
        "url": f"https://{ISSUER}",
        "clientIdLists": ["sts.amazonaws.com"],
    }


@pytest.mark.parametrize(
    ("role", "claims"),
    [
        ("ci-preview-role", {f"{ISSUER}:sub": "repo:acme/plinth:environment:prod-preview"}),
        (
            "ci-role",
            {f"{ISSUER}:sub": "repo:acme/plinth:environment:prod", f"{ISSUER}:ref": "refs/heads/main"},
        ),
    ],
)
def test_a_role_takes_tokens_with_exactly_its_claims(role: str, claims: dict[str, str]) -> None:
    assert json.loads(inputs(deployed(), ROLE, role)["assumeRolePolicy"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": PROVIDER},
                "Condition": {"StringEquals": {f"{ISSUER}:aud": "sts.amazonaws.com", **claims}},
            }
        ],
    }


def test_a_repository_with_numbers_and_another_branch_and_provider_are_trusted_as_given() -> None:
    manifest = deployed(repository="acme@12/plinth@34", branch="release", oidc_provider_arn="arn:aws:iam::1:provider")
    trusted = json.loads(inputs(manifest, ROLE, "ci-role")["assumeRolePolicy"])["Statement"][0]
    assert trusted["Principal"] == {"Federated": "arn:aws:iam::1:provider"}
    assert trusted["Condition"]["StringEquals"] == {
        f"{ISSUER}:aud": "sts.amazonaws.com",
        f"{ISSUER}:sub": "repo:acme@12/plinth@34:environment:prod",
        f"{ISSUER}:ref": "refs/heads/release",
    }
    assert list(manifest.of_type("aws:iam/openIdConnectProvider:OpenIdConnectProvider")) == []


def test_a_preview_reads_the_stacks_state_and_nothing_of_aws() -> None:
    manifest = deployed(state_bucket_arn=BUCKET, secrets_key_arn=KEY)
    assert "plinth:index:DeployRole$aws:iam/rolePolicy:RolePolicy::ci-preview-policy" in registered(manifest)
    assert policy(manifest, "ci-preview-policy") == [
        {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": [KEY]},
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [f"{BUCKET}/.pulumi/meta.yaml"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": [f"{BUCKET}/.pulumi/stacks/plinth/test.json*", f"{BUCKET}/.pulumi/stacks/plinth/test/*"],
        },
        {
            "Effect": "Allow",
            "Action": ["s3:ListBucket"],
            "Resource": [BUCKET],
            "Condition": {"StringLike": {"s3:prefix": ".pulumi/*"}},
        },
    ]
    attached = {inputs(manifest, ATTACHMENT, each.name)["role"] for each in manifest.of_type(ATTACHMENT)}
    assert attached == {"plinth-test-ci"}


def test_a_deployment_writes_the_state_and_changes_neither_role_nor_whom_aws_trusts() -> None:
    state = policy(deployed(state_bucket_arn=BUCKET, secrets_key_arn=KEY), "ci-policy")
    (denied,) = (statement for statement in state if statement["Effect"] == "Deny")
    assert denied["Resource"] == [
        "arn:aws:iam::111111111111:oidc-provider/*",
        "arn:aws:iam::111111111111:policy/plinth-test-ci-*",
        "arn:aws:iam::111111111111:role/plinth-test-ci",
        "arn:aws:iam::111111111111:role/plinth-test-ci-preview",
    ]
    assert "Condition" not in denied
    assert {"Effect": "Allow", "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": [KEY]} in state
    files = [
        f"{BUCKET}/.pulumi/{folder}/plinth/test{end}"
        for folder in ("backups", "history", "locks/organization", "stacks")
        for end in (".json*", "/*")
    ]
    writes = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
    assert {"Effect": "Allow", "Action": writes, "Resource": files} in state


def test_of_the_rights_over_roles_none_escapes_the_denial() -> None:
    manifest = deployed()
    allowed = {
        action
        for statement in json.loads(inputs(manifest, POLICY, "ci-roles")["policy"])["Statement"]
        for action in statement["Action"]
        if not action.startswith(("iam:Get", "iam:List")) and "aws-service-role" not in str(statement["Resource"])
    }
    (denied,) = policy(manifest, "ci-policy")
    assert allowed - set(denied["Action"]) == set()
    assert "iam:PutRolePolicy" in allowed


def test_the_roles_arns_are_handed_out() -> None:
    def program() -> None:
        roles = DeployRole("ci", ARGS)
        pulumi.export("arns", [roles.preview_role_arn, roles.deploy_role_arn, roles.provider_arn])

    role = "arn:aws:iam::111111111111:role/plinth-test-ci"
    assert deploy(program).outputs["arns"] == [f"{role}-preview", role, PROVIDER]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"repository": "acme/*"}, "repository is 'acme/*': give 'org/name' without wildcards"),
        ({"repository": "plinth"}, "repository is 'plinth': give 'org/name' without wildcards"),
        ({"repository": "acme@1/plinth"}, "repository is 'acme@1/plinth': give 'org/name' without wildcards"),
        ({"repository": "a/b:ref:x"}, "repository is 'a/b:ref:x': give 'org/name' without wildcards"),
        ({"environment": "*"}, "environment is '*': give a GitHub environment's name such as 'prod'."),
        ({"branch": "release/*"}, "branch is 'release/*': give a branch's name such as 'main', without wildcards."),
        ({"account_id": "acme"}, "account_id is 'acme': give the 12 digits of an AWS account, in quotes."),
        ({"region": "*"}, "region is '*': give a region such as 'eu-central-1'."),
        ({"hosted_zone_ids": ["*"]}, "hosted_zone_ids is ['*']: give ids such as 'Z0123456789ABCDEFGHIJ'."),
        ({"tags": {}}, "tags is {}: give the stack's default tags: without any, all of the account is the stack's."),
    ],
)
def test_a_wrong_argument_is_told_with_what_to_give(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ProgramError) as told:
        deployed(**args)
    assert f"DeployRole 'ci': {message}" in str(told.value)
