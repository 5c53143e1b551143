"""Order, white space, and one of something as a list of one: none of it changes a policy."""

import json

import pulumi_aws as aws

_SEND = {"Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"], "Resource": "arn:aws:sqs:::jobs"}
_READ = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": ["arn:aws:s3:::jobs/*"]}
_SENT = {"Resource": ["arn:aws:sqs:::jobs"], "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"], "Effect": "Allow"}
_READS = {"Action": ["s3:GetObject"], "Principal": {"AWS": "*"}, "Resource": "arn:aws:s3:::jobs/*", "Effect": "Allow"}


def before() -> None:
    """One way to write it."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": [_SEND, _READ]})
    aws.iam.RolePolicy("jobs", role="jobs", policy=policy)


def after() -> None:
    """Another one."""
    policy = json.dumps({"Statement": [_READS, _SENT], "Version": "2012-10-17"}, indent=4)
    aws.iam.RolePolicy("jobs", role="jobs", policy=policy)


CHANGES: list[str] = []
RISKS: list[str] = []
