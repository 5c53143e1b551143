"""The two roles that a repository's workflows on GitHub may take: one that looks, and one that deploys."""

import json
from collections.abc import Mapping, Sequence
from typing import NotRequired

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs
from components.deploy_rights import Scope, policies
from components.grants import Statement, allow, policy_document
from components.naming import physical_name
from components.rules import HOSTED_ZONE, Rule, account, check, each_like, like, region, repository

ISSUER = "token.actions.githubusercontent.com"
"""Who issues the tokens of GitHub's workflows."""

_AUDIENCE = "sts.amazonaws.com"

_CHANGES_OF_IAM = (
    "iam:AddClientIDToOpenIDConnectProvider",
    "iam:AttachRolePolicy",
    "iam:CreateOpenIDConnectProvider",
    "iam:CreatePolicy",
    "iam:CreatePolicyVersion",
    "iam:CreateRole",
    "iam:DeleteOpenIDConnectProvider",
    "iam:DeletePolicy",
    "iam:DeletePolicyVersion",
    "iam:DeleteRole",
    "iam:DeleteRolePermissionsBoundary",
    "iam:DeleteRolePolicy",
    "iam:DetachRolePolicy",
    "iam:PassRole",
    "iam:PutRolePermissionsBoundary",
    "iam:PutRolePolicy",
    "iam:RemoveClientIDFromOpenIDConnectProvider",
    "iam:SetDefaultPolicyVersion",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateOpenIDConnectProviderThumbprint",
    "iam:UpdateRole",
)


class DeployRoleArgs(ComponentArgs):
    repository: str
    """The repository, `org/name`, as the subject of its tokens has it. Those of a repository made, renamed or moved
    since July 2026 have the numbers, too: `org@123456/name@456789` (GitHub shows it in the repository's OIDC
    settings). No wildcards."""

    environment: str
    """The GitHub environment whose jobs deploy, such as `prod`. Jobs of `<environment>-preview` may look. Caution: who
    may start such a job is for the environment's protection rules to say: put reviewers on it."""

    account_id: str
    """The AWS account, 12 digits."""

    region: str
    """The AWS region of the stack, such as `eu-central-1`: nothing may be done in another."""

    branch: NotRequired[str]
    """The branch that is deployed. Default `main`."""

    oidc_provider_arn: NotRequired[pulumi.Input[str] | None]
    """The account's identity provider for GitHub. Default none: it is made. Caution: an account has one at most, so
    the second stack in it has to name the first one's, and that first stack goes last."""

    state_bucket_arn: NotRequired[pulumi.Input[str] | None]
    """The bucket that is Pulumi's backend. Default none: the state is elsewhere."""

    secrets_key_arn: NotRequired[pulumi.Input[str] | None]
    """The KMS key that encrypts the secrets in the state. Default none: something else does."""

    invokes: NotRequired[Sequence[str]]
    """The functions that a deployment invokes, by their names in the stack. Default `migrate`."""

    hosted_zone_ids: NotRequired[Sequence[str]]
    """The Route 53 zones that the stack has records in. Default none."""

    tags: NotRequired[Mapping[str, str]]
    """What the provider tags each resource of the stack with (`aws:defaultTags`): how the stack's own things are told
    from others where they have no name. Default `plinth:project` and `plinth:stack`."""

    permissions_boundary_arn: NotRequired[str | None]
    """The boundary that every role of the stack has to have. Default none. Caution: without one, whoever can deploy
    can give a role of the stack any permission and run code with it, which is all the power over the account."""


