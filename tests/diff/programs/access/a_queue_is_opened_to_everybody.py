"""A principal that is anybody is loudest, unless a condition says who it is."""

import pulumi_aws as aws

from tests.support.roles import document


def _queue(name: str, **condition: object) -> None:
    queue = aws.sqs.Queue(name, name=f"plinth-{name}")
    sends = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", **condition}
    aws.sqs.QueuePolicy(f"{name}-policy", queue_url=queue.url, policy=document(sends))


def before() -> None:
    """Two queues that only the account uses."""
    aws.sqs.Queue("open", name="plinth-open")
    aws.sqs.Queue("ours", name="plinth-ours")


def after() -> None:
    """One for anybody, and one for the organization."""
    _queue("open")
    _queue("ours", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}})


CHANGES: list[str] = [
    "create aws:sqs/queuePolicy:QueuePolicy open-policy",
    "create aws:sqs/queuePolicy:QueuePolicy ours-policy",
]
RISKS: list[str] = ["access public-principal open-policy", "access iam-widened ours-policy"]
