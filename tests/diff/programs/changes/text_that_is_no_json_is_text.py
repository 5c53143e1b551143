"""A text that looks like JSON and is none is compared as it is."""

import pulumi_aws as aws


def before() -> None:
    """A brace that is never closed."""
    aws.sqs.Queue("jobs", tags={"limits": '{"runs": 1'})


def after() -> None:
    """The same with another number."""
    aws.sqs.Queue("jobs", tags={"limits": '{"runs": 2'})


CHANGES = ["update aws:sqs/queue:Queue jobs: tags.limits"]
RISKS: list[str] = []
