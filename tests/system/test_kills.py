"""Two hundred runs while their workers are killed at random: each ends, none is executed twice, nothing is left."""

import json
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import httpx2
import psycopg
import pytest

from service.automations.service import MAX_AUTOMATIONS_OF_ITEM
from service.runs.models import MAX_RUNNING_RUNS
from service.runs.reap import WORKER_LOST
from tests.support.checkout import copy_of_checkout, edit
from tests.support.folders import server_folder
from tests.support.instances import Instances, named
from tests.support.local_stack import Plinth, Stack, sign_up
from workbench.local import postgres
from workbench.local.processes import free_port

# It brings up a stack of its own, and so may run beside the tests of the other.
pytestmark = [pytest.mark.xdist_group("kills"), pytest.mark.timeout(600)]

OWNERS = 4
UPDATES = 5
RUNS = OWNERS * UPDATES * MAX_AUTOMATIONS_OF_ITEM
KILLS = 20
WORKERS = 10
"""The dev stack's worker_concurrency."""

SHORT_LIVES = "sandbox_timeout_seconds=12, worker_timeout_seconds=72, "
"""Of sandbox and worker, as short as a stack may choose them: a killed worker's runs are held for so long."""

LONGEST_SECONDS = 300
"""In which all has ended, however busy the machine is. What has not by then is a failure that the tests tell."""

SCRIPT_NAME = f"run-{secrets.token_hex(4)}"
SLEEPER_NAME = f"sleep-{secrets.token_hex(4)}"
_NAMED = "import ctypes, time\nctypes.CDLL(None).prctl(15, b'{name}', 0, 0, 0)\ntime.sleep({seconds})\n{rest}"
"""A script whose process everyone on the machine can tell by its name."""

SCRIPT = _NAMED.format(name=SCRIPT_NAME, seconds=0.2, rest="print(event['run_id'])")
SLEEPER = _NAMED.format(name=SLEEPER_NAME, seconds=8, rest="")


class Row(NamedTuple):
    """A run in the database at one instant."""

    owner_id: UUID
    run_id: UUID
    status: str
    attempt: int


@dataclass
class Seen:
    """What was seen of the stack from outside while it was at work."""

    rows: list[Sequence[Row]] = field(default_factory=list[Sequence[Row]])
    """All runs at one instant, each owner's in the order in which they were queued; instant after instant."""

    workers: list[int] = field(default_factory=list[int])
    """The worker's instances, time after time."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    """What the API answered, whoever asked."""

    kills: int = 0
    """Workers killed at random."""

    messages_lost: int = 0
    """Messages that killed workers may have held, at most: one each, those of the sleepers included."""

    passes: list[Mapping[str, int]] = field(default_factory=list[Mapping[str, int]])
    """What the reaper's passes that were asked for did. Others came as the schedule has them."""


@dataclass(frozen=True)
class Storm:
    """The stack after all runs have ended, and what was seen until then."""

    stack: Stack
    seen: Seen
    reaped: Sequence[Mapping[str, Any]]
    """One owner's runs, as many as may run at once, that slept when their workers were killed: after one pass of the
    reaper."""

    left: Set[str]
    """Those of their sandboxes that were there after it."""

    behind: Mapping[str, Any]
    """The same owner's next run, which had to wait for them, in the end."""

    runs: Mapping[str, Mapping[str, Any]]
    """All others by id, as the API tells them in the end: workers were killed at random while they ran."""


@pytest.fixture(scope="module")
def storm(tmp_path_factory: pytest.TempPathFactory) -> Generator[Storm]:
    """The storm, once for all tests of this file, which look at it from different sides."""
    checkout = copy_of_checkout(tmp_path_factory.mktemp("checkout"))
    edit(checkout / "stacks" / "dev" / "__init__.py", "worker_concurrency=", f"{SHORT_LIVES}worker_concurrency=")
    with server_folder() as state, ExitStack() as clients:
        plinth = Plinth(state, checkout)
        brought_up = plinth("up", "dev", "--detach", "--json", "--port", str(free_port()))
        assert brought_up.returncode == 0, brought_up.stderr
        outputs = json.loads(brought_up.stdout)
        seen = Seen()

        def signed_in(email: str) -> Stack:
            client = httpx2.Client(
                base_url=outputs["api_url"],
                timeout=60,
                event_hooks={"response": [lambda answer: seen.statuses.update([answer.status_code])]},
            )
            clients.enter_context(client)
            client.headers["Authorization"] = sign_up(client, email)
            return Stack(plinth, outputs, client)

        yield _raged(signed_in, seen)


