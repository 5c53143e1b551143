"""Workers without a queue, on a database of their own. Their sandbox is a fake, which can be held and broken."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker

from service.automations import service as automations
from service.core.settings import get_settings
from service.items import service as items
from service.runs import dispatch, work
from service.runs import service as runs
from service.runs.models import MAX_RUNNING_RUNS, Run
from service.runs.reap import WORKER_LOST
from service.runs.sandbox import RunOutcome, RunRequest, SandboxNotStartedError
from tests.service.conftest import Sessions, make_actor

SECONDS = 30


@dataclass
class HeldSandbox:
    """A SandboxRunner whose scripts end when they may, and which knows how many ran at once."""

    may_end: threading.Event = field(default_factory=threading.Event)
    fails: list[BaseException] = field(default_factory=list[BaseException])
    ran: list[str] = field(default_factory=list[str])
    running: int = 0
    most: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:  # noqa: ARG002
        if self.fails:
            raise self.fails.pop()
        return f"sandbox-{run_id}"

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:  # noqa: ARG002
        with self.lock:
            self.ran.append(sandbox)
            self.running += 1
            self.most = max(self.most, self.running)
        assert self.may_end.wait(SECONDS)
        with self.lock:
            self.running -= 1
        return RunOutcome(status="succeeded", exit_code=0)

    def destroy(self, sandbox: str) -> bool:  # noqa: ARG002
        return True

    def expired(self, now: datetime) -> Iterator[str]:  # noqa: ARG002
        return iter(())


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "_LOOK_SECONDS", 0.02)
    monkeypatch.setattr(work, "_AWAY_SECONDS", 0.02)


def queued(sessions: Sessions, owner: str, number: int) -> list[UUID]:
    """Runs of that owner's automation."""
    actor = make_actor(sessions, email=owner)
    with sessions.begin() as session:
        item = items.create(session, actor=actor, name="Kettle")
        automation = automations.create(session, actor=actor, name="Tell", code="1", item_id=item.id)
        return [runs.queue_now(session, actor=actor, automation_id=automation.id).id for _ in range(number)]


def statuses(sessions: Sessions) -> dict[str, int]:
    with sessions() as session:
        return dict(session.execute(select(Run.status, func.count()).group_by(Run.status)).all())


def until(done: Callable[[], bool]) -> None:
    tried = threading.Event()
    for _ in range(SECONDS * 50):
        if done():
            return
        tried.wait(0.02)
    raise AssertionError("it never came to that")


@contextmanager
def working(
    sessions: Sessions, sandbox: HeldSandbox, *, at_once: int = 3
) -> Iterator[tuple[threading.Event, list[Exception], threading.Thread]]:
    stop, failures = threading.Event(), list[Exception]()

    def run() -> None:
        try:
            work.work(sessions=sessions, sandbox=sandbox, at_once=at_once, max_attempts=5, stop=stop)
        except RuntimeError as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield stop, failures, thread
    finally:
        stop.set()
        sandbox.may_end.set()
        thread.join(SECONDS)
        assert not thread.is_alive()


def test_all_that_is_queued_is_executed_once_and_so_many_at_once(committing_sessions: Sessions) -> None:
    for owner in ("ada@example.com", "grace@example.com"):
        queued(committing_sessions, owner, 4)
    sandbox = HeldSandbox()
    with working(committing_sessions, sandbox, at_once=3):
        until(lambda: sandbox.running == 3)
        assert statuses(committing_sessions) == {"running": 3, "queued": 5}
        sandbox.may_end.set()
        until(lambda: statuses(committing_sessions) == {"succeeded": 8})
    assert sandbox.most == 3
    assert len(sandbox.ran) == len(set(sandbox.ran)) == 8


def test_what_is_queued_later_is_found(committing_sessions: Sessions) -> None:
    sandbox = HeldSandbox()
    sandbox.may_end.set()
    with working(committing_sessions, sandbox):
        queued(committing_sessions, "ada@example.com", 1)
        until(lambda: statuses(committing_sessions) == {"succeeded": 1})


