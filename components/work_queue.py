"""A queue with a dead-letter queue behind it: work that must happen once, later, and never be lost."""

import json
from typing import NotRequired, TypedDict

import pulumi
import pulumi_aws as aws

from components.grants import Grant, allow
from components.naming import physical_name

_DAY_SECONDS = 24 * 60 * 60


class WorkQueueArgs(TypedDict):
    visibility_timeout_seconds: NotRequired[int]
    """How long a taken message stays hidden from other consumers. AWS asks for six times the timeout of the function
    that consumes. Default 180, at most 43200."""

    max_receives: NotRequired[int]
    """Deliveries before a message moves to the dead-letter queue. Default 5, which AWS asks for with functions."""


class WorkQueue(pulumi.ComponentResource):
    """An SQS standard queue, encrypted, with its dead-letter queue.

    Defaults: 4 days kept, 14 in the dead-letter queue, so that a failure outlives a long weekend.
    Cost: an idle function consumer polls some 1.3 million times a month, of which the first million are free; then
    0.40 USD a million requests.
    Security: encrypted at rest; no queue policy, so no principal outside the account; producers and consumers get
    separate grants.
    """

    url: pulumi.Output[str]
    """Where producers send: the value of `sends()`'s environment variable."""

    arn: pulumi.Output[str]
    """The queue, as an event source."""

    dead_letters_arn: pulumi.Output[str]
    """The dead-letter queue."""

    def __init__(self, name: str, args: WorkQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:WorkQueue", name, {**args}, opts)
        inside = pulumi.ResourceOptions(parent=self)
        self._max_receives = args.get("max_receives", 5)

        dead_letters = aws.sqs.Queue(
            f"{name}-dead-letters",
            name=physical_name(f"{name}-dead-letters"),
            message_retention_seconds=14 * _DAY_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=inside,
        )
        queue = aws.sqs.Queue(
            name,
            name=physical_name(name),
            visibility_timeout_seconds=args.get("visibility_timeout_seconds", 180),
            message_retention_seconds=4 * _DAY_SECONDS,
            redrive_policy=dead_letters.arn.apply(self._redrive_policy),
            sqs_managed_sse_enabled=True,
            opts=inside,
        )

        self.url = queue.url
        self.arn = queue.arn
        self.dead_letters_arn = dead_letters.arn
        self.register_outputs({"url": self.url, "arn": self.arn, "dead_letters_arn": self.dead_letters_arn})

    def sends(self) -> Grant:
        """What a producer needs: the queue's address and the right to send to it and to ask whether it answers."""
        return Grant(
            environment={"QUEUE_URL": self.url},
            statements=[allow(["sqs:GetQueueAttributes", "sqs:SendMessage"], self.arn)],
        )

    def receives(self) -> Grant:
        """What a consumer needs: to take messages or put them off, and how often one is delivered in all."""
        return Grant(
            environment={"QUEUE_MAX_RECEIVES": str(self._max_receives)},
            statements=[
                allow(
                    [
                        "sqs:ChangeMessageVisibility",
                        "sqs:DeleteMessage",
                        "sqs:GetQueueAttributes",
                        "sqs:ReceiveMessage",
                    ],
                    self.arn,
                )
            ],
        )

    def _redrive_policy(self, dead_letters: str) -> str:
        return json.dumps({"deadLetterTargetArn": dead_letters, "maxReceiveCount": self._max_receives})
