"""What holds the id and the ARN of a renamed resource holds them still."""

import json

import pulumi
import pulumi_aws as aws


def _policy(arn: str) -> str:
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _role(queue: aws.sqs.Queue) -> None:
    role = aws.iam.Role("jobs", name="jobs", assume_role_policy="{}")
    aws.iam.RolePolicy("send", role=role.name, policy=queue.arn.apply(_policy))
    aws.lambda_.EventSourceMapping("reads", event_source_arn=queue.arn, function_name="worker", tags={"url": queue.url})


def before() -> None:
    """The queue is called jobs."""
    _role(aws.sqs.Queue("jobs"))


def after() -> None:
    """It is called work."""
    _role(aws.sqs.Queue("work", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="jobs")])))


CHANGES = ["rename aws:sqs/queue:Queue work"]
RISKS: list[str] = []
