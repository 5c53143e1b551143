"""A queue, what is behind it, and what its users get."""

import json

import pulumi
import pytest

from components.grants import Grant
from components.work_queue import WorkQueue, WorkQueueArgs
from tests.support.evaluation import deploy, inputs, registered
from workbench.manifest import Manifest

QUEUE = "aws:sqs/queue:Queue"
JOBS = "arn:aws:sqs:eu-central-1:111111111111:plinth-test-jobs"


def deployed(args: WorkQueueArgs) -> Manifest:
    return deploy(lambda: WorkQueue("jobs", args))


def test_it_is_two_queues() -> None:
    assert registered(deployed({})) == [
        "plinth:index:WorkQueue$aws:sqs/queue:Queue::jobs",
        "plinth:index:WorkQueue$aws:sqs/queue:Queue::jobs-dead-letters",
        "plinth:index:WorkQueue::jobs",
    ]


@pytest.mark.parametrize(
    ("args", "timeout", "receives"),
    [
        ({}, 180, 5),
        ({"visibility_timeout_seconds": 720, "max_receives": 3}, 720, 3),
    ],
)
def test_what_keeps_failing_moves_to_the_dead_letters(args: WorkQueueArgs, timeout: int, receives: int) -> None:
    manifest = deployed(args)
    queue = inputs(manifest, QUEUE, "jobs")
    assert json.loads(queue.pop("redrivePolicy")) == {
        "deadLetterTargetArn": f"{JOBS}-dead-letters",
        "maxReceiveCount": receives,
    }
    assert queue == {
        "name": "plinth-test-jobs",
        "messageRetentionSeconds": 345_600,
        "sqsManagedSseEnabled": True,
        "visibilityTimeoutSeconds": timeout,
    }
    assert inputs(manifest, QUEUE, "jobs-dead-letters") == {
        "name": "plinth-test-jobs-dead-letters",
        "messageRetentionSeconds": 1_209_600,
        "sqsManagedSseEnabled": True,
    }


def test_a_producer_may_only_send_and_a_consumer_may_not() -> None:
    def program() -> None:
        queue = WorkQueue("jobs", {"max_receives": 3})
        pulumi.export("sends", queue.sends())
        pulumi.export("receives", queue.receives())

    outputs = deploy(program).outputs
    assert outputs["sends"] == Grant(
        environment={"QUEUE_URL": "${aws:sqs/queue:Queue::jobs.url}"},
        statements=[{"actions": ["sqs:GetQueueAttributes", "sqs:SendMessage"], "resources": [JOBS]}],
    )
    assert outputs["receives"] == Grant(
        environment={"QUEUE_MAX_RECEIVES": "3"},
        statements=[
            {
                "actions": [
                    "sqs:ChangeMessageVisibility",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:ReceiveMessage",
                ],
                "resources": [JOBS],
            }
        ],
    )
