"""The worker's logic. The sandbox is a fake of the port: its failures cannot be had from a real one on demand."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, func, select

from service.automations import service as automations
from service.automations.models import Automation
from service.core.actor import Actor
from service.items import service as items
from service.runs import repository
from service.runs import service as runs
from service.runs.execute import WORKER_LOST, RunUnfinishedError, execute
from service.runs.models import Run
from service.runs.sandbox import (
    RunOutcome,
    RunRequest,
    SandboxLostError,
    SandboxNotDestroyedError,
    SandboxNotStartedError,
)
from tests.service.conftest import Sessions, make_actor

LEASE = timedelta(seconds=60)
TOLD = RunOutcome(status="succeeded", exit_code=0, stdout="told\n", result={"n": 1}, duration_ms=12)


@dataclass
class FakeSandbox:
    """A SandboxRunner that notes its calls and fails where it is told to."""

    outcome: RunOutcome = TOLD
    create_fails: Exception | None = None
    run_fails: Exception | None = None
    destroy_fails: list[Exception] = field(default_factory=list[Exception])
    during_run: Callable[[], None] = lambda: None
    calls: list[str] = field(default_factory=list[str])

    def create(self, run_id: UUID) -> str:
        self.calls.append("create")
        if self.create_fails:
            raise self.create_fails
        return f"sandbox-{run_id}"

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        assert sandbox.startswith("sandbox-")
        assert request.code
        self.calls.append("run")
        self.during_run()
        if self.run_fails:
            raise self.run_fails
        return self.outcome

    def destroy(self, sandbox: str) -> None:
        assert sandbox.startswith("sandbox")
        self.calls.append("destroy")
        if self.destroy_fails:
            raise self.destroy_fails.pop()


@pytest.fixture
def run_id(sessions: Sessions, actor: Actor, automation: Automation) -> UUID:
    with sessions.begin() as session:
        return runs.queue_now(session, actor=actor, automation_id=automation.id).id


def stored(sessions: Sessions, run_id: UUID) -> Run:
    with sessions() as session:
        return session.get_one(Run, run_id)


def test_a_run_ends_with_its_outcome_recorded_and_its_sandbox_destroyed(sessions: Sessions, run_id: UUID) -> None:
    sandbox = FakeSandbox()
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    run = stored(sessions, run_id)
    assert sandbox.calls == ["create", "run", "destroy"]
    assert (run.status, run.exit_code, run.stdout, run.stderr) == ("succeeded", 0, "told\n", "")
    assert (run.result, run.duration_ms, run.reason) == ({"n": 1}, 12, None)
    assert run.truncated == {"stdout": False, "stderr": False, "result": False}
    times = [run.created_at, run.started_at, run.finished_at, run.destroyed_at]
    assert [time for time in times if time is not None] == times
    assert times == sorted(times, key=str)


def test_started_is_committed_before_the_script_can_begin_and_the_status_waits_for_the_destruction(
    sessions: Sessions, run_id: UUID
) -> None:
    seen: list[tuple[str, bool, bool]] = []

    def look() -> None:
        run = stored(sessions, run_id)
        seen.append((run.status, run.started_at is not None, run.destroyed_at is not None))

    execute(run_id=run_id, sessions=sessions, sandbox=FakeSandbox(during_run=look), lease=LEASE)
    assert seen == [("running", True, False)]


@pytest.mark.parametrize("status", ["failed", "timed_out", "output_limit", "out_of_memory"])
def test_a_failure_of_the_script_is_recorded_and_never_retried(sessions: Sessions, run_id: UUID, status: str) -> None:
    sandbox = FakeSandbox(RunOutcome(status=status, exit_code=1, stderr="Traceback"))
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    assert (stored(sessions, run_id).status, sandbox.calls.count("run")) == (status, 1)


@pytest.mark.parametrize("where", ["create_fails", "run_fails"])
def test_a_failure_before_the_script_puts_the_run_back_and_the_next_delivery_runs_it(
    sessions: Sessions, run_id: UUID, where: str
) -> None:
    failing: Any = {where: SandboxNotStartedError("throttled")}
    with pytest.raises(RunUnfinishedError, match="throttled"):
        execute(run_id=run_id, sessions=sessions, sandbox=FakeSandbox(**failing), lease=LEASE)
    waiting = stored(sessions, run_id)
    assert (waiting.status, waiting.started_at, waiting.sandbox, waiting.attempt) == ("queued", None, None, 1)
    execute(run_id=run_id, sessions=sessions, sandbox=FakeSandbox(), lease=LEASE)
    assert (stored(sessions, run_id).status, stored(sessions, run_id).attempt) == ("succeeded", 2)


@pytest.mark.parametrize("where", ["create_fails", "run_fails"])
def test_the_last_delivery_that_fails_ends_the_run_as_error_and_fails_too(
    sessions: Sessions, run_id: UUID, where: str
) -> None:
    failing: Any = {where: SandboxNotStartedError("throttled")}
    with pytest.raises(RunUnfinishedError):
        execute(run_id=run_id, sessions=sessions, sandbox=FakeSandbox(**failing), lease=LEASE, last_delivery=True)
    run = stored(sessions, run_id)
    assert (run.status, run.reason) == ("error", "no sandbox could be started: throttled")
    assert run.finished_at is not None


@pytest.mark.parametrize("error", [SandboxLostError("gone"), KeyError("gone")])
def test_a_sandbox_lost_while_the_script_may_run_ends_the_run_and_is_not_retried(
    sessions: Sessions, run_id: UUID, error: Exception
) -> None:
    sandbox = FakeSandbox(run_fails=error)
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    run = stored(sessions, run_id)
    assert (run.status, run.reason) == ("error", f"the sandbox failed: {error}")
    assert sandbox.calls == ["create", "run", "destroy"]


def test_destroyed_at_stays_empty_until_a_later_delivery_destroys_the_sandbox(sessions: Sessions, run_id: UUID) -> None:
    still_there: list[Exception] = [SandboxNotDestroyedError("no"), SandboxNotDestroyedError("no")]
    sandbox = FakeSandbox(destroy_fails=still_there)
    with pytest.raises(RunUnfinishedError, match="may still exist"):
        execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    assert (stored(sessions, run_id).status, stored(sessions, run_id).destroyed_at) == ("succeeded", None)
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    assert stored(sessions, run_id).destroyed_at is not None
    assert sandbox.calls == ["create", "run", "destroy", "destroy", "destroy"]


def test_a_run_that_another_worker_holds_is_left_to_it(sessions: Sessions, run_id: UUID) -> None:
    sandbox = FakeSandbox()
    _claimed(sessions, run_id, timedelta(seconds=60), started=False)
    with pytest.raises(RunUnfinishedError, match="another worker has the run"):
        execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE, last_delivery=True)
    assert (sandbox.calls, stored(sessions, run_id).status) == ([], "running")


def test_a_worker_lost_before_the_script_is_replaced(sessions: Sessions, run_id: UUID) -> None:
    _claimed(sessions, run_id, timedelta(seconds=-1), started=False)
    execute(run_id=run_id, sessions=sessions, sandbox=FakeSandbox(), lease=LEASE)
    assert stored(sessions, run_id).status == "succeeded"


def test_a_worker_lost_while_the_script_ran_ends_the_run_and_only_the_sandbox_is_destroyed(
    sessions: Sessions, run_id: UUID
) -> None:
    sandbox = FakeSandbox()
    _claimed(sessions, run_id, timedelta(seconds=-1), started=True)
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    run = stored(sessions, run_id)
    assert (run.status, run.reason, sandbox.calls) == ("error", WORKER_LOST, ["destroy"])
    assert run.destroyed_at is not None


def test_a_worker_lost_after_the_script_keeps_the_recorded_outcome(sessions: Sessions, run_id: UUID) -> None:
    _claimed(sessions, run_id, timedelta(seconds=-1), started=True)
    with sessions.begin() as session:
        session.get_one(Run, run_id).ending = "succeeded"
    sandbox = FakeSandbox()
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    run = stored(sessions, run_id)
    assert (run.status, run.reason, sandbox.calls) == ("succeeded", None, ["destroy"])


def test_a_cancelled_an_unknown_and_a_deleted_run_are_done(
    sessions: Sessions, actor: Actor, run_id: UUID, automation: Automation
) -> None:
    sandbox = FakeSandbox()
    with sessions.begin() as session:
        runs.cancel(session, actor=actor, run_id=run_id)
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    with sessions.begin() as session:
        automations.delete(session, actor=actor, automation_id=automation.id)
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    assert sandbox.calls == []


def test_a_run_deleted_while_its_script_runs_still_loses_its_sandbox(
    sessions: Sessions, actor: Actor, run_id: UUID, item: Any
) -> None:
    def delete() -> None:
        with sessions.begin() as session:
            items.delete(session, actor=actor, item_id=item.id)

    sandbox = FakeSandbox(during_run=delete)
    with pytest.raises(RunUnfinishedError):
        execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    execute(run_id=run_id, sessions=sessions, sandbox=sandbox, lease=LEASE)
    assert sandbox.calls == ["create", "run", "destroy"]


def nested(depth: int) -> Any:
    value: Any = None
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (RunOutcome(status="succeeded", stdout="a\x00b\ud800c"), ("a\ufffdb\ufffdc", None, False)),
        (RunOutcome(status="succeeded", result={"k\x00": ["\udfff"]}), ("", {"k\ufffd": ["\ufffd"]}, False)),
        (RunOutcome(status="succeeded", result=nested(64)), ("", nested(64), False)),
        (RunOutcome(status="succeeded", result=nested(65)), ("", None, True)),
        (RunOutcome(status="succeeded", result=10**4000), ("", 10**4000, False)),
        (RunOutcome(status="succeeded", result=[1e308, 1e22, 0.1]), ("", [1e308, 1e22, 0.1], False)),
        (RunOutcome(status="succeeded", result_truncated=True), ("", None, True)),
    ],
)
def test_what_a_script_leaves_can_be_stored_and_read_back(
    sessions: Sessions, run_id: UUID, client: Any, outcome: RunOutcome, expected: tuple[str, Any, bool]
) -> None:
    execute(run_id=run_id, sessions=sessions, sandbox=FakeSandbox(outcome), lease=LEASE)
    response = client.get(f"/v1/runs/{run_id}")
    body = response.json()
    assert response.status_code == 200
    assert (body["stdout"], body["result"], body["truncated"]["result"]) == expected


def test_no_transaction_updates_a_run_twice(committing_sessions: Sessions) -> None:
    # The second time PostgreSQL would check foreign keys, and wait for a deletion that waits for this transaction.
    actor = make_actor(committing_sessions, email="ada@example.com")
    with committing_sessions.begin() as session:
        item = items.create(session, actor=actor, name="Espresso machine")
        automation = automations.create(session, actor=actor, name="Tell", code="1", item_id=item.id)
        queued = [runs.queue_now(session, actor=actor, automation_id=automation.id).id for _ in range(4)]
    _claimed(committing_sessions, queued[3], timedelta(seconds=-1), started=True)
    engine = committing_sessions.kw["bind"]
    updates = [0]

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        updates[-1] += statement.startswith("UPDATE runs ")

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", lambda _connection: updates.append(0))
    with committing_sessions.begin() as session:
        runs.cancel(session, actor=actor, run_id=queued[0])
    execute(run_id=queued[1], sessions=committing_sessions, sandbox=FakeSandbox(), lease=LEASE)
    failing = FakeSandbox(create_fails=SandboxNotStartedError("throttled"))
    for last in (False, True):
        with pytest.raises(RunUnfinishedError):
            execute(run_id=queued[2], sessions=committing_sessions, sandbox=failing, lease=LEASE, last_delivery=last)
    execute(run_id=queued[3], sessions=committing_sessions, sandbox=FakeSandbox(), lease=LEASE)
    assert [count for count in updates if count] == [1] * 11


def test_ten_updates_at_once_make_ten_runs_that_two_deliveries_each_execute_once(
    committing_sessions: Sessions,
) -> None:
    actor = make_actor(committing_sessions, email="ada@example.com")
    with committing_sessions.begin() as session:
        item = items.create(session, actor=actor, name="Espresso machine")
        automations.create(session, actor=actor, name="Tell", code="1", item_id=item.id)

    def update(number: int) -> list[UUID]:
        with committing_sessions.begin() as session:
            _, queued = items.update(session, actor=actor, item_id=item.id, changes={"name": f"Machine {number}"})
            return [run.id for run in queued]

    sandbox = FakeSandbox()

    def deliver(run_id: UUID) -> str:
        try:
            execute(run_id=run_id, sessions=committing_sessions, sandbox=sandbox, lease=LEASE)
        except RunUnfinishedError:
            return "again"
        return "done"

    with ThreadPoolExecutor(10) as pool:
        queued = [run_id for run_ids in pool.map(update, range(10)) for run_id in run_ids]
        answers = list(pool.map(deliver, [*queued, *queued]))
    with committing_sessions() as session:
        ended = session.scalars(select(Run).order_by(Run.item_version)).all()
    assert [run.item_version for run in ended] == list(range(2, 12))
    assert {run.status for run in ended} == {"succeeded"}
    assert sandbox.calls.count("run") == 10
    assert answers.count("done") >= 10


def _claimed(sessions: Sessions, run_id: UUID, lease: timedelta, *, started: bool) -> None:
    with sessions.begin() as session:
        run = session.get_one(Run, run_id)
        now = repository.now(session)
        run.status, run.attempt, run.claimed_until = "running", 1, now + lease
        if started:
            run.started_at, run.sandbox = session.scalars(select(func.clock_timestamp())).one(), "sandbox"
