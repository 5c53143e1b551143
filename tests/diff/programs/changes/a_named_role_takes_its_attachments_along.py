"""A role with a given name is deleted before the next one is made, and with it what cannot be without a role."""

import json

import pulumi
import pulumi_aws as aws


def _role(path: str) -> None:
    role = aws.iam.Role("jobs", name="plinth-jobs", path=path, assume_role_policy="{}")
    reads = aws.iam.RolePolicyAttachment("reads", role=role.name, policy_arn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    aws.iam.RolePolicy("writes", role=role.id, policy=json.dumps({"Version": "2012-10-17", "Statement": []}))
    aws.sqs.Queue("waits-for-it", opts=pulumi.ResourceOptions(depends_on=[role, reads]))
    aws.sqs.Queue("named", tags={"role": role.name})


def before() -> None:
    """At the root."""
    _role("/")


def after() -> None:
    """In a folder."""
    _role("/jobs/")


CHANGES = [
    "replace aws:iam/role:Role jobs: path!",
    "replace aws:iam/rolePolicy:RolePolicy writes: role!",
    "replace aws:iam/rolePolicyAttachment:RolePolicyAttachment reads: role!",
]
RISKS: list[str] = []
