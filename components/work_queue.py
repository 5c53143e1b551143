"""A queue with a dead-letter queue behind it: work that must happen once, later, and never be lost."""

import json
from collections.abc import Mapping
from typing import NotRequired

import pulumi
import pulumi_aws as aws

from components.component import Component, ComponentArgs, handed_out
from components.grants import Grant, allow
from components.naming import physical_name
from components.rules import check, whole
from components.transport import tls_only

_DAY_SECONDS = 24 * 60 * 60

_RULES = {"visibility_timeout_seconds": whole(1, 43_200), "max_receives": whole(1, 1000)}
"""The limits of SQS (API reference: SetQueueAttributes), but that a message must stay hidden while it is worked on."""


class WorkQueueArgs(ComponentArgs):
    visibility_timeout_seconds: NotRequired[int]
    """Seconds that a taken message stays hidden from other consumers, 1 to 43200. Lambda refuses less than the timeout
    of the function that consumes, and AWS asks for six times that. Default 180."""

    max_receives: NotRequired[int]
    """Deliveries before a message moves to the dead-letter queue, 1 to 1000. Default 5, which AWS asks for with
    functions."""


class WorkQueue(Component):
    """An SQS standard queue, encrypted, with its dead-letter queue.

    What lies in the dead-letter queue is looked at, and sent back with SQS's redrive: it can go nowhere else.

    Defaults: 180 seconds hidden, 5 deliveries, 4 days kept, 14 in the dead-letter queue, so that a failure outlives a
    long weekend. Neither queue is protected: what must outlive it belongs into the database, and a message only says
    that there is work.
    Cost: 0.40 USD a million requests, of which an account has a million a month free. An idle function consumer polls
    with five connections for 20 seconds each: 5 x 3 x 60 x 730 = 657,000 times a month.
    Security: encrypted at rest; both queues refuse what does not come over TLS, and let in no principal outside the
    account; only this queue may use the dead-letter queue as one; producers and consumers get separate grants.
    """

    url: pulumi.Output[str]
    """Where producers send: the value of `sends()`'s environment variable."""

    arn: pulumi.Output[str]
    """The queue, as an event source."""

    name: pulumi.Output[str]
    """The queue's name on AWS, as its metrics have it."""

    dead_letters_arn: pulumi.Output[str]
    """The dead-letter queue."""

    dead_letters_name: pulumi.Output[str]
    """The dead-letter queue's name on AWS, as its metrics have it."""

    grants: pulumi.Output[Mapping[str, Grant]]
    """What users of it need, by use: the same as the methods return, for programs that have no methods."""

    def __init__(self, name: str, args: WorkQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        check(self._label, args, _RULES)
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
        aws.sqs.RedriveAllowPolicy(
            f"{name}-dead-letters-source",
            queue_url=dead_letters.url,
            redrive_allow_policy=queue.arn.apply(_only_from),
            opts=inside,
        )
        for part, each in ((name, queue), (f"{name}-dead-letters", dead_letters)):
            aws.sqs.QueuePolicy(f"{part}-policy", queue_url=each.url, policy=each.arn.apply(_in_tls_only), opts=inside)

        self.url = queue.url
        self.arn = queue.arn
        self.name = queue.name
        self.dead_letters_arn = dead_letters.arn
        self.dead_letters_name = dead_letters.name
        self.grants = handed_out(sends=self.sends(), probes=self.probes(), receives=self.receives())
        self.register_outputs(
            {
                "url": self.url,
                "arn": self.arn,
                "name": self.name,
                "dead_letters_arn": self.dead_letters_arn,
                "dead_letters_name": self.dead_letters_name,
                "grants": self.grants,
            }
        )

    def sends(self) -> Grant:
        """What a producer needs: the queue's address and the right to send to it."""
        return Grant(environment={"QUEUE_URL": self.url}, statements=[allow(["sqs:SendMessage"], self.arn)])

    def probes(self) -> Grant:
        """What a check of readiness needs: the queue's address and the right to ask whether it answers."""
        return Grant(environment={"QUEUE_URL": self.url}, statements=[allow(["sqs:GetQueueAttributes"], self.arn)])

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


def _only_from(queue: str) -> str:
    return json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [queue]})


def _in_tls_only(queue: str) -> str:
    return tls_only("sqs", queue)
