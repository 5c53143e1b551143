"""`python -m service` as a program of its own, on a database of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import sessionmaker

from service.automations import service as automations
from service.cli.watching import HEADER
from service.items import service as items
from service.migrations import head_revision
from service.runs import service as runs
from service.runs.models import Run
from service.users import service as users
from tests.service.conftest import KEYS, Sessions, make_actor
from tests.support.postgres import Postgres

UNKNOWN = "01890000-0000-7000-8000-000000000000"

Program = Callable[..., subprocess.CompletedProcess[str]]


def environment(url: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "DATABASE_URL": url, "SIGNING_KEYS": KEYS, "PLINTH_USER": "ada@example.com"}


@pytest.fixture
def url(postgres: Postgres) -> str:
    """An empty database."""
    return postgres.create_database(f"shell_{uuid4().hex}")


@pytest.fixture
def program(url: str) -> Program:
    """Runs one command to its end."""

    def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "service", *arguments]
        text = {"capture_output": True, "text": True, "timeout": 100, "env": environment(url)}
        return subprocess.run(command, check=False, **{**text, **options})

    return run


@dataclass(frozen=True)
class Prepared:
    """A migrated database with a user who has an automation."""

    url: str
    automation_id: UUID
    sessions: Sessions

    def has_runs(self) -> bool:
        with self.sessions() as session:
            return session.scalars(select(func.count()).select_from(Run)).one() > 0


@pytest.fixture
def prepared(postgres: Postgres) -> Iterator[Prepared]:
    url = postgres.create_database(f"shell_{uuid4().hex}", template="migrated")
    engine = create_engine(url)
    sessions = sessionmaker(engine)
    actor = make_actor(sessions, email="ada@example.com")
    with sessions.begin() as session:
        item = items.create(session, actor=actor, name="Kettle")
        automation = automations.create(session, actor=actor, name="Tell", code="1", item_id=item.id)
        automation_id = automation.id
    yield Prepared(url, automation_id, sessions)
    engine.dispose()


def test_it_works_from_migration_to_run(program: Program) -> None:
    unmigrated = program("items", "list")
    complaint = "The database lacks the service's tables: run `python -m service migrate`.\n"
    assert (unmigrated.returncode, unmigrated.stdout, unmigrated.stderr) == (2, "", complaint)
    assert program("migrate").stdout == f"at {head_revision()}, applied: 0001, 0002, 0003\n"
    sent = program("create-admin", "--email", "ada@example.com", "--password-stdin", input="an otter reads at noon\n")
    assert (sent.returncode, sent.stderr) == (0, "")
    item = json.loads(program("items", "create", "--name", "Kettle", "--json").stdout)
    assert json.loads(program("items", "list", "--json").stdout) == {"items": [item], "next_cursor": None}
    script = ("--code-file", "-", "--json")
    created = program("automations", "create", "--item", item["id"], "--name", "é", *script, input="print('é')\n")
    automation = json.loads(created.stdout)
    assert automation["code"] == "print('é')\n"
    started = program("run-automation", automation["id"], "--json")
    assert json.loads(started.stdout)["status"] == "queued"
    assert (started.returncode, started.stderr) == (0, "no QUEUE_URL: runs stay queued\n")


@pytest.mark.parametrize("arguments", [("migrate", "--revision", "9999"), ("items", "list"), ("users", "list")])
def test_a_database_that_cannot_be_used_is_said_in_one_line(
    url: str, program: Program, arguments: tuple[str, ...]
) -> None:
    missing = program(*arguments, env=environment(url.replace("/shell_", "/no_")))
    assert (missing.returncode, missing.stdout, missing.stderr.count("\n")) == (2, "", 1)
    assert missing.stderr.startswith("The database does not answer: ")
    assert "Traceback" not in missing.stderr


def test_a_revision_that_does_not_exist_is_refused_in_one_line(program: Program) -> None:
    refused = program("migrate", "--revision", "9999")
    complaint = "The schema cannot be upgraded: Can't locate revision identified by '9999'\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", complaint)


def test_a_revision_without_a_name_is_refused_in_one_line(program: Program) -> None:
    refused = program("migrate", "--revision", "")
    complaint = "Name a revision, or leave --revision out for the newest.\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", complaint)


def test_a_reader_that_stops_reading_is_no_error(program: Program) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nobody:
        cut = program("openapi", capture_output=False, stdout=nobody, stderr=subprocess.PIPE)
    assert (cut.returncode, cut.stderr) == (141, "")


def test_a_terminal_that_cannot_show_a_character_is_no_error(program: Program, prepared: Prepared) -> None:
    plain = {**environment(prepared.url), "PYTHONIOENCODING": "ascii"}
    created = program("items", "create", "--name", "Kessel für 漢", env=plain)
    assert (created.returncode, created.stderr) == (0, "")
    assert "name        Kessel f\\xfcr \\u6f22\n" in created.stdout
    listed = program("items", "list", "--name-contains", "für", "--json", env=plain)
    assert [entry["name"] for entry in json.loads(listed.stdout)["items"]] == ["Kessel für 漢"]


def test_output_that_cannot_be_written_is_said_in_one_line(program: Program) -> None:
    with open("/dev/full", "w") as full:  # noqa: PTH123
        cut = program("openapi", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (cut.returncode, cut.stderr) == (2, "What was done cannot be shown: No space left on device.\n")


def test_streams_that_are_closed_are_empty(prepared: Prepared) -> None:
    here = [sys.executable, "-m", "service"]
    script = ("automations", "create", "--item", UNKNOWN, "--name", "x", "--code-file", "-")
    for command, ends in (
        ([*here, "items", "list", "<&-"], (0, True, "")),
        ([*here, "items", "list", ">&-"], (0, False, "")),
        ([*here, "items", "list", "2>&-"], (0, True, "")),
        ([*here, *script, "<&-"], (2, False, "code: String should have at least 1 character\n")),
        ([*here, "set-nothing", ">&-", "2>&-"], (2, False, "")),
    ):
        ended = subprocess.run(
            ["/bin/sh", "-c", " ".join(command)],
            env=environment(prepared.url),
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert (ended.returncode, "Kettle" in ended.stdout, ended.stderr) == ends, command


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite:///x", "mysql://x:secret@127.0.0.1/x", "postgresql://x:y"])
def test_an_address_of_no_postgresql_is_refused_in_one_line_that_does_not_repeat_it(program: Program, url: str) -> None:
    refused = program("items", "list", env=environment(url))
    complaint = "DATABASE_URL is no address of a PostgreSQL: postgresql://USER:PASSWORD@HOST:PORT/NAME\n"
    assert (refused.returncode, refused.stdout, refused.stderr) == (2, "", complaint)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres"])
def test_an_address_need_not_name_our_driver(program: Program, prepared: Prepared, scheme: str) -> None:
    url = prepared.url.replace("postgresql+psycopg", scheme)
    assert program("items", "list", env=environment(url)).returncode == 0


def test_an_interrupt_ends_it_quietly(prepared: Prepared) -> None:
    waiting = subprocess.Popen(
        [sys.executable, "-m", "service", "run-automation", str(prepared.automation_id), "--wait"],
        env=environment(prepared.url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        while not prepared.has_runs():
            time.sleep(0.05)
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=60)
    finally:
        waiting.kill()
        waiting.wait()
    assert (waiting.returncode, out, err) == (130, "", "no QUEUE_URL: runs stay queued\n")


@pytest.mark.parametrize("on_a_terminal", [False, True])
def test_an_interrupt_ends_what_follows_runs_quietly(prepared: Prepared, on_a_terminal: bool) -> None:
    with prepared.sessions.begin() as session:
        actor = users.actor_for_user(users.find_by_email(session, email="ada@example.com"))
        run_id = runs.queue_now(session, actor=actor, automation_id=prepared.automation_id).id
    reading, writing = os.openpty() if on_a_terminal else os.pipe()
    watching = subprocess.Popen(
        [sys.executable, "-m", "service", "runs", "watch"],
        env={**environment(prepared.url), "TERM": "xterm", "COLUMNS": "100", "LINES": "24"},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        shown = os.read(reading, 4096).decode().replace("\r\n", "\n")
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=60)
    finally:
        watching.kill()
        watching.wait()
        os.close(reading)
        os.close(writing)
    row = f"{run_id}  queued         manual\n"
    assert shown == (f"{HEADER}\n{row}1 queued\n" if on_a_terminal else row)
    assert (watching.returncode, err) == (130, "")


def test_help_imports_nothing_that_a_command_needs() -> None:
    asked = "import sys\nfrom service.cli import main\nassert main(['--help']) == 0\nprint('\\n', *sys.modules)"
    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    imported = {name.partition(".")[0] for name in shown.stdout.splitlines()[-1].split()}
    assert imported.isdisjoint({"fastapi", "sqlalchemy", "psycopg", "pydantic", "alembic", "tabulate", "boto3"})
    assert "usage: python -m service [-h] [--as EMAIL] [--json] COMMAND ...\n" in shown.stdout


def test_a_command_does_not_import_fastapi() -> None:
    asked = "import sys\nfrom service.cli import main\nmain(['--as', 'x', 'items', 'list'])\nprint(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, timeout=60)
    imported = {name.partition(".")[0] for name in shown.stdout.split()}
    assert "sqlalchemy" in imported
    assert imported.isdisjoint({"fastapi", "starlette", "slowapi", "alembic", "tabulate", "boto3", "pwdlib"})
