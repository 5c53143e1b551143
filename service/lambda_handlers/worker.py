"""The worker function: takes runs from the queue, one message an invocation, and executes them."""

import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from service.core import database, metrics
from service.core.logging import request_id
from service.core.settings import get_settings
from service.core.tracing import traced
from service.lambda_handlers.invocation import configure, observed
from service.runs.ephemeral import EphemeralFunction, LambdaClients
from service.runs.execute import RunUnfinishedError, execute
from service.runs.sandbox import RunOutcome, RunRequest, SandboxRunner

_FUNCTION = "worker"

configure()
logger = logging.getLogger(__name__)

_LEASE_MARGIN = timedelta(seconds=5)


class Context(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """How long this invocation may still take."""
        ...


def handler(event: Mapping[str, Any], context: Context) -> dict[str, list[dict[str, str]]]:
    """Execute the run of each message; name the messages that SQS must deliver again."""
    with observed(_FUNCTION, context):
        failed = [record["messageId"] for record in event["Records"] if not _is_done(record, context)]
        metrics.add("RunRetries", len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _is_done(record: Mapping[str, Any], context: Context) -> bool:
    token = request_id.set(record["messageId"])
    try:
        message = json.loads(record["body"])
        run_id = UUID(message["run_id"])
        # The request that queued the run, so that its lines and those of the run are found together.
        request_id.set(message.get("request_id") or record["messageId"])
        with traced("run", run_id=str(run_id)):
            execute(
                run_id=run_id,
                sessions=database.session_factory(),
                sandbox=Traced(sandbox_runner()),
                # A worker cannot outlive its invocation, so nobody waits longer for one that was lost.
                lease=timedelta(milliseconds=context.get_remaining_time_in_millis()) + _LEASE_MARGIN,
                last_delivery=int(record["attributes"]["ApproximateReceiveCount"]) >= get_settings().queue_max_receives,
            )
    except RunUnfinishedError as reason:
        logger.warning("the message goes back to the queue", extra={"reason": str(reason), "body": record["body"]})
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

    def create(self, run_id: UUID) -> str:
        """As the runner does."""
        with traced("sandbox.create"):
            return self._sandbox.create(run_id)

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """As the runner does."""
        with traced("sandbox.run"):
            return self._sandbox.run(sandbox, request)

    def destroy(self, sandbox: str) -> None:
        """As the runner does."""
        with traced("sandbox.destroy"):
            self._sandbox.destroy(sandbox)


@lru_cache
def sandbox_runner() -> SandboxRunner:
    """The sandbox runner of this stack."""
    template = get_settings().sandbox_function
    if template is None:
        raise RuntimeError("SANDBOX_FUNCTION is not set: the worker does not know what to clone")
    return EphemeralFunction(template, LambdaClients.make())
