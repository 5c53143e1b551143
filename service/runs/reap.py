"""Clears up after workers that were lost: no run stays open, no sandbox stays behind, nobody waits for a lost message.

Everything here can be done twice, by two reapers at once, and at any moment beside living workers.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from service.core import metrics
from service.runs import repository
from service.runs.ending import Sessions, Wake, destroy_and_end, tell
from service.runs.models import QUEUED, RUNNING
from service.runs.sandbox import SandboxNotDestroyedError, SandboxRunner

logger = logging.getLogger(__name__)

WORKER_LOST: Final = "the worker was lost while the script ran; it was not started again"
NEVER_STARTED: Final = "each worker that prepared the run was lost before the script could begin"

_BATCH = 200
"""Of each kind a pass: what is left, the next one finds."""

_LEASE = timedelta(seconds=60)
"""In which a reaper destroys one sandbox, before another tries."""

_WAITING = timedelta(seconds=30)
"""How long a message usually takes at the very most. A message too many does no harm."""


@dataclass
class Reaped:
    """What one pass did."""

    runs_closed: int = 0
    """Runs that a lost worker had left open: ended, or queued again where their script had not begun."""

    sandboxes_destroyed: int = 0
    """Sandboxes that a lost worker had left behind."""

    sandboxes_left: int = 0
    """Sandboxes that may still exist because their destruction failed: whoever runs the stack should look."""

    owners_woken: int = 0
    """Owners whose queued runs had nobody coming for them."""


def reap(
    *, sessions: Sessions, sandbox: SandboxRunner, max_attempts: int, wake: Wake, is_time_left: Callable[[], bool]
) -> Reaped:
    """One pass over everything that could have been left behind, until it is done or no time is left."""
    reaped = Reaped()
    with sessions() as session:
        lapsed = repository.lapsed(session, _BATCH)
        undestroyed = repository.undestroyed(session, _BATCH)
    for run_id in lapsed:
        if is_time_left():
            _close(run_id, sessions, sandbox, max_attempts, reaped, started=True)
    for run_id in undestroyed:
        if is_time_left():
            _confirm(run_id, sessions, sandbox, reaped)
    _destroy_expired(sandbox, is_time_left, reaped)
    # Only now: the next sandbox of a run that is queued again may have the name of the one that was left.
    for run_id in lapsed:
        if is_time_left():
            _close(run_id, sessions, sandbox, max_attempts, reaped, started=False)
    with sessions() as session:
        due = repository.turns_due(session, _WAITING, _BATCH)
    for owner_id, turns in due:
        wake(owner_id, turns)
        reaped.owners_woken += 1
    _tell(reaped)
    return reaped


def _close(
    run_id: UUID, sessions: Sessions, sandbox: SandboxRunner, max_attempts: int, reaped: Reaped, *, started: bool
) -> None:
    """End a run whose worker was lost, or queue it again where its script has certainly not begun.

    Leaves alone a run that is not `started` as the caller means.
    """
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, run_id)
        now = repository.now(session)
        if run is None or run.status != RUNNING or run.claimed_until is None or run.claimed_until > now:
            return
        if started != (run.started_at is not None):
            return
        reaped.runs_closed += 1
        if started:
            # The lease is the reaper's now. Whoever had it before finds the ending and lets go.
            run.claimed_until = now + _LEASE
            if run.ending is None:
                run.ending, run.reason, run.finished_at = "error", WORKER_LOST, now
        elif run.attempt < max_attempts:
            run.status, run.claimed_until = QUEUED, None
        else:
            run.status, run.reason, run.finished_at = "error", NEVER_STARTED, now
            run.claimed_until = None
        name, is_over = run.sandbox, run.finished_at is not None
    logger.warning("a worker was lost", extra={"run_id": run_id, "status": run.status, "attempt": run.attempt})
    if name is not None:
        _count(destroy_and_end(run_id=run_id, name=name, sessions=sessions, sandbox=sandbox), reaped)
    elif is_over:
        tell(run)


def _confirm(run_id: UUID, sessions: Sessions, sandbox: SandboxRunner, reaped: Reaped) -> None:
    """Destroy the sandbox of an ended run that nobody saw go."""
    with sessions() as session:
        run = repository.get_for_worker(session, run_id)
        name = None if run is None or run.destroyed_at is not None else run.sandbox
    if name is not None:
        _count(destroy_and_end(run_id=run_id, name=name, sessions=sessions, sandbox=sandbox), reaped)


def _destroy_expired(sandbox: SandboxRunner, is_time_left: Callable[[], bool], reaped: Reaped) -> None:
    """Destroy what no run names any more: its worker was lost before it could say, or its run was deleted."""
    try:
        for name in sandbox.expired(datetime.now(UTC)):
            if not is_time_left():
                return
            try:
                sandbox.destroy(name)
            except SandboxNotDestroyedError:
                logger.exception("the sandbox may still exist", extra={"sandbox": name})
                _count(False, reaped)
            else:
                logger.warning("a sandbox was left behind", extra={"sandbox": name})
                _count(True, reaped)
    except SandboxNotDestroyedError:
        logger.exception("the sandboxes cannot be listed")
        _count(False, reaped)


def _count(gone: bool, reaped: Reaped) -> None:
    if gone:
        reaped.sandboxes_destroyed += 1
    else:
        reaped.sandboxes_left += 1


def _tell(reaped: Reaped) -> None:
    # Zeros too: an alarm tells nothing left from nothing looked at.
    metrics.add("RunsClosed", reaped.runs_closed)
    metrics.add("SandboxesReaped", reaped.sandboxes_destroyed)
    metrics.add("SandboxesLeft", reaped.sandboxes_left)
    metrics.add("OwnersWoken", reaped.owners_woken)
