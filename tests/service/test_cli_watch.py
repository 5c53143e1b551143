"""`runs watch`: what is shown of runs while they run, to programs and on terminals of any size."""

import io
import json
import re
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from service import cli
from service.automations import service as automations
from service.automations.models import Automation
from service.cli.watching import HEADER
from service.core.actor import Actor
from service.core.settings import get_settings
from service.runs.models import Run
from tests.service.conftest import Sessions
from tests.service.test_execute import queue
from tests.support.shell import shell

CODE_3 = "the script ended with exit code 3"


class Meanwhile:
    """What happens while the command waits between two looks, one thing each time. Stands for the worker."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._steps: list[Callable[[], None]] = []
        self.now = 1000.0

    def becomes(self, run_id: UUID, status: str, **fields: Any) -> None:
        """The run has that status from the next look on."""

        def change() -> None:
            with self._sessions.begin() as session:
                run = session.get_one(Run, run_id)
                for name, value in {"status": status, **fields}.items():
                    setattr(run, name, value)

        self._steps.append(change)

    def happens(self, step: Callable[[], None]) -> None:
        self._steps.append(step)

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self._steps:
            self._steps.pop(0)()
        elif self.now > 5000:
            raise AssertionError("it waits for ever")


@pytest.fixture
def meanwhile(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    meanwhile = Meanwhile(sessions)
    clock = SimpleNamespace(monotonic=lambda: meanwhile.now, sleep=meanwhile.sleep)
    monkeypatch.setattr("service.cli.runs.time", clock)
    monkeypatch.setenv("PLINTH_USER", "ada@example.com")
    return meanwhile


@pytest.fixture
def two(sessions: Sessions, actor: Actor, automation: Automation) -> list[UUID]:
    """Two queued runs, oldest first."""
    return queue(sessions, actor, automation, 2)


def test_a_program_reads_a_line_for_each_change_until_all_have_ended(meanwhile: Meanwhile, two: list[UUID]) -> None:
    first, second = two
    meanwhile.becomes(first, "running")
    meanwhile.becomes(first, "running", reason="known before the sandbox is gone")
    meanwhile.becomes(second, "failed", duration_ms=31, reason=f"{CODE_3}\x1b[2J")
    meanwhile.becomes(first, "succeeded", duration_ms=1204, reason=None)
    told = shell("runs", "watch")
    assert told.out.splitlines() == [
        f"{first}  queued         manual",
        f"{second}  queued         manual",
        f"{first}  running        manual",
        f"{second}  failed         manual            31 ms  {CODE_3}\\x1b[2J",
        f"{first}  succeeded      manual          1204 ms",
    ]
    assert (told.code, told.err) == (1, "")


def test_as_json_each_line_is_the_run_as_the_api_shows_it(
    meanwhile: Meanwhile, client: TestClient, two: list[UUID]
) -> None:
    def shown() -> list[Any]:
        return client.get("/v1/runs?sort=created_at").json()["items"]

    queued = shown()
    meanwhile.becomes(two[1], "succeeded", stdout="é\n", result={"n": 1.5}, started_at=datetime.now(UTC))
    meanwhile.becomes(two[0], "succeeded")
    told = shell("runs", "watch", "--json")
    ended = shown()
    assert told.out.isascii()
    assert [json.loads(line) for line in told.out.splitlines()] == [*queued, ended[1], ended[0]]
    assert (told.code, told.err) == (0, "")


def test_runs_are_watched_by_name_also_once_they_have_ended(meanwhile: Meanwhile, two: list[UUID]) -> None:
    meanwhile.becomes(two[0], "succeeded")
    named = shell("runs", "watch", str(two[0]), str(two[0]))
    assert (named.code, [line.split()[:2] for line in named.out.splitlines()]) == (
        0,
        [[str(two[0]), "queued"], [str(two[0]), "succeeded"]],
    )
    ended = shell("runs", "watch", str(two[0]))
    assert (ended.code, ended.out, ended.err) == (0, f"{two[0]}  succeeded      manual\n", "")


def test_runs_that_have_ended_or_are_another_s_are_not_watched(
    meanwhile: Meanwhile, sessions: Sessions, other: Actor, two: list[UUID]
) -> None:
    assert shell("runs", "watch", "--as", "grace@example.com") == (0, "No run is queued or running.\n", "")
    assert shell("runs", "watch", "--as", "grace@example.com", "--json") == (0, "", "")
    refused = (1, "", f"There is no run {two[0]}.\n")
    assert shell("runs", "watch", "--as", "grace@example.com", str(two[0])) == refused
    with sessions.begin() as session:
        session.get_one(Run, two[1]).status = "cancelled"
    meanwhile.becomes(two[0], "succeeded")
    assert {line.split()[0] for line in shell("runs", "watch").out.splitlines()} == {str(two[0])}


def test_runs_that_are_deleted_meanwhile_are_not_waited_for(
    meanwhile: Meanwhile, sessions: Sessions, actor: Actor, automation: Automation, two: list[UUID]
) -> None:
    def delete() -> None:
        with sessions.begin() as session:
            automations.delete(session, actor=actor, automation_id=automation.id)

    meanwhile.becomes(two[0], "succeeded")
    meanwhile.happens(delete)
    told = shell("runs", "watch")
    assert (told.code, told.err) == (1, f"Deleted meanwhile: {two[1]}.\n")
    assert told.out.splitlines()[2:] == [f"{two[0]}  succeeded      manual"]


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["lines", "json"])
def test_watching_ends_when_its_time_is_over(meanwhile: Meanwhile, two: list[UUID], form: tuple[str, ...]) -> None:
    meanwhile.becomes(two[0], "succeeded")
    told = shell("runs", "watch", "--timeout", "3", *form)
    assert (told.code, told.err, len(told.out.splitlines())) == (1, "1 not ended after 3 s.\n", 3)
    assert meanwhile.now == 1003


@pytest.mark.parametrize(("options", "seconds"), [((), 50), (("--timeout", "300"), 50), (("--timeout", "2"), 2)])
@pytest.mark.parametrize("words", ["runs watch", "run-automation AUTOMATION --wait"])
def test_in_a_stack_s_shell_nothing_is_waited_for_longer_than_its_function_lives(
    meanwhile: Meanwhile,
    automation: Automation,
    sent: list[UUID],
    two: list[UUID],
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    options: tuple[str, ...],
    seconds: float,
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shell")
    get_settings.cache_clear()
    assert shell(*words.replace("AUTOMATION", str(automation.id)).split(), *options).code == 1
    assert meanwhile.now == pytest.approx(1000 + seconds, abs=0.6)


class Terminal(io.StringIO):
    """A terminal that is so many lines high, as far as it is needed."""

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """All lines that can be seen after what was written, by scrolling too."""
        shown: list[str] = []
        for command, text in re.findall(r"\x1b\[(\d+)A\x1b\[J|([^\n]*)\n", self.getvalue()):
            if command:
                # The cursor goes no higher than the first line of the terminal.
                taken_back = min(int(command), self._lines - 1, len(shown))
                del shown[len(shown) - taken_back :]
            else:
                shown.append(text)
        return shown


def watched_on(terminal: Terminal) -> tuple[int, str]:
    with redirect_stdout(terminal), redirect_stderr(io.StringIO()) as complaints:
        code = cli.main(["runs", "watch"])
    return code, complaints.getvalue()


def sized(monkeypatch: pytest.MonkeyPatch, *, columns: int, lines: int) -> Terminal:
    for name, value in {"COLUMNS": str(columns), "LINES": str(lines), "TERM": "xterm"}.items():
        monkeypatch.setenv(name, value)
    return Terminal(lines)


def test_a_terminal_shows_the_runs_as_they_are_now(
    meanwhile: Meanwhile, two: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = two
    terminal, screens = sized(monkeypatch, columns=120, lines=24), list[list[str]]()

    def look() -> None:
        screens.append(terminal.screen())

    meanwhile.happens(look)
    meanwhile.becomes(first, "running")
    meanwhile.happens(look)
    meanwhile.becomes(first, "failed", duration_ms=31, reason=CODE_3)
    meanwhile.happens(look)
    meanwhile.becomes(second, "succeeded", duration_ms=7)
    assert watched_on(terminal) == (1, "")
    queued, failed = f"{second}  queued         manual", f"{first}  failed         manual            31 ms  {CODE_3}"
    assert screens == [
        [HEADER, f"{first}  queued         manual", queued, "2 queued"],
        [HEADER, f"{first}  running        manual", queued, "1 queued, 1 running"],
        [HEADER, failed, queued, "1 queued, 1 failed"],
    ]
    assert terminal.screen() == [
        HEADER,
        failed,
        f"{second}  succeeded      manual             7 ms",
        "1 succeeded, 1 failed",
    ]


@pytest.mark.parametrize("lines", [2, 5, 24])
def test_more_runs_than_fit_on_a_terminal_are_each_shown_once(
    meanwhile: Meanwhile,
    sessions: Sessions,
    actor: Actor,
    automation: Automation,
    monkeypatch: pytest.MonkeyPatch,
    lines: int,
) -> None:
    many = queue(sessions, actor, automation, 30)
    for run_id in many:
        meanwhile.becomes(run_id, "succeeded", duration_ms=7)
    terminal = sized(monkeypatch, columns=50, lines=lines)
    assert watched_on(terminal) == (0, "")
    rows = [f"{run_id}  succeeded      manual             7 ms" for run_id in many]
    assert terminal.screen() == [HEADER, *rows, "30 succeeded"]
    below = [line for line in terminal.getvalue().splitlines() if "queued" in line]
    assert max(map(len, below)) <= 49


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(
    meanwhile: Meanwhile, two: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = sized(monkeypatch, columns=80, lines=24)
    monkeypatch.setenv("TERM", "dumb")
    for run_id in two:
        meanwhile.becomes(run_id, "succeeded")
    assert watched_on(terminal) == (0, "")
    assert "\x1b" not in terminal.getvalue()
    assert [line.split()[1] for line in terminal.getvalue().splitlines()] == ["queued"] * 2 + ["succeeded"] * 2