def test_every_run_ends_with_what_its_script_printed_or_with_its_worker_lost(storm: Storm) -> None:
    assert len(storm.runs) == RUNS
    lost = [run for run in storm.runs.values() if run["status"] == "error"]
    assert {run["reason"] for run in lost} == {WORKER_LOST}
    assert 0 < len(lost) <= storm.seen.kills == KILLS
    for run_id, run in storm.runs.items():
        if run["status"] == "succeeded":
            assert (run["stdout"], run["stderr"], run["exit_code"]) == (f"{run_id}\n", "", 0)
        else:
            assert (run["status"], run["stdout"]) == ("error", None)


def test_no_script_is_executed_twice(storm: Storm) -> None:
    """By the emulator's own counts of what it invoked, whatever the service believes."""
    all_runs = [str(row.run_id) for row in storm.seen.rows[-1]]
    invoked = {run_id: _invocations(storm.stack, run_id) for run_id in all_runs}
    assert set(invoked.values()) <= {0, 1}
    assert {storm.runs[run_id]["reason"] for run_id, count in invoked.items() if count == 0} <= {WORKER_LOST}
    assert _executions(storm.stack, storm.stack.outputs["sandbox_function"]) == sum(invoked.values())


def test_no_sandbox_and_no_script_is_left_and_each_was_seen_to_go(storm: Storm) -> None:
    assert storm.stack.sandboxes() == []
    assert Instances(storm.stack.plinth).of_sandboxes(storm.stack.outputs["sandbox_function"]) == []
    assert named(SCRIPT_NAME) == named(SLEEPER_NAME) == []
    for run in storm.runs.values():
        assert run["created_at"] <= run["started_at"] <= run["finished_at"] <= run["destroyed_at"]


def test_an_owner_never_has_more_runs_running_than_they_may_and_reaches_that(storm: Storm) -> None:
    most: Counter[UUID] = Counter()
    for rows in storm.seen.rows:
        most |= Counter(row.owner_id for row in rows if row.status == "running")
    assert list(most.values()) == [MAX_RUNNING_RUNS] * (OWNERS + 1)


def test_no_run_is_taken_before_one_that_its_owner_queued_earlier(storm: Storm) -> None:
    for rows in storm.seen.rows:
        waiting: set[UUID] = set()
        for row in rows:
            if row.attempt == 0:
                waiting.add(row.owner_id)
            else:
                assert row.owner_id not in waiting, row


def test_the_stack_has_as_many_workers_as_it_chose(storm: Storm) -> None:
    assert max(storm.seen.workers) == WORKERS


def test_no_message_is_set_aside_and_only_those_of_killed_workers_have_yet_to_come_back(storm: Storm) -> None:
    queue = storm.stack.outputs["queue_url"]
    queues = storm.stack.plinth.client("sqs")
    dead = queues.get_queue_url(QueueName=f"{queue.rpartition('/')[2]}-dead-letters")["QueueUrl"]
    assert _messages(queues, dead) == (0, 0)
    # Turns too many may still be on their way: a worker finds that there is nothing to do.
    _wait_until(lambda: _messages(queues, queue) <= (0, storm.seen.messages_lost), seconds=20)


def test_the_api_answers_all_the_while(storm: Storm) -> None:
    assert set(storm.seen.statuses) <= {200, 201, 202, 429}


def test_workers_killed_while_their_scripts_run_leave_nothing_after_one_pass_and_the_next_run_proceeds(
    storm: Storm,
) -> None:
    assert storm.left == set()
    for run in storm.reaped:
        assert (run["status"], run["reason"], run["stdout"]) == ("error", WORKER_LOST, None)
        assert run["started_at"] <= run["finished_at"] <= run["destroyed_at"]
        assert storm.behind["started_at"] > run["finished_at"]
    assert (storm.behind["status"], storm.behind["stdout"]) == ("succeeded", f"{storm.behind['id']}\n")


