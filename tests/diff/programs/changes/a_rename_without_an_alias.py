"""Another name without an alias deletes the one and creates the other."""

import pulumi_aws as aws


def before() -> None:
    """The table is called notes."""
    aws.ssm.Parameter("notes", name="notes", type="String", value="1")


def after() -> None:
    """It is called letters."""
    aws.ssm.Parameter("letters", name="letters", type="String", value="1")


CHANGES = ["delete aws:ssm/parameter:Parameter notes", "create aws:ssm/parameter:Parameter letters"]
RISKS: list[str] = []
