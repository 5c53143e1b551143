"""SQS."""

import json
from collections.abc import Mapping
from typing import Any

from workbench.local.cloud import Cloud
from workbench.local.handlers.base import Custom, Handler, Made, auto_name
from workbench.local.shapes import UnplacedError
from workbench.local.state import Applied

_ATTRIBUTES = {
    "delaySeconds": "DelaySeconds",
    "maxMessageSize": "MaximumMessageSize",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "policy": "Policy",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "redrivePolicy": "RedrivePolicy",
    "sqsManagedSseEnabled": "SqsManagedSseEnabled",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
}


CONDITIONS_HERE: Mapping[str, str] = {"aws:SecureTransport": "the emulator is spoken to on loopback, without TLS"}
"""Condition keys that are false here whatever is done, each with the reason: what a queue denies by one is left out."""


class Queue(Custom):
    """A queue. The API takes its settings as a map of strings, not as members."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Makes it with its attributes."""
        physical = inputs.get("name") or auto_name(name)
        client = cloud.client("sqs")
        url = client.create_queue(QueueName=physical, Attributes=_attributes(inputs), tags=inputs.get("tags") or {})[
            "QueueUrl"
        ]
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, {"url": url, "arn": arn, "name": physical}

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Sets the attributes; another name is another queue."""
        if inputs.get("name") != before.inputs.get("name"):
            return None
        cloud.client("sqs").set_queue_attributes(QueueUrl=before.id, Attributes=_attributes(inputs))
        return before.id, before.outputs

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes the queue and what is in it."""
        cloud.client("sqs").delete_queue(QueueUrl=applied.id)


class QueueSetting(Custom):
    """A setting of a queue that the provider models as a resource of its own."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:  # noqa: ARG002
        """Sets it."""
        cloud.client("sqs").set_queue_attributes(QueueUrl=inputs["queueUrl"], Attributes=_attributes(inputs))
        return str(inputs["queueUrl"]), {}

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Sets it anew."""
        return self.create(cloud, before.name, inputs)


def _attributes(inputs: Mapping[str, Any]) -> dict[str, str]:
    placed: dict[str, str] = {}
    for name, value in inputs.items():
        if name in ("name", "tags", "queueUrl") or value is None:
            continue
        if name not in _ATTRIBUTES:
            raise UnplacedError(name)
        placed[_ATTRIBUTES[name]] = str(value).lower() if isinstance(value, bool) else str(value)
    if "Policy" in placed:
        placed["Policy"] = policy_here(placed["Policy"])
    return placed


def policy_here(policy: str) -> str:
    """A queue's policy as it is set here. One with nothing left in it is none."""
    document: dict[str, Any] = json.loads(policy)
    document["Statement"] = [statement for statement in document["Statement"] if not _always_denies(statement)]
    return json.dumps(document) if document["Statement"] else ""


def _always_denies(statement: Mapping[str, Any]) -> bool:
    keys = [key for condition in statement.get("Condition", {}).values() for key in condition]
    return statement["Effect"] == "Deny" and any(key in CONDITIONS_HERE for key in keys)


HANDLERS: Mapping[str, Handler] = {
    "aws:sqs/queue:Queue": Queue(),
    "aws:sqs/queuePolicy:QueuePolicy": QueueSetting(),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": QueueSetting(),
    "aws:sqs/redrivePolicy:RedrivePolicy": QueueSetting(),
}