def test_the_reaper_comes_by_itself(storm: Storm) -> None:
    passes = _executions(storm.stack, storm.stack.outputs["function_names"]["reaper"])
    assert passes > len(storm.seen.passes)


def _raged(signed_in: Callable[[str], Stack], seen: Seen) -> Storm:
    """Kills all workers of one owner while their scripts run, then some at random under the runs of the others."""
    with ThreadPoolExecutor(OWNERS + 1) as pool:
        lone, *others = pool.map(signed_in, [f"owner{number}@example.com" for number in range(OWNERS + 1)])
        items = list(pool.map(_automated, others))
        with _watched(lone, seen):
            sleepers, behind = _bereaved(lone, seen)
            queued = list(pool.map(_updated, others, items))
            _kill_at_random(lone, seen)
            _wait_until(lambda: _leases_over(lone, sleepers), seconds=120)
            seen.passes.append(_reaped(lone))
            reaped = [lone.finished(run_id) for run_id in sleepers]
            left = {_sandbox(lone, run_id) for run_id in sleepers} & set(lone.sandboxes())
            proceeded = lone.finished(behind)
            deadline = time.monotonic() + LONGEST_SECONDS
            while _unfinished(lone) and time.monotonic() < deadline:
                seen.passes.append(_reaped(lone))
                time.sleep(3)
        runs = [run for told in pool.map(_told, others, queued) for run in told]
    return Storm(lone, seen, reaped, left, proceeded, {run["id"]: run for run in runs})


def _automated(stack: Stack) -> Mapping[str, Any]:
    """An item with as many automations as it may have."""
    item = stack.create_item()
    for _ in range(MAX_AUTOMATIONS_OF_ITEM):
        stack.automate(item, SCRIPT)
    return item


def _updated(stack: Stack, item: Mapping[str, Any]) -> list[str]:
    """Updates the item until the owner has as many runs unfinished as they may; what was queued."""
    run_ids: list[str] = []
    for number in range(UPDATES):
        answer = _accepted(stack, "PATCH", f"/v1/items/{item['id']}", {"description": f"update {number}"})
        run_ids += answer["runs"]
    return run_ids


def _bereaved(stack: Stack, seen: Seen) -> tuple[Sequence[str], str]:
    """Queues sleepers and one run behind them, and kills all workers once every sleeper's script is at work."""
    item = stack.create_item()
    quick, sleeper = stack.automate(item, SCRIPT), stack.automate(item, SLEEPER)
    # Warm workers take the sleepers at once, so that none wakes before the last has begun.
    for run_id in [_run_now(stack, quick) for _ in range(MAX_RUNNING_RUNS)]:
        assert stack.finished(run_id)["status"] == "succeeded"
    sleepers = [_run_now(stack, sleeper) for _ in range(MAX_RUNNING_RUNS)]
    behind = _run_now(stack, quick)
    _wait_until(lambda: len(named(SLEEPER_NAME)) == MAX_RUNNING_RUNS, seconds=30)
    for worker in Instances(stack.plinth).of(stack.outputs["function_names"]["worker"]):
        worker.kill()
        seen.messages_lost += 1
    assert len(named(SLEEPER_NAME)) == MAX_RUNNING_RUNS
    return sleepers, behind


def _kill_at_random(stack: Stack, seen: Seen) -> None:
    """Kills a worker every second or so, as long as half of them are at work, so that runs end meanwhile too."""
    instances, worker = Instances(stack.plinth), stack.outputs["function_names"]["worker"]
    while seen.kills < KILLS:
        time.sleep(random.uniform(0.3, 1.7))  # noqa: S311
        waiting = sum(row.status == "queued" for row in seen.rows[-1])
        assert waiting > 1, f"all runs were taken before the worker was killed {KILLS} times"
        victims = instances.with_database(worker)
        if len(victims) >= WORKERS // 2:
            random.choice(victims).kill()  # noqa: S311
            seen.kills += 1
            seen.messages_lost += 1


