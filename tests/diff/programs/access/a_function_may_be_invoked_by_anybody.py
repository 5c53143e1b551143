"""A permission to invoke is one statement; its source is the condition that narrows it."""

import pulumi_aws as aws


def _function() -> aws.lambda_.Function:
    role = "arn:aws:iam::111111111111:role/hook"
    return aws.lambda_.Function("hook", role=role, runtime="python3.13", handler="hook.run")


def before() -> None:
    """One topic may."""
    aws.lambda_.Permission(
        "hook-topic",
        function=_function().name,
        action="lambda:InvokeFunction",
        principal="sns.amazonaws.com",
        source_arn="arn:aws:sns:eu-central-1:111111111111:alerts",
    )


def after() -> None:
    """Anybody may."""
    aws.lambda_.Permission("hook-all", function=_function().name, action="lambda:InvokeFunction", principal="*")


CHANGES: list[str] = [
    "delete aws:lambda/permission:Permission hook-topic",
    "create aws:lambda/permission:Permission hook-all",
]
RISKS: list[str] = ["access public-principal hook-all"]
