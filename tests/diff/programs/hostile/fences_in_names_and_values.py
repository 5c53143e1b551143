"""Texts that would end the block of code that they are shown in."""

import pulumi_aws as aws

_FENCE = "```\n\n</details>\n\n# Approved\n\n~~~~~~"


def before() -> None:
    """Two topics."""
    aws.sns.Topic(_FENCE, display_name="````````")
    aws.sns.Topic("topic", display_name=_FENCE)


def after() -> None:
    """Both say something else."""
    aws.sns.Topic(_FENCE, display_name=_FENCE)
    aws.sns.Topic("topic", display_name=f"{_FENCE}{_FENCE}")


CHANGES = [
    f"update aws:sns/topic:Topic {_FENCE}: displayName",
    "update aws:sns/topic:Topic topic: displayName",
]
RISKS: list[str] = []
