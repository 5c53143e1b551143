"""A function with an address of its own and no authorization answers anybody."""

import pulumi_aws as aws


def before() -> None:
    """Callers sign."""
    aws.lambda_.FunctionUrl("hook", function_name="hook", authorization_type="AWS_IAM")


def after() -> None:
    """They do not."""
    aws.lambda_.FunctionUrl("hook", function_name="hook", authorization_type="NONE")


CHANGES: list[str] = ["update aws:lambda/functionUrl:FunctionUrl hook: authorizationType"]
RISKS: list[str] = ["access public-entrance hook"]
