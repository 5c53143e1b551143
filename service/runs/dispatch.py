"""Sends queued runs to the worker's queue, once the transaction that queued them has committed."""

import json
import logging
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.orm import Session

from service.core import aws
from service.core.actor import Actor
from service.core.logging import request_id
from service.core.settings import get_settings
from service.runs import repository
from service.runs.models import QUEUED, Run

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

logger = logging.getLogger(__name__)

_BATCH = 10
"""The most messages that SQS takes in one call."""


def send_after_commit(session: Session, runs: Sequence[Run]) -> None:
    """Send the runs when the session commits; a rollback sends nothing.

    A failed send is logged and the runs stay queued: what the caller asked for is saved.
    """
    run_ids = [run.id for run in runs]
    if run_ids:

        def send(_session: Session) -> None:
            _send(run_ids)

        event.listen(session, "after_commit", send, once=True)


def send_if_queued(session: Session, actor: Actor, answer: Mapping[str, Any]) -> None:
    """Send the run of an answer that is given once more, if it is still queued.

    Whoever asks again may do so because the process ended between its commit and its send. Where it did not, the
    worker finds that there is nothing left to do.
    """
    run = repository.get(session, actor, UUID(answer["id"]))
    if run is not None and run.status == QUEUED:
        send_after_commit(session, [run])


def _send(run_ids: Sequence[UUID]) -> None:
    queue_url = get_settings().queue_url
    if queue_url is None:
        logger.warning("no QUEUE_URL: runs stay queued", extra={"run_ids": run_ids})
        return
    unsent = list(run_ids)
    try:
        for first in range(0, len(run_ids), _BATCH):
            batch = run_ids[first : first + _BATCH]
            answer = sqs().send_message_batch(QueueUrl=queue_url, Entries=[_entry(run_id) for run_id in batch])
            sent = {entry["Id"] for entry in answer.get("Successful", [])}
            unsent = [run_id for run_id in unsent if run_id.hex not in sent]
    except Exception:
        logger.exception("the queue cannot be reached: runs stay queued", extra={"run_ids": unsent})
        return
    logger.info("runs queued", extra={"run_ids": [run_id for run_id in run_ids if run_id not in unsent]})
    if unsent:
        logger.error("the queue refused messages: runs stay queued", extra={"run_ids": unsent})


def _entry(run_id: UUID) -> "SendMessageBatchRequestEntryTypeDef":
    message = {"run_id": str(run_id)}
    if (current := request_id.get()) is not None:
        message["request_id"] = current
    return {"Id": run_id.hex, "MessageBody": json.dumps(message)}


def queue_answers() -> bool:
    """Whether the queue can be reached. Raises what boto3 raises where it cannot, or where there is none."""
    queue_url = get_settings().queue_url
    if queue_url is None:
        raise RuntimeError("QUEUE_URL is not set: there is no queue")
    return "Attributes" in _probe().get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])


@lru_cache
def _probe() -> "SQSClient":
    return aws.client("sqs", read_timeout=1.5, attempts=1)


@lru_cache
def sqs() -> "SQSClient":
    """The queue's client, made at first use."""
    return aws.client("sqs", read_timeout=5, attempts=3)
