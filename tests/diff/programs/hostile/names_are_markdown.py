"""Names that would be links, tables, mentions and headings in a comment."""

import pulumi_aws as aws

_NAMES = (
    "**bold** [a](https://evil.example)",
    "a | b | c",
    "@everyone #1",
    "![p](https://evil.example/p.png)",
    "# big",
)


def before() -> None:
    """Messages stay hidden for half a minute."""
    for name in _NAMES:
        aws.sqs.Queue(name, visibility_timeout_seconds=30)


def after() -> None:
    """Messages stay hidden for a minute."""
    for name in _NAMES:
        aws.sqs.Queue(name, visibility_timeout_seconds=60)


CHANGES = [
    "update aws:sqs/queue:Queue ![p](https://evil.example/p.png): visibilityTimeoutSeconds",
    "update aws:sqs/queue:Queue # big: visibilityTimeoutSeconds",
    "update aws:sqs/queue:Queue **bold** [a](https://evil.example): visibilityTimeoutSeconds",
    "update aws:sqs/queue:Queue @everyone #1: visibilityTimeoutSeconds",
    "update aws:sqs/queue:Queue a | b | c: visibilityTimeoutSeconds",
]
RISKS: list[str] = []
