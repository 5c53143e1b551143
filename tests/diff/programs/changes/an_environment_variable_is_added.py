"""Nested mappings are compared key by key."""

import pulumi_aws as aws


def _function(**environment: str) -> None:
    aws.lambda_.Function(
        "worker",
        name="worker",
        role="arn:aws:iam::111111111111:role/worker",
        package_type="Image",
        image_uri="worker:1",
        environment={"variables": environment},
    )


def before() -> None:
    """One variable."""
    _function(LEVEL="info")


def after() -> None:
    """One changed, one added."""
    _function(LEVEL="debug", QUEUE="jobs")


CHANGES = ["update aws:lambda/function:Function worker: environment.variables.LEVEL, environment.variables.QUEUE"]
RISKS: list[str] = []