def test_no_more_of_an_owner_run_than_may_and_another_owner_is_not_held_up(committing_sessions: Sessions) -> None:
    queued(committing_sessions, "ada@example.com", MAX_RUNNING_RUNS + 3)
    sandbox = HeldSandbox()
    with working(committing_sessions, sandbox, at_once=MAX_RUNNING_RUNS + 2):
        until(lambda: sandbox.running == MAX_RUNNING_RUNS)
        queued(committing_sessions, "grace@example.com", 1)
        until(lambda: sandbox.running == MAX_RUNNING_RUNS + 1)


def test_it_stops_after_what_it_has_and_takes_nothing_more(committing_sessions: Sessions) -> None:
    queued(committing_sessions, "ada@example.com", 3)
    sandbox = HeldSandbox()
    with working(committing_sessions, sandbox, at_once=1) as (stop, _, thread):
        until(lambda: sandbox.running == 1)
        stop.set()
        sandbox.may_end.set()
        thread.join(SECONDS)
        assert not thread.is_alive()
    assert statuses(committing_sessions) == {"succeeded": 1, "queued": 2}


def test_what_a_lost_worker_left_is_closed(committing_sessions: Sessions) -> None:
    [run_id] = queued(committing_sessions, "ada@example.com", 1)
    with committing_sessions.begin() as session:
        past = func.clock_timestamp() - timedelta(seconds=1)
        session.execute(
            update(Run).values(status="running", sandbox="left", attempt=1, started_at=past, claimed_until=past)
        )
    sandbox = HeldSandbox()
    with working(committing_sessions, sandbox):
        until(lambda: statuses(committing_sessions) == {"error": 1})
    with committing_sessions() as session:
        assert session.get_one(Run, run_id).reason == WORKER_LOST
    assert sandbox.ran == []


def test_a_run_whose_sandbox_could_not_start_is_tried_again(
    committing_sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.runs.execute.FIRST_PAUSE", timedelta(0))
    queued(committing_sessions, "ada@example.com", 1)
    sandbox = HeldSandbox(fails=[SandboxNotStartedError("none is free")])
    sandbox.may_end.set()
    with working(committing_sessions, sandbox):
        until(lambda: statuses(committing_sessions) == {"succeeded": 1})
    with committing_sessions() as session:
        assert session.scalars(select(Run.attempt)).one() == 2


def test_it_goes_on_after_the_database_was_away(
    committing_sessions: Sessions, caplog: pytest.LogCaptureFixture
) -> None:
    queued(committing_sessions, "ada@example.com", 1)
    left = [OperationalError("SELECT 1", {}, Exception("away")) for _ in range(6)]

    class Flaky(sessionmaker[Any]):
        def __call__(self, **options: Any) -> Any:
            if left:
                raise left.pop()
            return committing_sessions(**options)

    sandbox = HeldSandbox()
    sandbox.may_end.set()
    with caplog.at_level(logging.ERROR), working(Flaky(), sandbox):
        until(lambda: statuses(committing_sessions) == {"succeeded": 1})
    assert [record.message for record in caplog.records] == ["the database is away"] * 6


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_part_that_ends_by_itself_ends_all(committing_sessions: Sessions) -> None:
    queued(committing_sessions, "ada@example.com", 1)
    with working(committing_sessions, HeldSandbox(fails=[KeyboardInterrupt()])) as (_, failures, thread):
        thread.join(SECONDS)
        assert [str(failure) for failure in failures] == ["a part of the worker ended by itself: the log says which"]


def test_it_is_alive_as_long_as_it_works(committing_sessions: Sessions) -> None:
    beats: list[None] = []
    stop = threading.Event()

    def alive() -> None:
        beats.append(None)
        if len(beats) == 3:
            stop.set()

    work.work(sessions=committing_sessions, sandbox=HeldSandbox(), at_once=1, max_attempts=5, stop=stop, alive=alive)
    assert len(beats) == 3


@pytest.mark.parametrize("polls", [True, False])
def test_workers_that_look_for_themselves_need_not_be_woken(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, polls: bool
) -> None:
    monkeypatch.setenv("WORKER_POLLS", str(polls))
    get_settings.cache_clear()
    with caplog.at_level(logging.WARNING):
        assert dispatch.wake(UUID(int=1)) is polls
    assert [record.message for record in caplog.records] == ([] if polls else ["no QUEUE_URL: runs stay queued"])
