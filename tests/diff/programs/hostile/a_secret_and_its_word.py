"""A value that says what a secret is shown as: it is no secret, and no secret is taken for it."""

import pulumi
import pulumi_aws as aws


def before() -> None:
    """A plain value, and two secrets that are the same."""
    aws.sns.Topic("plain", display_name="[secret]")
    aws.sns.Topic("becomes-plain", display_name=pulumi.Output.secret("[secret]"))
    aws.sns.Topic("stays", display_name=pulumi.Output.secret("unchanged-secret"))


def after() -> None:
    """The plain one becomes a secret, and the other way around."""
    aws.sns.Topic("plain", display_name=pulumi.Output.secret("[secret]"))
    aws.sns.Topic("becomes-plain", display_name="[secret]")
    aws.sns.Topic("stays", display_name=pulumi.Output.secret("unchanged-secret"))


CHANGES = [
    "update aws:sns/topic:Topic becomes-plain: displayName",
    "update aws:sns/topic:Topic plain: displayName",
]
RISKS: list[str] = []
