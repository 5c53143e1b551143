"""Executes a run: takes it, makes its sandbox, runs its script there at most once, records what came of it.

Knows neither queue nor cloud. Each step commits on its own, so that whoever finds the run later knows how far it got.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.orm import Session, sessionmaker

from service.core import metrics
from service.core.schema import cleaned_json, cleaned_text
from service.runs import repository
from service.runs.models import ENDED, QUEUED, RUNNING, Run
from service.runs.sandbox import (
    RunOutcome,
    RunRequest,
    SandboxNotDestroyedError,
    SandboxNotStartedError,
    SandboxRunner,
)

logger = logging.getLogger(__name__)

Sessions = sessionmaker[Session]

WORKER_LOST = "the worker was lost while the script ran; it was not started again"


class RunUnfinishedError(Exception):
    """The run needs another delivery of its message. `str(error)` says why."""


@dataclass(frozen=True)
class _Claim:
    """A run that this worker has taken; `attempt` proves it while no other worker takes it."""

    run_id: UUID
    attempt: int
    request: RunRequest


def execute(
    *, run_id: UUID, sessions: Sessions, sandbox: SandboxRunner, lease: timedelta, last_delivery: bool = False
) -> None:
    """Bring the run to its end; return where nothing is left to do, for an unknown or cancelled run too.

    `lease` is how long this worker may live: until then no other takes the run. A script is started at most once.
    A failure before that puts the run back in the queue, or ends it as `error` where `last_delivery` says that no
    other delivery will come. Raises RunUnfinishedError where the message must be delivered again.
    """
    claim = _claim(sessions, run_id, lease)
    if claim is not None:
        try:
            _execute_claimed(claim, sessions, sandbox)
        except SandboxNotStartedError as error:
            _put_back(claim, sessions, reason=f"no sandbox could be started: {error}", for_good=last_delivery)
            raise RunUnfinishedError(str(error)) from error
    _clean_up(run_id, sessions, sandbox)


def _claim(sessions: Sessions, run_id: UUID, lease: timedelta) -> _Claim | None:
    """Take the run, or None where its script must not be started (again)."""
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, run_id)
        if run is None:
            logger.warning("the run is unknown: it was deleted", extra={"run_id": run_id})
            return None
        if run.status in ENDED:
            return None
        now = repository.now(session)
        if run.status == RUNNING and run.claimed_until is not None and run.claimed_until > now:
            raise RunUnfinishedError("another worker has the run")
        if run.status == RUNNING and run.started_at is not None:
            if run.ending is None:
                run.ending, run.reason, run.finished_at = "error", WORKER_LOST, now
            return None
        run.status = RUNNING
        run.attempt += 1
        run.claimed_until = now + lease
        return _Claim(run.id, run.attempt, RunRequest(code=run.code, event=run.event))


def _execute_claimed(claim: _Claim, sessions: Sessions, sandbox: SandboxRunner) -> None:
    name = sandbox.create(claim.run_id)
    try:
        _mark_started(claim, sessions, name)
        _record(claim, sessions, _outcome(sandbox, name, claim.request))
    finally:
        _settle(claim, sessions, gone=_destroyed(sandbox, name))


def _outcome(sandbox: SandboxRunner, name: str, request: RunRequest) -> RunOutcome:
    try:
        return sandbox.run(name, request)
    except SandboxNotStartedError:
        raise
    except Exception as error:
        # Whatever went wrong, the script may have begun.
        logger.exception("the sandbox failed", extra={"sandbox": name})
        return RunOutcome(status="error", reason=f"the sandbox failed: {error}")


def _mark_started(claim: _Claim, sessions: Sessions, name: str) -> None:
    with _still_mine(claim, sessions) as (session, run):
        run.sandbox = name
        run.started_at = repository.now(session)


def _record(claim: _Claim, sessions: Sessions, outcome: RunOutcome) -> None:
    """Keep how the script ended. The status follows once the sandbox is gone, or a worker finds it missing."""
    try:
        result, result_truncated = cleaned_json(outcome.result), outcome.result_truncated
    except ValueError:
        result, result_truncated = None, True
    with _still_mine(claim, sessions) as (session, run):
        run.ending = outcome.status
        run.exit_code = outcome.exit_code
        run.signal = outcome.signal
        run.stdout = cleaned_text(outcome.stdout)
        run.stderr = cleaned_text(outcome.stderr)
        run.truncated = {
            "stdout": outcome.stdout_truncated,
            "stderr": outcome.stderr_truncated,
            "result": result_truncated,
        }
        run.result = result
        run.duration_ms = outcome.duration_ms
        run.reason = None if outcome.reason is None else cleaned_text(outcome.reason)
        run.finished_at = repository.now(session)


def _settle(claim: _Claim, sessions: Sessions, *, gone: bool) -> None:
    """Give the run its final status, if its script has ended."""
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, claim.run_id)
        mine = run is not None and run.attempt == claim.attempt and run.sandbox is not None
        if run is not None and mine:
            _end(session, run, gone=gone)
    if mine:
        _tell(run)


def _put_back(claim: _Claim, sessions: Sessions, *, reason: str, for_good: bool) -> None:
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, claim.run_id)
        if run is None or run.attempt != claim.attempt or run.status != RUNNING:
            return
        run.claimed_until = run.started_at = None
        if for_good:
            run.status, run.reason, run.finished_at = "error", cleaned_text(reason), repository.now(session)
        else:
            run.status, run.sandbox, run.destroyed_at = QUEUED, None, None
    _tell(run)


def _clean_up(run_id: UUID, sessions: Sessions, sandbox: SandboxRunner) -> None:
    """Destroy what an ended run may still have, and give it the status it was waiting for."""
    with sessions.begin() as session:
        run = repository.get_for_worker(session, run_id)
        if run is None or run.destroyed_at is not None or run.sandbox is None:
            return
        name = run.sandbox
    gone = _destroyed(sandbox, name)
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, run_id)
        ends = run is not None and run.status not in ENDED
        if run is not None:
            _end(session, run, gone=gone)
    if ends:
        _tell(run)
    if not gone:
        raise RunUnfinishedError(f"the sandbox {name} may still exist")


def _end(session: Session, run: Run, *, gone: bool) -> None:
    run.status = run.ending or run.status
    run.claimed_until = None
    if gone:
        run.destroyed_at = repository.now(session)


def _tell(run: Run | None) -> None:
    """Say how the run ended, if it did, once that is committed."""
    if run is None or run.status not in ENDED:
        return
    logger.info("run ended", extra={"run_id": run.id, "status": run.status, "duration_ms": run.duration_ms})
    metrics.add("RunsEnded")
    metrics.add(f"Runs{run.status.title().replace('_', '')}")
    if run.duration_ms is not None:
        metrics.add("RunDuration", run.duration_ms, "Milliseconds")


def _destroyed(sandbox: SandboxRunner, name: str) -> bool:
    try:
        sandbox.destroy(name)
    except SandboxNotDestroyedError:
        logger.exception("the sandbox may still exist", extra={"sandbox": name})
        return False
    return True


@contextmanager
def _still_mine(claim: _Claim, sessions: Sessions) -> Generator[tuple[Session, Run]]:
    """The run, locked, in a transaction of its own. Raises RunUnfinishedError where it is no longer this worker's."""
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, claim.run_id)
        if run is None or run.status != RUNNING or run.attempt != claim.attempt or run.ending is not None:
            raise RunUnfinishedError("the run was deleted or taken by another worker")
        yield session, run
