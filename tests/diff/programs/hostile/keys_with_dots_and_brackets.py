"""Keys that look like paths are one key each, and are told apart from the paths that they look like."""

import pulumi_aws as aws


def before() -> None:
    """Tags whose keys hold everything that paths are written with."""
    aws.sqs.Queue("jobs", tags={"a.b": "1", "a[0]": "1", "": "1", "0": "1", "a": "1", '"quoted"': "1"})


def after() -> None:
    """Each has another value."""
    aws.sqs.Queue("jobs", tags={"a.b": "2", "a[0]": "2", "": "2", "0": "2", "a": "2", '"quoted"': "2"})


CHANGES = [
    'update aws:sqs/queue:Queue jobs: tags[], tags["quoted"], tags[0], tags.a, tags[a.b], tags[a[0]]',
]
RISKS: list[str] = []
