"""Values of a million characters that differ in one, and a name of a thousand."""

import pulumi_aws as aws

_LONG = "0123456789" * 50_000
_NAME = "queue-" * 200


def before() -> None:
    """A topic with a long name to show, and a queue by a long name."""
    aws.sns.Topic("long", display_name=f"{_LONG}a{_LONG}")
    aws.sqs.Queue(_NAME, visibility_timeout_seconds=30)


def after() -> None:
    """One character of the value is another."""
    aws.sns.Topic("long", display_name=f"{_LONG}b{_LONG}")
    aws.sqs.Queue(_NAME, visibility_timeout_seconds=60)


CHANGES = [
    "update aws:sns/topic:Topic long: displayName",
    f"update aws:sqs/queue:Queue {_NAME}: visibilityTimeoutSeconds",
]
RISKS: list[str] = []
