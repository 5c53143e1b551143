"""The adapter that starts a process on this machine, with programs that stand for the sandbox's own."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psutil
import pytest

from service.runs.runners import child_process
from service.runs.runners.child_process import ChildProcess
from service.runs.sandbox import RunRequest, SandboxLostError, SandboxNotDestroyedError, SandboxNotStartedError

RUN = UUID("01890000-0000-7000-8000-000000000001")
NAME = "process-01890000000070008000000000000001"
NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
REQUEST = RunRequest(code="1", event={"trigger": "manual"})

ANSWERING = """
import json, os, sys
told = {"request": json.load(sys.stdin), "environment": dict(os.environ), "own_session": os.getsid(0) == os.getpid()}
told["descriptors"] = os.listdir("/proc/self/fd")
answer = {"status": "succeeded", "exit_code": 0, "stdout": "", "stderr": "", "truncated": {}, "result": told}
print(json.dumps(answer))
"""


def runner(program: str) -> ChildProcess:
    return ChildProcess((sys.executable, "-I", "-c", program))


def test_the_process_gets_the_request_and_nothing_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "ours")
    monkeypatch.setenv("PATH", os.defpath)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/lib")
    sandbox = runner(ANSWERING)
    told = sandbox.run(sandbox.create(RUN, expires_at=NOW), REQUEST).result
    assert told["request"] == {"code": "1", "event": {"trigger": "manual"}}
    environment = {"PATH": os.defpath, "LD_LIBRARY_PATH": "/opt/lib"}
    # Python sets this where the locale is C.
    assert {**told["environment"], "LC_CTYPE": ""} == {**environment, "LC_CTYPE": ""}
    assert told["own_session"] is True
    # The fourth is the listing itself.
    assert sorted(told["descriptors"]) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import sys; sys.exit('the sandbox failed')", "ended with exit code 1: b'the sandbox failed"),
        ("import os; os.kill(os.getpid(), 9)", "ended with exit code -9"),
        ("print('no JSON')", "not of its contract"),
        ("print('{}' + ' ' * 2_000_000)", "not of its contract"),
    ],
)
def test_a_process_that_gives_no_answer_is_lost_and_gone(program: str, said: str) -> None:
    sandbox = runner(program)
    name = sandbox.create(RUN, expires_at=NOW)
    with pytest.raises(SandboxLostError, match=said):
        sandbox.run(name, REQUEST)
    assert sandbox.destroy(name) is True


def test_a_process_that_takes_too_long_is_killed_with_its_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(child_process, "_RUN_SECONDS", 0.5)
    pids = tmp_path / "pids"
    program = (
        "import os, pathlib, time; child = os.fork();"
        f"child and pathlib.Path({str(pids)!r}).write_text(f'{{os.getpid()}} {{child}}'); time.sleep(60)"
    )
    sandbox = runner(program)
    name = sandbox.create(RUN, expires_at=NOW)
    with pytest.raises(SandboxLostError, match=f"^{NAME} gave no answer within 0.5 s$"):
        sandbox.run(name, REQUEST)
    assert sandbox.destroy(name) is True
    assert [_runs(int(pid)) for pid in pids.read_text().split()] == [False, False]


def test_a_process_that_survives_its_killing_is_not_destroyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child_process, "_RUN_SECONDS", 0.1)
    monkeypatch.setattr(child_process, "_END_SECONDS", 0)
    sandbox = runner("import time; time.sleep(60)")
    name = sandbox.create(RUN, expires_at=NOW)
    with pytest.raises(SandboxLostError):
        sandbox.run(name, REQUEST)
    with pytest.raises(SandboxNotDestroyedError, match=f"^{NAME} still exists"):
        sandbox.destroy(name)
    monkeypatch.setattr(child_process, "_END_SECONDS", 5)
    assert sandbox.destroy(name) is True


def test_a_program_that_is_not_there_has_not_started() -> None:
    sandbox = ChildProcess(("/nowhere/python",))
    with pytest.raises(SandboxNotStartedError, match="no process could be started"):
        sandbox.run(sandbox.create(RUN, expires_at=NOW), REQUEST)


def test_only_what_this_process_made_is_confirmed_to_be_gone() -> None:
    sandbox = runner(ANSWERING)
    assert sandbox.destroy(sandbox.create(RUN, expires_at=NOW)) is True
    assert sandbox.destroy("process-of-another-worker") is False
    assert list(sandbox.expired(NOW)) == []


def test_the_program_is_the_sandboxes_own() -> None:
    assert list(child_process.COMMAND) == [sys.executable, "-I", "-m", "sandbox_lambda"]


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
