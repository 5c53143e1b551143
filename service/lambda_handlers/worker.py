"""The worker function: takes turns from the queue, one message an invocation, and executes the run that is next."""

import json
import logging
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from service.core import database, metrics
from service.core.logging import request_id
from service.core.settings import get_settings
from service.core.tracing import traced
from service.lambda_handlers.invocation import Context, configure, observed
from service.runs import dispatch
from service.runs.execute import TryAgainError, execute
from service.runs.runners import sandbox_runner
from service.runs.sandbox import RunOutcome, RunRequest, SandboxRunner

_FUNCTION = "worker"

configure()
logger = logging.getLogger(__name__)

_LEASE_MARGIN = timedelta(seconds=5)


def handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Execute the next run of each message's owner; name the messages that SQS must deliver again."""
    with observed(_FUNCTION, context):
        failed = [record["messageId"] for record in event["Records"] if not _is_done(record, context)]
        metrics.add("RunRetries", len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_done(record: Mapping[str, Any], context: Context) -> bool:
    token = request_id.set(record["messageId"])
    try:
        owner_id = UUID(json.loads(record["body"])["owner_id"])
        with traced("run", owner_id=str(owner_id)):
            execute(
                owner_id=owner_id,
                sessions=database.session_factory(),
                sandbox=Traced(sandbox_runner()),
                # A worker cannot outlive its invocation, so nobody waits longer for one that was lost.
                lease=timedelta(milliseconds=context.get_remaining_time_in_millis()) + _LEASE_MARGIN,
                max_attempts=get_settings().queue_max_receives,
                wake=dispatch.wake,
            )
    except TryAgainError as reason:
        logger.warning("the message comes back soon", extra={"reason": str(reason), "body": record["body"]})
        # The run pauses by the database's clock, so the message comes a moment later.
        dispatch.try_again(record["receiptHandle"], ceil(reason.pause.total_seconds()) + 1)
        return False
    except Exception:
        logger.exception("the message goes back to the queue", extra={"body": record["body"]})
        return False
    finally:
        request_id.reset(token)
    return True


class Traced:
    """A sandbox runner whose steps show in the trace."""

    def __init__(self, sandbox: SandboxRunner) -> None:
        self._sandbox = sandbox

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:
        """As the runner does."""
        with traced("sandbox.create", run_id=str(run_id)):
            return self._sandbox.create(run_id, expires_at=expires_at)

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """As the runner does."""
        with traced("sandbox.run"):
            return self._sandbox.run(sandbox, request)

    def destroy(self, sandbox: str) -> bool:
        """As the runner does."""
        with traced("sandbox.destroy"):
            return self._sandbox.destroy(sandbox)

    def expired(self, now: datetime) -> Iterator[str]:
        """As the runner does."""
        return self._sandbox.expired(now)