class DeployRole(Component):
    """A preview role and a deploy role for GitHub workflows, which bring a token instead of a stored key.

    The preview role may do nothing but read the stack's state. A preview without a refresh asks AWS for no more than
    who is calling, which everybody may: no component looks anything up. AWS's own ReadOnlyAccess would let every
    pull request read what is in the buckets, queues and logs of the account.

    The deploy role has the rights of `components/deploy_rights.py` in six policies, since AWS bounds the
    length of one. It changes roles named after the stack, hands them to the services that run the stack, and can
    change neither itself, the preview role, nor whom AWS trusts: an administrator deploys those changes.

    Defaults: deployed from `main` only; sessions of an hour.
    Cost: nothing.
    Security: a token is good for one role, one repository, one environment, and for deploying one branch; all of it is
    compared whole. Permissions reach what is named after the stack or has its tags. The few that AWS cannot narrow so
    are bound to the region or to what they are for, each with its reason in the table. See `permissions_boundary_arn`
    for what is left.
    """

    preview_role_arn: pulumi.Output[str]
    """The role for jobs of `<environment>-preview`."""

    deploy_role_arn: pulumi.Output[str]
    """The role for jobs of the environment."""

    provider_arn: pulumi.Output[str]
    """The account's identity provider for GitHub."""

    def __init__(self, name: str, args: DeployRoleArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        check(self._label, args, _RULES)
        self._inside = pulumi.ResourceOptions(parent=self)
        account, subject = args["account_id"], f"repo:{args['repository']}:environment:{args['environment']}"

        self.provider_arn = self._identity_provider(name, args)
        preview = aws.iam.Role(
            f"{name}-preview-role",
            name=physical_name(f"{name}-preview"),
            description=f"Previews of pull requests of {args['repository']}",
            assume_role_policy=self.provider_arn.apply(lambda arn: _trust(arn, sub=f"{subject}-preview")),
            opts=self._inside,
        )
        if state := _state(args, ["s3:GetObject"], ["kms:Decrypt"], ["stacks"]):
            aws.iam.RolePolicy(
                f"{name}-preview-policy", role=preview.name, policy=policy_document(state), opts=self._inside
            )
        branch = f"refs/heads/{args.get('branch', 'main')}"
        deploy = aws.iam.Role(
            f"{name}-role",
            name=physical_name(name),
            description=f"Deployments of {args['repository']}",
            assume_role_policy=self.provider_arn.apply(lambda arn: _trust(arn, sub=subject, ref=branch)),
            opts=self._inside,
        )
        aws.iam.RolePolicy(
            f"{name}-policy",
            role=deploy.name,
            policy=policy_document(
                [
                    _never_changes(physical_name(name), account),
                    *_state(
                        args,
                        ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
                        ["kms:Decrypt", "kms:Encrypt"],
                        ["backups", "history", "locks/organization", "stacks"],
                    ),
                ]
            ),
            opts=self._inside,
        )
        for ending, statements in policies(_scope(args)).items():
            policy = aws.iam.Policy(
                f"{name}-{ending}",
                name=physical_name(f"{name}-{ending}"),
                description=f"What a deployment of the stack does: {ending}",
                policy=policy_document(statements),
                opts=self._inside,
            )
            aws.iam.RolePolicyAttachment(
                f"{name}-{ending}-attached", role=deploy.name, policy_arn=policy.arn, opts=self._inside
            )

        self.preview_role_arn = preview.arn
        self.deploy_role_arn = deploy.arn
        self.register_outputs(
            {
                "preview_role_arn": self.preview_role_arn,
                "deploy_role_arn": self.deploy_role_arn,
                "provider_arn": self.provider_arn,
            }
        )

    def _identity_provider(self, name: str, args: DeployRoleArgs) -> pulumi.Output[str]:
        if (known := args.get("oidc_provider_arn")) is not None:
            return pulumi.Output.from_input(known)
        # Without thumbprints: AWS checks GitHub's certificate against its own list of authorities.
        return aws.iam.OpenIdConnectProvider(
            f"{name}-provider", url=f"https://{ISSUER}", client_id_lists=[_AUDIENCE], opts=self._inside
        ).arn


_RULES: Mapping[str, Rule] = {
    "repository": repository(),
    "environment": like(r"[A-Za-z0-9][A-Za-z0-9._-]*", "a GitHub environment's name such as 'prod'"),
    "account_id": account(),
    "region": region(),
    "branch": like(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "a branch's name such as 'main', without wildcards"),
    "hosted_zone_ids": each_like(HOSTED_ZONE, "ids such as 'Z0123456789ABCDEFGHIJ'"),
    "tags": (bool, "the stack's default tags: without any, all of the account is the stack's"),
}


def _trust(provider_arn: str, **claims: str) -> str:
    """The trust policy that lets in tokens with exactly these claims, which STS compares one by one."""
    statement = {
        "Effect": "Allow",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Principal": {"Federated": provider_arn},
        "Condition": {
            "StringEquals": {f"{ISSUER}:{claim}": value for claim, value in {"aud": _AUDIENCE, **claims}.items()}
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _state(
    args: DeployRoleArgs, on_objects: Sequence[str], on_key: Sequence[str], folders: Sequence[str]
) -> list[Statement]:
    """What Pulumi needs of its own: the stack's files in the bucket, and the key of the secrets in them."""
    statements: list[Statement] = []
    if (bucket := args.get("state_bucket_arn")) is not None:
        stack = f"{pulumi.get_project()}/{pulumi.get_stack()}"
        files = [f"/.pulumi/{folder}/{stack}{end}" for folder in folders for end in (".json*", "/*")]
        statements += [
            allow(["s3:ListBucket"], bucket, StringLike={"s3:prefix": ".pulumi/*"}),
            allow(["s3:GetObject"], pulumi.Output.concat(bucket, "/.pulumi/meta.yaml")),
            allow(on_objects, *[pulumi.Output.concat(bucket, file) for file in files]),
        ]
    if (key := args.get("secrets_key_arn")) is not None:
        statements.append(allow(on_key, key))
    return statements


def _never_changes(role: str, account: str) -> Statement:
    """Where the rights end: the roles of this component, their policies, and whom AWS trusts."""
    iam = f"arn:aws:iam::{account}"
    return {
        **allow(
            _CHANGES_OF_IAM,
            f"{iam}:oidc-provider/*",
            f"{iam}:policy/{role}-*",
            f"{iam}:role/{role}",
            f"{iam}:role/{role}-preview",
        ),
        "effect": "Deny",
        "reason": "Who can change the deploy role, or whom it trusts, has whatever rights they like.",
    }


def _scope(args: DeployRoleArgs) -> Scope:
    project, stack = pulumi.get_project(), pulumi.get_stack()
    return Scope(
        region=args["region"],
        account=args["account_id"],
        prefix=f"{project}-{stack}-",
        tags=args.get("tags", {"plinth:project": project, "plinth:stack": stack}),
        invoked=[physical_name(name) for name in args.get("invokes", ("migrate",))],
        zones=args.get("hosted_zone_ids", ()),
        boundary=args.get("permissions_boundary_arn"),
    )
