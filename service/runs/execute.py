"""Executes an owner's next run: takes it, makes its sandbox, runs its script there at most once, records the outcome.

Knows neither queue nor cloud. Each step commits on its own, so that whoever finds the run later knows how far it got.
"""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from service.core.logging import request_id
from service.core.schema import cleaned_json, cleaned_text
from service.runs import repository
from service.runs.ending import Sessions, Wake, destroy_and_end, tell
from service.runs.models import MAX_RUNNING_RUNS, QUEUED, RUNNING, Run
from service.runs.sandbox import RunOutcome, RunRequest, SandboxNotStartedError, SandboxRunner
from service.users import repository as users

logger = logging.getLogger(__name__)

FIRST_PAUSE: Final = timedelta(seconds=5)
"""Before the second attempt at a run; each further pause is twice the one before."""

LONGEST_PAUSE: Final = timedelta(minutes=5)


class TryAgainError(Exception):
    """The attempt failed for reasons that are not the script's, before it could begin: another follows the pause."""

    def __init__(self, message: str, pause: timedelta) -> None:
        super().__init__(message)
        self.pause = pause


class _TakenError(Exception):
    """The run is no longer this worker's: it was deleted, or the worker was taken for lost."""


@dataclass(frozen=True)
class _Claim:
    """A run that this worker has taken; `attempt` proves it while no other worker takes it."""

    run_id: UUID
    request_id: str | None
    attempt: int
    expires_at: datetime
    request: RunRequest


def execute(
    *, owner_id: UUID, sessions: Sessions, sandbox: SandboxRunner, lease: timedelta, max_attempts: int, wake: Wake
) -> None:
    """Bring the owner's next run to its end; return where none is due, or as many run as may.

    `lease` is how long this worker may live: until then no other takes the run. A script is started at most once. A
    failure before that puts the run back in the queue, or ends it as `error` after `max_attempts`. Raises
    TryAgainError where the run was put back. When the run has ended and others of the owner wait, wakes the next.
    """
    claim = _claim(owner_id, sessions, lease)
    if claim is None:
        return
    token = request_id.set(claim.request_id or request_id.get())
    try:
        _execute_claimed(claim, sessions, sandbox)
    except _TakenError as reason:
        logger.warning("the run was given up", extra={"run_id": claim.run_id, "reason": str(reason)})
    except SandboxNotStartedError as error:
        _put_back(claim, sessions, reason=f"no sandbox could be started: {error}", max_attempts=max_attempts)
    finally:
        request_id.reset(token)
        with sessions.begin() as session:
            is_any_due = repository.is_any_due(session, owner_id)
        if is_any_due:
            wake(owner_id, 1)


def _claim(owner_id: UUID, sessions: Sessions, lease: timedelta) -> _Claim | None:
    """Take the owner's oldest run that is due, if they may have one more running."""
    with sessions.begin() as session:
        # Under the owner's lock, so that two workers do not both take the last place.
        if not users.lock(session, owner_id) or repository.count_running(session, owner_id) >= MAX_RUNNING_RUNS:
            return None
        run = repository.next_queued_to_change(session, owner_id)
        if run is None:
            return None
        run.status = RUNNING
        run.attempt += 1
        run.claimed_until = repository.now(session) + lease
        expires_at = datetime.now(UTC) + lease
        return _Claim(run.id, run.request_id, run.attempt, expires_at, RunRequest(code=run.code, event=run.event))


def _execute_claimed(claim: _Claim, sessions: Sessions, sandbox: SandboxRunner) -> None:
    name = sandbox.create(claim.run_id, expires_at=claim.expires_at)
    try:
        _mark_started(claim, sessions, name)
        _record(claim, sessions, _outcome(sandbox, name, claim.request))
    finally:
        destroy_and_end(run_id=claim.run_id, name=name, sessions=sessions, sandbox=sandbox)


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
    """Keep how the script ended. The status follows once the sandbox is gone, or the reaper finds it missing."""
    logger.info("script ended", extra={"run_id": claim.run_id, "protections": outcome.protections})
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


def _put_back(claim: _Claim, sessions: Sessions, *, reason: str, max_attempts: int) -> None:
    """Queue the run again and raise TryAgainError, or end it where this was the last attempt."""
    pause = min(FIRST_PAUSE * 2 ** (claim.attempt - 1), LONGEST_PAUSE)
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, claim.run_id)
        if run is None or run.attempt != claim.attempt or run.status != RUNNING:
            return
        now = repository.now(session)
        run.started_at = None
        if claim.attempt < max_attempts:
            run.status, run.claimed_until = QUEUED, now + pause
            run.sandbox = run.destroyed_at = None
        else:
            run.status, run.reason, run.finished_at = "error", cleaned_text(reason), now
            run.claimed_until = None
    if run.status == QUEUED:
        raise TryAgainError(reason, pause)
    tell(run)


@contextmanager
def _still_mine(claim: _Claim, sessions: Sessions) -> Generator[tuple[Session, Run]]:
    """The run, locked, in a transaction of its own. Raises _TakenError where it is no longer this worker's."""
    with sessions.begin() as session:
        run = repository.get_for_worker_to_change(session, claim.run_id)
        if run is None or run.status != RUNNING or run.attempt != claim.attempt or run.ending is not None:
            raise _TakenError("it was deleted or taken by another worker")
        yield session, run
