"""Wakes the worker: a message of its queue says whose turn it is, and the worker finds that owner's next run itself."""

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
from service.core.settings import get_settings
from service.runs import repository
from service.runs.models import MAX_RUNNING_RUNS, QUEUED, Run

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

logger = logging.getLogger(__name__)


def send_after_commit(session: Session, runs: Sequence[Run]) -> None:
    """Wake the worker for the runs, all of one owner, when the session commits; a rollback sends nothing.

    A failed send is logged and the runs stay queued: what the caller asked for is saved, and the reaper sends again.
    """
    if runs:
        owner_id, run_ids = runs[0].owner_id, [run.id for run in runs]

        def send(_session: Session) -> None:
            _send(owner_id, run_ids)

        event.listen(session, "after_commit", send, once=True)


def send_if_queued(session: Session, actor: Actor, answer: Mapping[str, Any]) -> None:
    """Send for the run of an answer that is given once more, if it is still queued.

    Whoever asks again may do so because the process ended between its commit and its send. Where it did not, the
    worker finds that there is nothing left to do.
    """
    run = repository.get(session, actor, UUID(answer["id"]))
    if run is not None and run.status == QUEUED:
        send_after_commit(session, [run])


def wake(owner_id: UUID, turns: int = 1) -> bool:
    """Tell the worker that it is the owner's turn, so many times, but no more often than runs of theirs may run.

    Those beyond wait for a run to end, which wakes the next. Whether all was sent; a failure is logged, and the reaper
    sends again. Workers that look for themselves need not be told.
    """
    settings = get_settings()
    queue_url = settings.queue_url
    if queue_url is None and settings.worker_polls:
        return True
    if queue_url is None:
        logger.warning("no QUEUE_URL: runs stay queued", extra={"owner_id": owner_id})
        return False
    entries = [_entry(owner_id, number) for number in range(min(turns, MAX_RUNNING_RUNS))]
    try:
        answer = sqs().send_message_batch(QueueUrl=queue_url, Entries=entries)
    except Exception:
        logger.exception("the queue cannot be reached: runs stay queued", extra={"owner_id": owner_id})
        return False
    if answer.get("Failed"):
        logger.error("the queue refused messages: runs stay queued", extra={"owner_id": owner_id})
        return False
    return True


def _send(owner_id: UUID, run_ids: Sequence[UUID]) -> None:
    if wake(owner_id, len(run_ids)):
        logger.info("runs queued", extra={"run_ids": run_ids})


def _entry(owner_id: UUID, number: int) -> "SendMessageBatchRequestEntryTypeDef":
    # The group makes the queue a fair one: SQS lets owners with few messages pass those with many.
    return {
        "Id": str(number),
        "MessageBody": json.dumps({"owner_id": str(owner_id)}),
        "MessageGroupId": str(owner_id),
    }


def try_again(receipt_handle: str, seconds: int) -> None:
    """Let a message of the queue show again so soon, rather than after the queue's own time."""
    queue_url = get_settings().queue_url
    if queue_url is None:
        return
    try:
        sqs().change_message_visibility(QueueUrl=queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds)
    except Exception:
        logger.exception("the message comes back later than it should")


def queue_answers() -> bool:
    """Whether the queue can be reached. Raises what boto3 raises where it cannot, or where there is none."""
    queue_url = get_settings().queue_url
    if queue_url is None:
        raise RuntimeError("QUEUE_URL is not set: there is no queue")
    return "Attributes" in probe().get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])


@lru_cache
def probe() -> "SQSClient":
    """The client of readiness, which waits for one short answer."""
    return aws.client("sqs", read_timeout=1.5, attempts=1)


@lru_cache
def sqs() -> "SQSClient":
    """The queue's client, made at first use."""
    return aws.client("sqs", read_timeout=5, attempts=3)
