"""A dashboard's body is compared as JSON too: what is added in front does not change the rest."""

import json

import pulumi_aws as aws


def _body(*titles: str) -> str:
    return json.dumps({"widgets": [{"type": "text", "properties": {"markdown": title}} for title in titles]})


def before() -> None:
    """Two widgets."""
    aws.cloudwatch.Dashboard("jobs", dashboard_name="jobs", dashboard_body=_body("queue", "workers"))


def after() -> None:
    """Another one before them."""
    aws.cloudwatch.Dashboard("jobs", dashboard_name="jobs", dashboard_body=_body("alarms", "queue", "workers"))


CHANGES = ["update aws:cloudwatch/dashboard:Dashboard jobs: dashboardBody.widgets[0]"]
RISKS: list[str] = []
