"""The process that evaluates a stranger's program: what the program can do to it, and what is told of that."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.repositories import QUEUE, Repository
from workbench.diff.evaluation import EvaluationError, evaluated
from workbench.diff.snapshot import Hidden, Snapshot
from workbench.project import ROOT

_KEY = b"key"
_SECRET = "hunter2-planted-marker"
_WROTE = "the program wrote into the answer of the process that evaluates it: it has to leave that alone."
_INTO_EVERY_FILE = """
import os
for number in range(3, 40):
    try:
        os.write(number, {text!r})
    except OSError:
        pass
"""


def _root(folder: Path, program: str) -> Path:
    made = Repository(folder)
    made.write(made.stack("dev", program))
    return folder


def _evaluated(folder: Path, program: str) -> Snapshot:
    root = _root(folder, program)
    return evaluated({root: ["dev"]}, _KEY)[root]["dev"]


def _refused(folder: Path, program: str) -> str:
    with pytest.raises(EvaluationError) as told:
        _evaluated(folder, program)
    return str(told.value)


_ANSWERS = (b"garbage", b"\xff\xfe", b"{}", b"[]", b"3", b"null", b'{"secrets": 3}', b"[" * 100_000)


@pytest.mark.parametrize("text", [answer + b"\n" for answer in _ANSWERS], ids=range(len(_ANSWERS)))
def test_a_program_that_writes_into_the_answer_is_told(tmp_path: Path, text: bytes) -> None:
    assert _refused(tmp_path, _INTO_EVERY_FILE.format(text=text)) == _WROTE


def test_a_program_that_answers_in_the_processs_place_with_no_snapshot_is_told(tmp_path: Path) -> None:
    forged = b'{"secrets": []}\n{"snapshots": {"dev": "{}"}}\n'
    assert _refused(tmp_path, _INTO_EVERY_FILE.format(text=forged)) == _WROTE


def test_an_answer_without_end_is_not_listened_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.diff.evaluation._LARGEST_ANSWER", 5_000_000)
    flood = "".join(f"    {line}\n" for line in _INTO_EVERY_FILE.format(text=b"x" * 60_000).splitlines())
    assert _refused(tmp_path, f"while True:\n{flood}") == "the program registers more than 5,000,000 bytes."


@pytest.mark.parametrize("ends", ["", "os._exit(7)\n"])
def test_what_a_program_leaves_running_holds_up_nothing_and_is_ended(tmp_path: Path, ends: str) -> None:
    # A fork has every open file of its parent, the pipe of the answers among them.
    program = f"""
import os, time
if (child := os.fork()) == 0:
    time.sleep(600)
open({str(tmp_path / "child")!r}, "w").write(str(child))
{ends}
"""
    root = _root(tmp_path / "checkout", program + QUEUE.format(seconds=30))
    if ends:
        with pytest.raises(EvaluationError, match="exit code 7"):
            evaluated({root: ["dev"]}, _KEY)
    else:
        assert [each.name for each in evaluated({root: ["dev"]}, _KEY)[root]["dev"].entries] == ["jobs"]
    _wait_for_the_end_of(int((tmp_path / "child").read_text()))


def test_when_the_command_is_killed_the_program_ends_with_it(tmp_path: Path) -> None:
    program = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(600)\n"
    root = _root(tmp_path / "checkout", program)
    command = (
        "import pathlib, sys; from workbench.diff.evaluation import evaluated; "
        "evaluated({pathlib.Path(sys.argv[1]): ['dev']}, b'')"
    )
    asking = subprocess.Popen([sys.executable, "-c", command, str(root)], cwd=ROOT)
    try:
        _wait_until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != "")
    finally:
        asking.send_signal(signal.SIGKILL)
        asking.wait()
    _wait_for_the_end_of(int((tmp_path / "pid").read_text()))


def test_what_a_program_says_of_its_failure_is_a_short_line_that_a_terminal_can_show(tmp_path: Path) -> None:
    said = _refused(tmp_path, "raise ValueError('\\x1b[2J\\n\\u202e::error::' + 'x' * 5000)\n")
    assert said == f"ValueError: \ufffd[2J \ufffd::error::{'x' * (1000 - 27)}…"
    last = _refused(tmp_path, "import os\nos.write(2, b'\\x1b[2J\\xff\\n')\nos._exit(1)\n")
    assert last == "the program ended the process that evaluates it: \ufffd[2J\ufffd"


@pytest.mark.parametrize("kind", ["ValueError", "KeyboardInterrupt", "BaseException", "SystemExit"])
def test_a_secret_is_not_told_by_the_failure_that_it_leads_to(tmp_path: Path, kind: str) -> None:
    program = f"""
import pulumi
password = {_SECRET!r}
pulumi.Output.secret({{"password": [password]}})
raise {kind}(f"cannot connect to postgres://u:{{password}}@database")
"""
    said = _refused(tmp_path, program)
    assert _SECRET not in said
    if kind != "SystemExit":
        assert "cannot connect to postgres://u:[secret]@database" in said


def test_a_function_of_a_secret_that_fails_does_not_tell_it(tmp_path: Path) -> None:
    said = _refused(tmp_path, f"import pulumi\npulumi.Output.secret({_SECRET!r}).apply(int)\n")
    assert said == "ValueError: invalid literal for int() with base 10: '[secret]'"


def test_what_is_made_of_a_secret_hides_it_elsewhere_too(tmp_path: Path) -> None:
    program = f"""
import pulumi, pulumi_aws as aws
password = {_SECRET!r}
whole = pulumi.Output.concat("postgres://u:", pulumi.Output.secret(password), "@database")
aws.sqs.Queue("url", name=whole)
aws.sqs.Queue("forgotten", name=password)
"""
    forgotten, url = _evaluated(tmp_path, program).entries
    assert forgotten.inputs["name"] == "[secret]"
    assert isinstance(url.inputs["name"], Hidden)


def _wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _wait_for_the_end_of(process: int) -> None:
    _wait_until(lambda: not _is_running(process))


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
        # What has ended and nobody has asked about is no more than its number.
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
