"""The worker's logic. The sandbox is a fake of the port: its failures cannot be had from a real one on demand."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, func, select, update

from service.automations import service as automations
from service.automations.models import Automation
from service.core.actor import Actor
from service.items import service as items
from service.items.models import Item
from service.runs import repository
from service.runs import service as runs
from service.runs.execute import TryAgainError, execute
from service.runs.models import MAX_RUNNING_RUNS, Run
from service.runs.sandbox import (
    RunOutcome,
    RunRequest,
    SandboxLostError,
    SandboxNotDestroyedError,
    SandboxNotStartedError,
    SandboxRunner,
)
from service.users import service as users
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
    confirms: bool = True
    during_run: Callable[[], None] = lambda: None
    calls: list[str] = field(default_factory=list[str])
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    left: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """What exists, and until when somebody may use it."""

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:
        self.calls.append("create")
        if self.create_fails:
            raise self.create_fails
        self.left[f"sandbox-{run_id}"] = expires_at
        return f"sandbox-{run_id}"

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        assert sandbox.startswith("sandbox-")
        assert request.code
        self.calls.append("run")
        self.events.append(dict(request.event))
        self.during_run()
        if self.run_fails:
            raise self.run_fails
        return self.outcome

    def destroy(self, sandbox: str) -> bool:
        assert sandbox.startswith("sandbox")
        self.calls.append("destroy")
        if self.destroy_fails:
            raise self.destroy_fails.pop()
        self.left.pop(sandbox, None)
        return self.confirms

    def expired(self, now: datetime) -> Iterator[str]:
        return iter([name for name, expires_at in self.left.items() if expires_at <= now])


def turn(
    sessions: Sessions, owner_id: UUID, sandbox: SandboxRunner | None = None, *, max_attempts: int = 5
) -> list[UUID]:
    """One turn of the owner; the owners whom it woke."""
    woken: list[UUID] = []
    execute(
        owner_id=owner_id,
        sessions=sessions,
        sandbox=sandbox or FakeSandbox(),
        lease=LEASE,
        max_attempts=max_attempts,
        wake=lambda owner, turns: woken.extend([owner] * turns),
    )
    return woken


def queue(sessions: Sessions, actor: Actor, automation: Automation, count: int = 1) -> list[UUID]:
    """Runs that wait, oldest first."""
    with sessions.begin() as session:
        return [runs.queue_now(session, actor=actor, automation_id=automation.id).id for _ in range(count)]


@pytest.fixture
def run_id(sessions: Sessions, actor: Actor, automation: Automation) -> UUID:
    return queue(sessions, actor, automation)[0]


def stored(sessions: Sessions, run_id: UUID) -> Run:
    with sessions() as session:
        return session.get_one(Run, run_id)


def statuses(sessions: Sessions, run_ids: list[UUID]) -> list[str]:
    return [stored(sessions, run_id).status for run_id in run_ids]


def test_a_run_ends_with_its_outcome_recorded_and_its_sandbox_destroyed(
    sessions: Sessions, actor: Actor, run_id: UUID
) -> None:
    sandbox = FakeSandbox()
    assert turn(sessions, actor.user_id, sandbox) == []
    run = stored(sessions, run_id)
    assert sandbox.calls == ["create", "run", "destroy"]
    assert (run.status, run.exit_code, run.stdout, run.stderr) == ("succeeded", 0, "told\n", "")
    assert (run.result, run.duration_ms, run.reason, run.claimed_until) == ({"n": 1}, 12, None, None)
    assert run.truncated == {"stdout": False, "stderr": False, "result": False}
    times = [run.created_at, run.started_at, run.finished_at, run.destroyed_at]
    assert [time for time in times if time is not None] == times
    assert times == sorted(times, key=str)


def test_a_sandbox_expires_with_the_lease_of_the_worker_that_made_it(
    sessions: Sessions, actor: Actor, run_id: UUID
) -> None:
    made: list[timedelta] = []
    sandbox = FakeSandbox(during_run=lambda: made.extend(until - datetime.now(UTC) for until in sandbox.left.values()))
    turn(sessions, actor.user_id, sandbox)
    assert [LEASE - timedelta(seconds=10) < left <= LEASE for left in made] == [True]


def test_started_is_committed_before_the_script_can_begin_and_the_status_waits_for_the_destruction(
    sessions: Sessions, actor: Actor, run_id: UUID
) -> None:
    seen: list[tuple[str, bool, bool]] = []

    def look() -> None:
        run = stored(sessions, run_id)
        seen.append((run.status, run.started_at is not None, run.destroyed_at is not None))

    turn(sessions, actor.user_id, FakeSandbox(during_run=look))
    assert seen == [("running", True, False)]


@pytest.mark.parametrize("status", ["failed", "timed_out", "output_limit", "out_of_memory"])
def test_a_failure_of_the_script_is_recorded_with_its_reason_and_never_retried(
    sessions: Sessions, actor: Actor, run_id: UUID, status: str
) -> None:
    sandbox = FakeSandbox(RunOutcome(status=status, exit_code=1, stderr="Traceback", reason="the script \x00 did it"))
    turn(sessions, actor.user_id, sandbox)
    turn(sessions, actor.user_id, sandbox)
    run = stored(sessions, run_id)
    assert (run.status, run.reason, sandbox.calls.count("run")) == (status, "the script \ufffd did it", 1)


@pytest.mark.parametrize("where", ["create_fails", "run_fails"])
def test_a_failure_before_the_script_puts_the_run_back_for_a_growing_while(
    sessions: Sessions, actor: Actor, run_id: UUID, where: str
) -> None:
    failing: Any = {where: SandboxNotStartedError("throttled")}
    pauses: list[timedelta] = []
    for attempt in (1, 2, 3):
        with pytest.raises(TryAgainError, match="throttled") as failed:
            turn(sessions, actor.user_id, FakeSandbox(**failing))
        pauses.append(failed.value.pause)
        waiting = stored(sessions, run_id)
        assert (waiting.status, waiting.started_at, waiting.sandbox) == ("queued", None, None)
        assert (waiting.attempt, waiting.finished_at, waiting.destroyed_at) == (attempt, None, None)
        # Until the pause is over it is nobody's turn.
        sandbox = FakeSandbox()
        assert (turn(sessions, actor.user_id, sandbox), sandbox.calls) == ([], [])
        pass_the_pause(sessions, run_id)
    assert pauses == [timedelta(seconds=5), timedelta(seconds=10), timedelta(seconds=20)]
    turn(sessions, actor.user_id)
    assert (stored(sessions, run_id).status, stored(sessions, run_id).attempt) == ("succeeded", 4)


@pytest.mark.parametrize("where", ["create_fails", "run_fails"])
def test_the_last_attempt_that_fails_ends_the_run_as_error(
    sessions: Sessions, actor: Actor, run_id: UUID, where: str
) -> None:
    failing: Any = {where: SandboxNotStartedError("throttled")}
    with pytest.raises(TryAgainError):
        turn(sessions, actor.user_id, FakeSandbox(**failing), max_attempts=2)
    pass_the_pause(sessions, run_id)
    turn(sessions, actor.user_id, FakeSandbox(**failing), max_attempts=2)
    run = stored(sessions, run_id)
    assert (run.status, run.reason, run.attempt) == ("error", "no sandbox could be started: throttled", 2)
    assert (run.finished_at is not None, run.started_at, run.claimed_until) == (True, None, None)


@pytest.mark.parametrize("error", [SandboxLostError("gone"), KeyError("gone")])
def test_a_sandbox_lost_while_the_script_may_run_ends_the_run_and_is_not_retried(
    sessions: Sessions, actor: Actor, run_id: UUID, error: Exception
) -> None:
    sandbox = FakeSandbox(run_fails=error)
    turn(sessions, actor.user_id, sandbox)
    run = stored(sessions, run_id)
    assert (run.status, run.reason) == ("error", f"the sandbox failed: {error}")
    assert sandbox.calls == ["create", "run", "destroy"]


def test_destroyed_at_stays_empty_where_the_destruction_fails(sessions: Sessions, actor: Actor, run_id: UUID) -> None:
    turn(sessions, actor.user_id, FakeSandbox(destroy_fails=[SandboxNotDestroyedError("no")]))
    run = stored(sessions, run_id)
    assert (run.status, run.destroyed_at, run.sandbox) == ("succeeded", None, f"sandbox-{run_id}")


def test_destroyed_at_stays_empty_where_the_platform_confirms_nothing(
    sessions: Sessions, actor: Actor, run_id: UUID
) -> None:
    turn(sessions, actor.user_id, FakeSandbox(confirms=False))
    run = stored(sessions, run_id)
    assert (run.status, run.destroyed_at, run.sandbox) == ("succeeded", None, None)


def test_runs_of_an_owner_start_in_the_order_in_which_they_were_queued(
    sessions: Sessions, actor: Actor, automation: Automation
) -> None:
    run_ids = queue(sessions, actor, automation, 3)
    sandbox = FakeSandbox()
    for _ in run_ids:
        turn(sessions, actor.user_id, sandbox)
    assert [event["run_id"] for event in sandbox.events] == [str(run_id) for run_id in run_ids]


def test_a_run_that_ends_wakes_the_next_and_the_last_wakes_nobody(
    sessions: Sessions, actor: Actor, automation: Automation
) -> None:
    queue(sessions, actor, automation, 3)
    assert [turn(sessions, actor.user_id) for _ in range(4)] == [[actor.user_id], [actor.user_id], [], []]


def test_a_run_that_is_put_back_wakes_those_behind_it(sessions: Sessions, actor: Actor, automation: Automation) -> None:
    first, second = queue(sessions, actor, automation, 2)
    woken: list[UUID] = []
    with pytest.raises(TryAgainError):
        execute(
            owner_id=actor.user_id,
            sessions=sessions,
            sandbox=FakeSandbox(create_fails=SandboxNotStartedError("throttled")),
            lease=LEASE,
            max_attempts=5,
            wake=lambda owner, _: woken.append(owner),
        )
    assert woken == [actor.user_id]
    turn(sessions, actor.user_id)
    assert statuses(sessions, [first, second]) == ["queued", "succeeded"]


def test_no_more_runs_of_an_owner_run_than_may_and_others_are_not_held_up(
    sessions: Sessions, actor: Actor, other: Actor, automation: Automation
) -> None:
    run_ids = queue(sessions, actor, automation, MAX_RUNNING_RUNS + 1)
    for run_id in run_ids[:-1]:
        claimed(sessions, run_id, LEASE, started=True)
    sandbox = FakeSandbox()
    assert (turn(sessions, actor.user_id, sandbox), sandbox.calls) == ([], [])
    assert stored(sessions, run_ids[-1]).status == "queued"
    with sessions.begin() as session:
        item = items.create(session, actor=other, name="Grinder")
        theirs = automations.create(session, actor=other, name="Tell", code="1", item_id=item.id)
        their_run = runs.queue_now(session, actor=other, automation_id=theirs.id).id
    turn(sessions, other.user_id, sandbox)
    assert (stored(sessions, their_run).status, sandbox.calls) == ("succeeded", ["create", "run", "destroy"])


def test_a_cancelled_a_deleted_run_and_a_deleted_owner_are_nobodys_turn(
    sessions: Sessions, actor: Actor, run_id: UUID, automation: Automation
) -> None:
    sandbox = FakeSandbox()
    with sessions.begin() as session:
        runs.cancel(session, actor=actor, run_id=run_id)
    assert turn(sessions, actor.user_id, sandbox) == []
    queue(sessions, actor, automation)
    with sessions.begin() as session:
        automations.delete(session, actor=actor, automation_id=automation.id)
    assert turn(sessions, actor.user_id, sandbox) == []
    assert turn(sessions, UUID(int=1), sandbox) == []
    assert sandbox.calls == []


def test_a_run_deleted_while_its_script_runs_still_loses_its_sandbox(
    sessions: Sessions, actor: Actor, run_id: UUID, item: Item
) -> None:
    def delete() -> None:
        with sessions.begin() as session:
            items.delete(session, actor=actor, item_id=item.id)

    sandbox = FakeSandbox(during_run=delete)
    assert turn(sessions, actor.user_id, sandbox) == []
    assert (sandbox.calls, sandbox.left) == (["create", "run", "destroy"], {})


@pytest.mark.parametrize(
    "changes",
    [
        {"attempt": 2, "sandbox": "sandbox of the second"},
        {"ending": "error", "reason": "another's"},
        {"status": "queued", "sandbox": None, "started_at": None},
    ],
    ids=["taken", "ended", "queued-again"],
)
def test_a_worker_that_was_taken_for_lost_changes_nothing_of_what_came_after(
    sessions: Sessions, actor: Actor, run_id: UUID, changes: dict[str, Any]
) -> None:
    def take() -> None:
        with sessions.begin() as session:
            session.execute(update(Run).where(Run.id == run_id).values(**changes))

    sandbox = FakeSandbox(during_run=take)
    turn(sessions, actor.user_id, sandbox)
    run = stored(sessions, run_id)
    assert (run.stdout, run.reason, sandbox.left) == (None, changes.get("reason"), {})
    assert {name: getattr(run, name) for name in changes} == changes
    assert (run.destroyed_at is not None) == ("ending" in changes)


def test_a_run_that_is_being_cancelled_is_passed_over(committing_sessions: Sessions) -> None:
    actor, automation = automated(committing_sessions)
    cancelled, next_one = queue(committing_sessions, actor, automation, 2)
    with committing_sessions.begin() as session:
        runs.cancel(session, actor=actor, run_id=cancelled)
        turn(committing_sessions, actor.user_id)
    assert statuses(committing_sessions, [cancelled, next_one]) == ["cancelled", "succeeded"]


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
    sessions: Sessions, actor: Actor, run_id: UUID, client: Any, outcome: RunOutcome, expected: tuple[str, Any, bool]
) -> None:
    turn(sessions, actor.user_id, FakeSandbox(outcome))
    response = client.get(f"/v1/runs/{run_id}")
    body = response.json()
    assert response.status_code == 200
    assert (body["stdout"], body["result"], body["truncated"]["result"]) == expected


def test_no_transaction_updates_a_run_twice(committing_sessions: Sessions) -> None:
    # The second time PostgreSQL would check foreign keys, and wait for a deletion that waits for this transaction.
    actor, automation = automated(committing_sessions)
    cancelled, *_ = queue(committing_sessions, actor, automation, 3)
    engine = committing_sessions.kw["bind"]
    updates = [0]

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        updates[-1] += statement.startswith("UPDATE runs ")

    event.listen(engine, "before_cursor_execute", note)
    event.listen(engine, "commit", lambda _connection: updates.append(0))
    with committing_sessions.begin() as session:
        runs.cancel(session, actor=actor, run_id=cancelled)
    turn(committing_sessions, actor.user_id)
    failing = FakeSandbox(create_fails=SandboxNotStartedError("throttled"))
    with pytest.raises(TryAgainError):
        turn(committing_sessions, actor.user_id, failing)
    assert [count for count in updates if count] == [1] * 7


def test_ten_updates_at_once_make_ten_runs_that_twenty_turns_each_execute_once(committing_sessions: Sessions) -> None:
    actor, automation = automated(committing_sessions)

    def change(number: int) -> list[UUID]:
        with committing_sessions.begin() as session:
            name = f"Machine {number}"
            _, queued = items.update(session, actor=actor, item_id=automation.item_id, changes={"name": name})
            return [run.id for run in queued]

    at_once: list[int] = []

    def count() -> None:
        with committing_sessions() as session:
            at_once.append(repository.count_running(session, actor.user_id))
        time.sleep(0.02)

    sandbox = FakeSandbox(during_run=count)

    def deliver(_: int) -> int:
        turns = 1
        while turn(committing_sessions, actor.user_id, sandbox):
            turns += 1
        return turns

    with ThreadPoolExecutor(10) as pool:
        queued = [run_id for run_ids in pool.map(change, range(10)) for run_id in run_ids]
        list(pool.map(deliver, range(20)))
    with committing_sessions() as session:
        ended = session.scalars(select(Run).order_by(Run.item_version)).all()
    assert [run.item_version for run in ended] == list(range(2, 12))
    assert {run.status for run in ended} == {"succeeded"}
    assert sorted(event["run_id"] for event in sandbox.events) == sorted(map(str, queued))
    assert max(at_once) <= MAX_RUNNING_RUNS


def test_a_user_can_be_deleted_while_their_runs_are_taken(committing_sessions: Sessions) -> None:
    actor, automation = automated(committing_sessions)
    queue(committing_sessions, actor, automation, 20)
    sandbox = FakeSandbox(during_run=lambda: time.sleep(0.01))

    def deliver(_: int) -> None:
        while turn(committing_sessions, actor.user_id, sandbox):
            pass

    def delete(_: int) -> None:
        time.sleep(0.03)
        with committing_sessions.begin() as session:
            users.delete(session, actor=actor)

    with ThreadPoolExecutor(5) as pool:
        deliveries = [pool.submit(deliver, number) for number in range(4)]
        deletion = pool.submit(delete, 0)
        for done in [*deliveries, deletion]:
            done.result(30)
    assert sandbox.left == {}
    with committing_sessions() as session:
        assert session.scalars(select(func.count()).select_from(Run)).one() == 0


def automated(sessions: Sessions) -> tuple[Actor, Automation]:
    """A user with an item that has an automation."""
    actor = make_actor(sessions, email="ada@example.com")
    with sessions.begin() as session:
        item = items.create(session, actor=actor, name="Espresso machine")
        return actor, automations.create(session, actor=actor, name="Tell", code="1", item_id=item.id)


def pass_the_pause(sessions: Sessions, run_id: UUID) -> None:
    """Let the time that a run pauses be over."""
    with sessions.begin() as session:
        session.execute(update(Run).where(Run.id == run_id).values(claimed_until=func.clock_timestamp()))


def claimed(sessions: Sessions, run_id: UUID, lease: timedelta, *, started: bool, attempt: int = 1) -> None:
    """Let a worker have taken the run."""
    with sessions.begin() as session:
        run = session.get_one(Run, run_id)
        now = repository.now(session)
        run.status, run.attempt, run.claimed_until = "running", attempt, now + lease
        if started:
            run.started_at, run.sandbox = now, f"sandbox-{run_id}"
