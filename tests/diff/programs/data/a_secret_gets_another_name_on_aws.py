"""Another name is another secret, without the value that the program never saw."""

import pulumi_aws as aws


def before() -> None:
    """One name."""
    aws.secretsmanager.Secret("login", name="login")


def after() -> None:
    """Another one."""
    aws.secretsmanager.Secret("login", name="app-login")


CHANGES = ["replace aws:secretsmanager/secret:Secret login: name!"]
RISKS = ["data-loss replaced login"]
