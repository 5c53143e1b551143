"""Texts of many bytes, texts that are read from the right, and texts that are not seen."""

import pulumi_aws as aws

_REVERSED = "invoice\u202egpj.exe"
_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"


def before() -> None:
    """A queue by a name that ends in something else than it seems to."""
    aws.sqs.Queue(_REVERSED, visibility_timeout_seconds=30, tags={"team": _FAMILY})


def after() -> None:
    """It is tagged otherwise, and another has a name that looks empty."""
    aws.sqs.Queue(_REVERSED, visibility_timeout_seconds=30, tags={"team": f"{_FAMILY}\u200b"})
    aws.sqs.Queue("\u2066\u200b\u2069", visibility_timeout_seconds=30)


CHANGES = [
    f"update aws:sqs/queue:Queue {_REVERSED}: tags.team",
    "create aws:sqs/queue:Queue \u2066\u200b\u2069",
]
RISKS: list[str] = []
