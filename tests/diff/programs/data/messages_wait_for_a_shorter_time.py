"""A message that nobody takes in time is gone; so is one that fails where no queue takes it."""

import json

import pulumi_aws as aws


def before() -> None:
    """Two weeks, and a queue for what fails."""
    failed = aws.sqs.Queue("failed")
    aws.sqs.Queue("slow", message_retention_seconds=1_209_600)
    aws.sqs.Queue(
        "work",
        redrive_policy=failed.arn.apply(lambda arn: json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 5})),
    )


def after() -> None:
    """An hour, and none."""
    aws.sqs.Queue("failed")
    aws.sqs.Queue("slow", message_retention_seconds=3600)
    aws.sqs.Queue("work")


CHANGES = ["update aws:sqs/queue:Queue slow: messageRetentionSeconds", "update aws:sqs/queue:Queue work: redrivePolicy"]
RISKS = ["data-loss protection-removed work", "data-loss retention-cut slow"]
