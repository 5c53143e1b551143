"""Workers without a queue: they look into the database for runs that are due, execute them, and clear up after others.

The same steps as the worker and reaper functions take, for a service that is not on Lambda. Any number of processes may
do this at once: leases keep them apart.
"""

import logging
import random
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from service.runs import repository
from service.runs.ending import Sessions
from service.runs.execute import TryAgainError, execute
from service.runs.reap import reap
from service.runs.sandbox import SandboxRunner

logger = logging.getLogger(__name__)

LEASE: Final = timedelta(minutes=5)
"""Longer than any runner needs to make a sandbox, run a script and destroy the sandbox, one after the other."""

_LOOK_SECONDS = 1.0
_REAP_SECONDS = 60.0
_AWAY_SECONDS = 5.0
_OWNERS = 50
"""Of those whose turn it is, how many a look sees: workers that look together choose among them."""


def work(
    *,
    sessions: Sessions,
    sandbox: SandboxRunner,
    at_once: int,
    max_attempts: int,
    stop: threading.Event,
    alive: Callable[[], None] = lambda: None,
) -> None:
    """Execute runs, so many at once, until `stop` is set and those that were taken have ended.

    `alive` is called every second in which all of it is well. Raises RuntimeError where a part of it ended by itself.
    """
    failed = threading.Event()

    def endless(step: Callable[[], float]) -> None:
        try:
            while not stop.is_set():
                stop.wait(_without_failing(step))
        except BaseException:
            failed.set()
            raise

    def look() -> float:
        return 0 if _execute_one(sessions, sandbox, max_attempts) else _LOOK_SECONDS

    def clear_up() -> float:
        reap(
            sessions=sessions,
            sandbox=sandbox,
            max_attempts=max_attempts,
            wake=_nobody,
            is_time_left=lambda: not stop.is_set(),
        )
        return _REAP_SECONDS

    threads = [threading.Thread(target=endless, args=[look], name=f"worker-{number}") for number in range(at_once)]
    threads.append(threading.Thread(target=endless, args=[clear_up], name="reaper"))
    for thread in threads:
        thread.start()
    try:
        while not stop.wait(_LOOK_SECONDS) and not failed.is_set():
            alive()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    if failed.is_set():
        raise RuntimeError("a part of the worker ended by itself: the log says which")


def _without_failing(step: Callable[[], float]) -> float:
    try:
        return step()
    except SQLAlchemyError:
        logger.exception("the database is away")
    except Exception:
        logger.exception("the worker goes on after an unexpected error")
    return _AWAY_SECONDS


def _execute_one(sessions: Sessions, sandbox: SandboxRunner, max_attempts: int) -> bool:
    """Execute the next run of somebody whose turn it is; whether there was somebody."""
    with sessions() as session:
        due = repository.turns_due(session, timedelta(0), _OWNERS)
    if not due:
        return False
    owner_id, _ = random.choice(due)  # noqa: S311
    try:
        execute(
            owner_id=owner_id,
            sessions=sessions,
            sandbox=sandbox,
            lease=LEASE,
            max_attempts=max_attempts,
            wake=_nobody,
        )
    except TryAgainError as reason:
        logger.warning("the run is tried again later", extra={"owner_id": owner_id, "reason": str(reason)})
    return True


def _nobody(_owner_id: UUID, _turns: int) -> None:
    """Wakes nobody: whoever works looks for themselves."""
