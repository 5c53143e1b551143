"""How a run comes to its end: its sandbox is destroyed, then it gets the status that its script earned."""

import logging
from collections.abc import Callable
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from service.core import metrics
from service.runs import repository
from service.runs.models import ENDED, Run
from service.runs.sandbox import SandboxNotDestroyedError, SandboxRunner

logger = logging.getLogger(__name__)

Sessions = sessionmaker[Session]

Wake = Callable[[UUID, int], object]
"""Tells the queue that it is an owner's turn, so many times."""


def destroy_and_end(*, run_id: UUID, name: str, sessions: Sessions, sandbox: SandboxRunner) -> bool:
    """Destroy the run's sandbox and give the run its final status, if its script has ended; whether nothing is left.

    `destroyed_at` is written once the platform has confirmed the destruction, and never where it confirms none.
    """
    try:
        confirmed = sandbox.destroy(name)
    except SandboxNotDestroyedError:
        logger.exception("the sandbox may still exist", extra={"run_id": run_id, "sandbox": name})
        confirmed = None
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, run_id)
        if run is None or run.sandbox != name:
            return confirmed is not None
        ends = run.status not in ENDED and run.ending is not None
        if run.ending is not None:
            run.status, run.claimed_until = run.ending, None
        if confirmed:
            run.destroyed_at = repository.now(session)
        elif confirmed is not None:
            # There is nothing that could be destroyed, and nothing to look for later.
            run.sandbox = None
    if ends:
        tell(run)
    return confirmed is not None


def tell(run: Run) -> None:
    """Say how the run ended, once that is committed."""
    logger.info(
        "run ended",
        extra={"run_id": run.id, "status": run.status, "reason": run.reason, "duration_ms": run.duration_ms},
    )
    metrics.add("RunsEnded")
    metrics.add(f"Runs{run.status.title().replace('_', '')}")
    if run.duration_ms is not None:
        metrics.add("RunDuration", run.duration_ms, "Milliseconds")
