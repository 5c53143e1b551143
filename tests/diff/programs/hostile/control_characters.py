"""Texts that would move the cursor, clear the screen, or hide what stands before them."""

import pulumi_aws as aws

_CLEARING = "\x1b[2J\x1b[H\rnothing to see\x08\x07"
_LINK = "\x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\"


def before() -> None:
    """Two topics."""
    aws.sns.Topic(_CLEARING, display_name="calm")
    aws.sns.Topic("topic", display_name="calm")


def after() -> None:
    """One is gone, one says something that acts."""
    aws.sns.Topic("topic", display_name=_LINK, tags={"\x00nul": "\x7fdelete\x9b"})


CHANGES = [
    f"delete aws:sns/topic:Topic {_CLEARING}",
    "update aws:sns/topic:Topic topic: displayName, tags",
]
RISKS: list[str] = []