def _run_now(stack: Stack, automation: Mapping[str, Any]) -> str:
    return _accepted(stack, "POST", f"/v1/automations/{automation['id']}/runs")["id"]


def _accepted(stack: Stack, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The answer to a request, sent again while a limit refuses it."""
    for _ in range(100):
        answer = stack.http.request(method, path, json=body)
        if answer.status_code != 429:
            assert answer.status_code in (200, 202), answer.text
            return answer.json()
        time.sleep(0.2)
    pytest.fail(f"the limit on {path} never let one through")


def _told(stack: Stack, run_ids: Sequence[str]) -> list[Mapping[str, Any]]:
    """The owner's runs, as the API tells them."""
    return [_accepted(stack, "GET", f"/v1/runs/{run_id}") for run_id in run_ids]


def _reaped(stack: Stack) -> Mapping[str, int]:
    """What one pass of the reaper did."""
    name = stack.outputs["function_names"]["reaper"]
    answer = stack.plinth.client("lambda").invoke(FunctionName=name, Qualifier="live")
    told = answer["Payload"].read()
    assert "FunctionError" not in answer, told
    return json.loads(told)


@contextmanager
def _watched(stack: Stack, seen: Seen) -> Generator[None]:
    """Keeps looking, several times a second, at the database, the workers and the API."""
    over = threading.Event()

    def look() -> None:
        instances, worker = Instances(stack.plinth), stack.outputs["function_names"]["worker"]
        with _database(stack) as database:
            while not over.wait(0.1):
                rows = database.execute("SELECT owner_id, id, status, attempt FROM runs ORDER BY created_at, id")
                seen.rows.append([Row(*row) for row in rows])
                seen.workers.append(len(instances.of(worker)))

    def ask() -> None:
        while not over.wait(0.5):
            stack.http.get("/v1/users/me")

    with ThreadPoolExecutor(2) as pool:
        watching = [pool.submit(look), pool.submit(ask)]
        try:
            yield
        finally:
            over.set()
    for done in watching:
        done.result()


def _database(stack: Stack) -> psycopg.Connection[Any]:
    folder, port = stack.plinth.state / "dev", stack.plinth.processes()["database"]["port"]
    return psycopg.connect(postgres.url(folder, port), dbname="plinth", autocommit=True)


def _leases_over(stack: Stack, run_ids: Sequence[str]) -> bool:
    with _database(stack) as database:
        question = "SELECT count(*) FROM runs WHERE id = ANY(%s) AND claimed_until > clock_timestamp()"
        return database.execute(question, [[UUID(run_id) for run_id in run_ids]]).fetchone() == (0,)


def _unfinished(stack: Stack) -> bool:
    with _database(stack) as database:
        question = "SELECT count(*) FROM runs WHERE status IN ('queued', 'running') OR destroyed_at IS NULL"
        return database.execute(question).fetchone() != (0,)


def _sandbox(stack: Stack, run_id: str) -> str:
    return f"{stack.outputs['sandbox_function']}-run-{UUID(run_id).hex}"


def _invocations(stack: Stack, run_id: str) -> int:
    """How often the function of a run was invoked, by the emulator's metric."""
    now = datetime.now(UTC)
    points = stack.plinth.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="Invocations",
        Dimensions=[{"Name": "FunctionName", "Value": _sandbox(stack, run_id)}],
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(minutes=1),
        Period=60,
        Statistics=["Sum"],
    )["Datapoints"]
    return int(sum(point["Sum"] for point in points))


def _executions(stack: Stack, log_group: str) -> int:
    """How often any function with that log group was executed, by the lines that the emulator itself adds."""
    pages = stack.plinth.client("logs").get_paginator("filter_log_events")
    events = [event for page in pages.paginate(logGroupName=f"/aws/lambda/{log_group}") for event in page["events"]]
    return sum(event["message"].startswith("START RequestId: ") for event in events)


def _messages(queues: Any, queue_url: str) -> tuple[int, int]:
    """How many messages a queue has to give, and how many it gave and has not heard of."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = queues.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)["Attributes"]
    return int(attributes[names[0]]), int(attributes[names[1]])


def _wait_until(done: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            pytest.fail("it never came to be")
        time.sleep(0.1)
