"""The reaper: whatever instant a worker is lost at, one pass after its lease leaves nothing of it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, update

from service.automations.models import Automation
from service.core import metrics
from service.core.actor import Actor
from service.runs import repository
from service.runs import service as runs
from service.runs.models import MAX_RUNNING_RUNS, Run
from service.runs.reap import NEVER_STARTED, WORKER_LOST, Reaped, reap
from service.runs.sandbox import RunOutcome, SandboxNotDestroyedError
from tests.service.conftest import Sessions
from tests.service.test_execute import LEASE, FakeSandbox, automated, claimed, queue, stored, turn

PAST = timedelta(seconds=-1)


def reaped(
    sessions: Sessions, sandbox: FakeSandbox | None = None, *, max_attempts: int = 5, time_left: bool = True
) -> tuple[Reaped, list[tuple[UUID, int]]]:
    """One pass: what it did, and whom it woke how often."""
    woken: list[tuple[UUID, int]] = []
    done = reap(
        sessions=sessions,
        sandbox=sandbox or FakeSandbox(),
        max_attempts=max_attempts,
        wake=lambda owner_id, turns: woken.append((owner_id, turns)),
        is_time_left=lambda: time_left,
    )
    return done, woken


@pytest.fixture
def run_id(sessions: Sessions, actor: Actor, automation: Automation) -> UUID:
    return queue(sessions, actor, automation)[0]


def test_a_run_whose_worker_was_lost_while_its_script_ran_ends_and_is_not_started_again(
    sessions: Sessions, run_id: UUID
) -> None:
    claimed(sessions, run_id, PAST, started=True)
    sandbox = FakeSandbox()
    assert reaped(sessions, sandbox) == (Reaped(runs_closed=1, sandboxes_destroyed=1), [])
    run = stored(sessions, run_id)
    assert (run.status, run.reason, sandbox.calls) == ("error", WORKER_LOST, ["destroy"])
    assert run.finished_at is not None
    assert run.destroyed_at is not None
    assert reaped(sessions, sandbox) == (Reaped(), [])


def test_an_outcome_that_the_lost_worker_recorded_is_kept(sessions: Sessions, run_id: UUID) -> None:
    claimed(sessions, run_id, PAST, started=True)
    with sessions.begin() as session:
        session.get_one(Run, run_id).ending = "succeeded"
    reaped(sessions)
    run = stored(sessions, run_id)
    assert (run.status, run.reason, run.destroyed_at is not None) == ("succeeded", None, True)


def test_a_run_whose_script_had_not_begun_is_queued_again(sessions: Sessions, actor: Actor, run_id: UUID) -> None:
    claimed(sessions, run_id, PAST, started=False)
    done, _ = reaped(sessions)
    run = stored(sessions, run_id)
    assert (done.runs_closed, run.status, run.attempt, run.claimed_until) == (1, "queued", 1, None)
    turn(sessions, actor.user_id)
    assert stored(sessions, run_id).status == "succeeded"


def test_a_run_is_queued_again_once_what_its_lost_worker_made_is_gone(sessions: Sessions, run_id: UUID) -> None:
    """Its next worker may give its sandbox the same name, and a pass must not destroy that one."""
    found: list[str] = []

    class Observed(FakeSandbox):
        def destroy(self, sandbox: str) -> bool:
            found.append(stored(sessions, run_id).status)
            return super().destroy(sandbox)

    claimed(sessions, run_id, PAST, started=False)
    sandbox = Observed(left={f"sandbox-{run_id}": datetime.now(UTC) + PAST})
    assert reaped(sessions, sandbox) == (Reaped(runs_closed=1, sandboxes_destroyed=1), [])
    assert (found, sandbox.left, stored(sessions, run_id).status) == (["running"], {}, "queued")


def test_a_run_that_loses_every_worker_ends(sessions: Sessions, run_id: UUID) -> None:
    claimed(sessions, run_id, PAST, started=False, attempt=3)
    reaped(sessions, max_attempts=3)
    run = stored(sessions, run_id)
    assert (run.status, run.reason, run.finished_at is not None) == ("error", NEVER_STARTED, True)


@pytest.mark.parametrize("started", [False, True])
def test_a_living_worker_keeps_its_run_and_its_sandbox(sessions: Sessions, run_id: UUID, started: bool) -> None:
    claimed(sessions, run_id, LEASE, started=started)
    sandbox = FakeSandbox(left={f"sandbox-{run_id}": datetime.now(UTC) + LEASE})
    assert reaped(sessions, sandbox) == (Reaped(), [])
    assert (stored(sessions, run_id).status, sandbox.calls) == ("running", [])


def test_a_sandbox_that_was_not_seen_to_go_is_destroyed_later(sessions: Sessions, actor: Actor, run_id: UUID) -> None:
    sandbox = FakeSandbox(destroy_fails=[SandboxNotDestroyedError("no"), SandboxNotDestroyedError("no")])
    turn(sessions, actor.user_id, sandbox)
    assert reaped(sessions, sandbox)[0] == Reaped(sandboxes_left=1)
    assert stored(sessions, run_id).destroyed_at is None
    assert reaped(sessions, sandbox)[0] == Reaped(sandboxes_destroyed=1)
    assert (stored(sessions, run_id).destroyed_at is not None, sandbox.left) == (True, {})


def test_a_run_that_could_not_be_closed_for_its_sandbox_ends_all_the_same(sessions: Sessions, run_id: UUID) -> None:
    claimed(sessions, run_id, PAST, started=True)
    sandbox = FakeSandbox(destroy_fails=[SandboxNotDestroyedError("no")])
    assert reaped(sessions, sandbox)[0] == Reaped(runs_closed=1, sandboxes_left=1)
    assert (stored(sessions, run_id).status, stored(sessions, run_id).destroyed_at) == ("error", None)
    reaped(sessions, sandbox)
    assert stored(sessions, run_id).destroyed_at is not None


def test_a_sandbox_that_no_run_names_goes_once_its_time_is_over(sessions: Sessions) -> None:
    now = datetime.now(UTC)
    sandbox = FakeSandbox(left={"sandbox-old": now - timedelta(seconds=1), "sandbox-new": now + LEASE})
    assert reaped(sessions, sandbox)[0] == Reaped(sandboxes_destroyed=1)
    assert list(sandbox.left) == ["sandbox-new"]


def test_sandboxes_that_cannot_be_listed_or_destroyed_are_told_and_hold_nothing_else_up(
    sessions: Sessions, actor: Actor, run_id: UUID
) -> None:
    class Unlisted(FakeSandbox):
        def expired(self, now: datetime) -> Any:  # noqa: ARG002
            raise SandboxNotDestroyedError("throttled")

    wait(sessions, run_id, timedelta(minutes=1))
    assert reaped(sessions, Unlisted()) == (Reaped(sandboxes_left=1, owners_woken=1), [(actor.user_id, 1)])
    over = datetime.now(UTC) + PAST
    left = {"sandbox-a": over, "sandbox-b": over}
    sandbox = FakeSandbox(left=left, destroy_fails=[SandboxNotDestroyedError("no")])
    assert reaped(sessions, sandbox)[0] == Reaped(sandboxes_left=1, sandboxes_destroyed=1, owners_woken=1)


def test_owners_whose_message_was_lost_are_woken_as_often_as_they_may_run(
    sessions: Sessions, actor: Actor, automation: Automation
) -> None:
    run_ids = queue(sessions, actor, automation, MAX_RUNNING_RUNS + 3)
    assert reaped(sessions)[1] == []
    for run_id in run_ids:
        wait(sessions, run_id, timedelta(minutes=1))
    assert reaped(sessions) == (Reaped(owners_woken=1), [(actor.user_id, MAX_RUNNING_RUNS)])
    for run_id in run_ids[:-4]:
        claimed(sessions, run_id, LEASE, started=False)
    assert reaped(sessions)[1] == [(actor.user_id, 1)]
    claimed(sessions, run_ids[-4], LEASE, started=False)
    assert reaped(sessions)[1] == []


def test_a_run_that_pauses_wakes_nobody_before_its_pause_is_over(
    sessions: Sessions, actor: Actor, run_id: UUID
) -> None:
    wait(sessions, run_id, timedelta(minutes=10))
    with sessions.begin() as session:
        session.get_one(Run, run_id).claimed_until = repository.now(session) + timedelta(seconds=8)
    assert reaped(sessions)[1] == []


def test_without_time_nothing_is_begun(sessions: Sessions, run_id: UUID) -> None:
    claimed(sessions, run_id, PAST, started=True)
    sandbox = FakeSandbox(left={"sandbox-old": datetime.now(UTC) + PAST})
    assert reaped(sessions, sandbox, time_left=False) == (Reaped(), [])
    assert (stored(sessions, run_id).status, sandbox.calls) == ("running", [])


def test_each_pass_counts_what_it_did(sessions: Sessions, run_id: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: dict[str, float] = {}
    monkeypatch.setattr(metrics, "add", lambda name, value=1, *_: counted.update({name: value}))
    reaped(sessions)
    assert counted == {"RunsClosed": 0, "SandboxesReaped": 0, "SandboxesLeft": 0, "OwnersWoken": 0}
    claimed(sessions, run_id, PAST, started=True)
    reaped(sessions)
    assert (counted["RunsClosed"], counted["SandboxesReaped"], counted["RunsError"]) == (1, 1, 1)


class KilledError(BaseException):
    """Stands for a kill: nothing catches it, and nothing is cleared up."""


class Mortal:
    """A sandbox runner whose worker is killed before or after its n-th step, with all that it had open."""

    def __init__(self, sandbox: FakeSandbox, step: int) -> None:
        self.sandbox = sandbox
        self.steps_left = step
        self.is_dead = False

    def step(self) -> None:
        if self.is_dead or self.steps_left == 0:
            self.is_dead = True
            raise KilledError
        self.steps_left -= 1

    def around(self, call: Callable[[], Any]) -> Any:
        self.step()
        answer = call()
        self.step()
        return answer

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:
        return self.around(lambda: self.sandbox.create(run_id, expires_at=expires_at))

    def run(self, sandbox: str, request: Any) -> RunOutcome:
        return self.around(lambda: self.sandbox.run(sandbox, request))

    def destroy(self, sandbox: str) -> bool:
        return self.around(lambda: self.sandbox.destroy(sandbox))

    def expired(self, now: datetime) -> Any:
        return self.sandbox.expired(now)


STEPS = 12
"""More than an execution has: two around each call of the runner, one before each commit."""


@pytest.mark.parametrize("step", range(STEPS))
def test_a_worker_killed_at_any_instant_leaves_nothing_after_one_pass(
    sessions: Sessions, actor: Actor, run_id: UUID, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = FakeSandbox()
    mortal = Mortal(sandbox, step)
    _die_at_commits_too(mortal, monkeypatch)
    try:
        turn(sessions, actor.user_id, mortal)
    except KilledError:
        pass
    else:
        assert stored(sessions, run_id).status == "succeeded"
    monkeypatch.undo()
    sandbox.calls.clear()
    scripts = len(sandbox.events)
    _let_leases_lapse(sessions, sandbox)

    reaped(sessions, sandbox)

    assert sandbox.left == {}
    run = stored(sessions, run_id)
    if run.status == "queued":
        assert scripts == 0
        turn(sessions, actor.user_id, sandbox)
        assert (stored(sessions, run_id).status, sandbox.left) == ("succeeded", {})
    else:
        assert run.status in ("succeeded", "error")
        assert (run.destroyed_at is not None, run.claimed_until) == (True, None)
        assert (run.reason == WORKER_LOST) == (run.status == "error")
    assert len(sandbox.events) <= 1
    assert reaped(sessions, sandbox) == (Reaped(), [])


def test_two_reapers_and_a_worker_at_once_do_everything_once(committing_sessions: Sessions) -> None:
    actor, automation = automated(committing_sessions)
    run_ids = queue(committing_sessions, actor, automation, 10)
    for run_id in run_ids[:5]:
        claimed(committing_sessions, run_id, PAST, started=True)
    sandbox = FakeSandbox()
    with ThreadPoolExecutor(6) as pool:
        passes = [pool.submit(reaped, committing_sessions, sandbox) for _ in range(2)]
        turns = [pool.submit(turn, committing_sessions, actor.user_id, sandbox) for _ in range(4)]
        closed = sum(done.result(30)[0].runs_closed for done in passes)
        for done in turns:
            done.result(30)
    while turn(committing_sessions, actor.user_id, sandbox):
        pass
    assert closed == 5
    assert [stored(committing_sessions, run_id).status for run_id in run_ids] == ["error"] * 5 + ["succeeded"] * 5
    assert len(sandbox.events) == 5


def _die_at_commits_too(mortal: Mortal, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the worker be killed before each of its commits as well: asking the time is the last thing each does."""
    ask = repository.now

    def now(session: Any) -> datetime:
        mortal.step()
        return ask(session)

    monkeypatch.setattr(repository, "now", now)


def _let_leases_lapse(sessions: Sessions, sandbox: FakeSandbox) -> None:
    with sessions.begin() as session:
        session.execute(update(Run).where(Run.status == "running").values(claimed_until=func.clock_timestamp()))
    for name in sandbox.left:
        sandbox.left[name] = datetime.now(UTC)


def wait(sessions: Sessions, run_id: UUID, how_long: timedelta) -> None:
    """Let a run have been queued so long ago."""
    with sessions.begin() as session:
        run = session.get_one(Run, run_id)
        run.created_at = run.created_at - how_long


def test_cancelling_a_run_that_pauses_ends_it(sessions: Sessions, actor: Actor, run_id: UUID) -> None:
    with sessions.begin() as session:
        session.get_one(Run, run_id).claimed_until = repository.now(session) + timedelta(minutes=1)
    with sessions.begin() as session:
        assert runs.cancel(session, actor=actor, run_id=run_id).status == "cancelled"
    assert reaped(sessions) == (Reaped(), [])
