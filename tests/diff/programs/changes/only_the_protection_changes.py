"""Options that Pulumi keeps are changes too."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """Neither."""
    aws.cloudwatch.LogGroup("jobs", name="jobs", retention_in_days=30)


def after() -> None:
    """Protected and kept."""
    options = pulumi.ResourceOptions(protect=True, retain_on_delete=True)
    aws.cloudwatch.LogGroup("jobs", name="jobs", retention_in_days=30, opts=options)


CHANGES = ["update aws:cloudwatch/logGroup:LogGroup jobs: [protect], [retain_on_delete]"]
RISKS: list[str] = []
