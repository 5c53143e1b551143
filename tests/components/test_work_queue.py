"""A queue, what is behind it, and what its users get."""

import json
from typing import Any

import pulumi
import pytest

from components.grants import Grant
from components.work_queue import WorkQueue, WorkQueueArgs
from tests.support.evaluation import deploy, inputs, registered
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

QUEUE = "aws:sqs/queue:Queue"
JOBS = "arn:aws:sqs:eu-central-1:111111111111:plinth-test-jobs"


def deployed(args: WorkQueueArgs) -> Manifest:
    return deploy(lambda: WorkQueue("jobs", args))


def test_it_is_two_queues_and_their_policies() -> None:
    assert registered(deployed({})) == [
        "plinth:index:WorkQueue$aws:sqs/queue:Queue::jobs",
        "plinth:index:WorkQueue$aws:sqs/queue:Queue::jobs-dead-letters",
        "plinth:index:WorkQueue$aws:sqs/queuePolicy:QueuePolicy::jobs-dead-letters-policy",
        "plinth:index:WorkQueue$aws:sqs/queuePolicy:QueuePolicy::jobs-policy",
        "plinth:index:WorkQueue$aws:sqs/redriveAllowPolicy:RedriveAllowPolicy::jobs-dead-letters-source",
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


@pytest.mark.parametrize(("queue", "arn"), [("jobs", JOBS), ("jobs-dead-letters", f"{JOBS}-dead-letters")])
def test_nothing_goes_in_or_out_of_either_in_the_clear(queue: str, arn: str) -> None:
    policy = inputs(deployed({}), "aws:sqs/queuePolicy:QueuePolicy", f"{queue}-policy")
    assert json.loads(policy.pop("policy")) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "sqs:*",
                "Resource": arn,
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }
    assert policy == {"queueUrl": f"${{{QUEUE}::{queue}.url}}"}


def test_the_dead_letters_are_those_of_this_queue_alone() -> None:
    allowed = inputs(deployed({}), "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "jobs-dead-letters-source")
    assert json.loads(allowed.pop("redriveAllowPolicy")) == {
        "redrivePermission": "byQueue",
        "sourceQueueArns": [JOBS],
    }
    assert allowed == {"queueUrl": f"${{{QUEUE}::jobs-dead-letters.url}}"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"visibility_timeout_seconds": 0}, "visibility_timeout_seconds is 0: give a whole number from 1 to 43200."),
        ({"visibility_timeout_seconds": 43_201}, "visibility_timeout_seconds is 43201: give a whole number from 1 to"),
        ({"max_receives": 0}, "max_receives is 0: give a whole number from 1 to 1000."),
        ({"max_receives": True}, "max_receives is True: give a whole number from 1 to 1000."),
    ],
)
def test_what_sqs_would_refuse_is_refused_at_once(args: Any, message: str) -> None:
    with pytest.raises(ProgramError) as refused:
        deployed(args)
    assert f"WorkQueue 'jobs': {message}" in str(refused.value)


def test_alarms_find_both_queues_by_name() -> None:
    def program() -> None:
        queue = WorkQueue("jobs", {})
        pulumi.export("names", [queue.name, queue.dead_letters_name])

    assert deploy(program).outputs == {"names": ["plinth-test-jobs", "plinth-test-jobs-dead-letters"]}


def test_a_producer_may_only_send_a_probe_only_ask_and_a_consumer_neither_of_them() -> None:
    def program() -> None:
        queue = WorkQueue("jobs", {"max_receives": 3})
        pulumi.export("sends", queue.sends())
        pulumi.export("probes", queue.probes())
        pulumi.export("receives", queue.receives())
        pulumi.export("grants", queue.grants)

    outputs = deploy(program).outputs
    assert outputs["grants"] == {use: outputs[use] for use in ("sends", "probes", "receives")}
    assert outputs["sends"] == Grant(
        environment={"QUEUE_URL": "${aws:sqs/queue:Queue::jobs.url}"},
        statements=[{"actions": ["sqs:SendMessage"], "resources": [JOBS]}],
    )
    assert outputs["probes"] == Grant(
        environment={"QUEUE_URL": "${aws:sqs/queue:Queue::jobs.url}"},
        statements=[{"actions": ["sqs:GetQueueAttributes"], "resources": [JOBS]}],
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
