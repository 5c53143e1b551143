"""A role whose name Pulumi chooses gets another ARN as it is made anew, and policies that name it follow."""

import json

import pulumi_aws as aws


def _role(path: str) -> None:
    role = aws.iam.Role("jobs", path=path, assume_role_policy="{}")
    aws.iam.RolePolicyAttachment("reads", role=role.name, policy_arn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    aws.sqs.QueuePolicy(
        "jobs",
        queue_url="https://sqs.eu-central-1.amazonaws.com/111111111111/jobs",
        policy=role.arn.apply(
            lambda arn: json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sqs:SendMessage", "Resource": "*"}
                    ],
                }
            )
        ),
    )


def before() -> None:
    """At the root."""
    _role("/")


def after() -> None:
    """In a folder."""
    _role("/jobs/")


CHANGES = [
    "replace aws:iam/role:Role jobs: path!",
    "replace aws:iam/rolePolicyAttachment:RolePolicyAttachment reads: role!",
    "update aws:sqs/queuePolicy:QueuePolicy jobs: policy",
]
RISKS: list[str] = []
