"""The same program twice is no difference, whatever order it registers things in."""

import pulumi_aws as aws


def before() -> None:
    """One order."""
    aws.sqs.Queue("jobs", tags={"a": "1", "b": "2"}, delay_seconds=1)
    aws.sns.Topic("alarms")


def after() -> None:
    """Another one."""
    aws.sns.Topic("alarms")
    aws.sqs.Queue("jobs", delay_seconds=1, tags={"b": "2", "a": "1"})


CHANGES: list[str] = []
RISKS: list[str] = []
