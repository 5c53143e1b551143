"""For a log no number and zero mean for ever: any number is less."""

import pulumi_aws as aws


def before() -> None:
    """For ever by default, for ever as a number, and for some time."""
    aws.cloudwatch.LogGroup("default")
    aws.cloudwatch.LogGroup("zero", retention_in_days=0)
    aws.cloudwatch.LogGroup("month", retention_in_days=30)
    aws.cloudwatch.LogGroup("week", retention_in_days=7)


def after() -> None:
    """For some time, and for ever."""
    aws.cloudwatch.LogGroup("default", retention_in_days=3653)
    aws.cloudwatch.LogGroup("zero", retention_in_days=30)
    aws.cloudwatch.LogGroup("month", retention_in_days=7)
    aws.cloudwatch.LogGroup("week", retention_in_days=0)


CHANGES = [
    "update aws:cloudwatch/logGroup:LogGroup default: retentionInDays",
    "update aws:cloudwatch/logGroup:LogGroup month: retentionInDays",
    "update aws:cloudwatch/logGroup:LogGroup week: retentionInDays",
    "update aws:cloudwatch/logGroup:LogGroup zero: retentionInDays",
]
RISKS = ["data-loss retention-cut default", "data-loss retention-cut month", "data-loss retention-cut zero"]
