"""What a new instance of a function does before its first request: imports, checks its keys, and makes a snapshot."""

import json
import os
import subprocess
import sys
import textwrap
from typing import Any

import pytest
from sqlalchemy import event

from service.core import database, keys, snapshot
from service.runs import dispatch
from tests.service.conftest import KEYS
from tests.support.postgres import Postgres

NEEDED_BY_FEW = {
    "alembic",
    "argon2",
    "aws_xray_sdk",
    "boto3",
    "botocore.session",
    "dns",
    "jinja2",
    "multipart",
    "pwdlib",
    "pydantic_settings",
    "pytest",
    "python_multipart",
    "service.cli",
    "service.migrations",
    "service.runs.execute",
    "service.runs.runners",
    "tabulate",
    "typer",
    "valkey",
}
"""What no request needs, or a few that can wait for it. FastAPI itself imports email_validator where it is there."""


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A Python program in a process with no environment but this."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env={"PATH": os.defpath, "AWS_EC2_METADATA_DISABLED": "true", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_api_imports_nothing_that_a_request_can_do_without() -> None:
    program = "import sys, service.lambda_handlers.api; print(*sys.modules)"
    environment = {"LAMBDA_TASK_ROOT": "/var/task", "POWERTOOLS_TRACE_DISABLED": "true", "SIGNING_KEYS": KEYS}
    done = run(program, RATE_LIMIT_STORAGE_URI="valkey://127.0.0.1:1", **environment)
    imported = set(done.stdout.split())
    assert "service.items.router" in imported, done.stderr
    assert imported & NEEDED_BY_FEW == set()


def test_garbage_is_looked_for_again_once_the_function_is_initialised() -> None:
    program = (
        "import gc, service.lambda_handlers.api; print(gc.isenabled(), *gc.get_threshold(), gc.get_freeze_count())"
    )
    enabled, *threshold, frozen = run(program, SIGNING_KEYS=KEYS).stdout.split()
    assert (enabled, threshold) == ("True", ["10000", "10", "10"])
    assert int(frozen) > 100_000


WEAK = json.dumps({"current": "k", "keys": {"k": "c2hvcnQ="}, "api_key_pepper": "c2hvcnQ="})


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "Neither SIGNING_KEYS nor SIGNING_KEYS_SECRET_ARN is set"),
        ({"SIGNING_KEYS": WEAK}, "is weak: 5 bytes of at least 32"),
        ({"SIGNING_KEYS": "{}"}, "are not the JSON document"),
    ],
    ids=["missing", "weak", "malformed"],
)
def test_the_api_does_not_start_without_good_keys(environment: dict[str, str], words: str) -> None:
    done = run("import service.lambda_handlers.api", **environment)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("service.core.keys.UnusableKeysError: ")
    assert words in done.stderr.splitlines()[-1]
    assert "c2hvcnQ" not in done.stderr


def test_hooks_are_registered_where_the_runtime_has_snapshots_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot.register(warm=lambda: None)
    called: list[tuple[str, Any]] = []

    class Runtime:
        register_before_snapshot = staticmethod(lambda *hook: called.append(("before", hook)))
        register_after_restore = staticmethod(lambda *hook: called.append(("after", hook)))

    monkeypatch.setitem(sys.modules, "snapshot_restore_py", Runtime)  # pyright: ignore[reportArgumentType]
    warm = print
    snapshot.register(warm=warm)
    assert called == [("before", (snapshot.prepare, warm)), ("after", (snapshot.restored,))]


def test_a_snapshot_holds_neither_connections_nor_secrets_and_requests_after_it_work(
    postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.url("migrated"))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "api")
    opened: list[object] = []
    closed: list[object] = []
    event.listen(database.engine(), "connect", lambda connection, _record: opened.append(connection))
    event.listen(database.engine(), "close", lambda connection, _record: closed.append(connection))

    def ask() -> None:
        with database.transaction() as session:
            assert session.connection().exec_driver_sql("SELECT 1").scalar() == 1

    ask()
    assert (len(opened), len(closed)) == (1, 0)
    keys.key_ring()
    client = dispatch.sqs()
    snapshot.prepare(ask)
    assert (len(opened), len(closed)) == (1, 1)
    assert opened == closed
    assert dispatch.sqs() is not client
    renewed = keys.KeyRing.parse(KEYS).rotated()
    monkeypatch.setattr(keys.KeyRing, "parse", lambda _text: renewed)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    assert keys.key_ring() is renewed
    snapshot.restored()
    ask()
    assert (len(opened), len(closed)) == (2, 1)
    database.engine().dispose()


COPIES = """
    import ctypes, os, random, ssl
    from service.core import ids, snapshot

    def copy() -> str:
        '''What another copy of this very process says. Python does not learn that it was copied, as in a snapshot.'''
        reads, writes = os.pipe()
        if ctypes.PyDLL(None).fork() == 0:
            if {restored}:
                snapshot.restored()
            said = f"{{random.random()}} {{ids.new_id().hex[-8:]}}"
            os.write(writes, said.encode())
            os._exit(0)
        os.wait()
        return os.read(reads, 1000).decode()

    ids.new_id()
    print(copy(), copy())
"""


@pytest.mark.parametrize("restored", [True, False])
def test_copies_of_one_snapshot_make_numbers_and_ids_of_their_own(restored: bool) -> None:
    done = run(COPIES.format(restored=restored))
    assert done.returncode == 0, done.stderr
    number, identifier, other_number, other_identifier = done.stdout.split()
    # Without the hook they are the same: this is what it is there for.
    assert (number != other_number, identifier != other_identifier) == (restored, restored)
