"""`plinth sandbox`: a script run here as the service would run it, and what of its protections this machine offers."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from textwrap import dedent
from typing import Any
from uuid import UUID

import psutil
import pytest
from typer.testing import CliRunner

from sandbox_lambda.runner import Limits, Protections
from service.automations.schemas import MAX_CODE_BYTES
from service.items.models import Item
from service.runs.schemas import RunDetails
from service.runs.service import snapshot
from workbench import sandbox
from workbench.cli import app
from workbench.project import ROOT

COMMAND = [sys.executable, "-P", "-m", "workbench", "sandbox"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def run(*arguments: str, given: str | bytes = b"", folder: Path = ROOT) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `plinth sandbox run`."""
    done = subprocess.run(
        [*COMMAND, "run", *arguments],
        input=given.encode() if isinstance(given, str) else given,
        capture_output=True,
        timeout=60,
        env=ENVIRONMENT,
        cwd=folder,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def without_times(text: str) -> str:
    return re.sub(r"\d+ ms", "N ms", text)


def test_each_stream_goes_where_it_would_and_the_end_is_told_beside_the_errors(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('é', end='')\nsys.stderr.write('careful')\nresult = {'total': [1, None]}\n")
    code, out, err = run(str(script))
    assert (code, out) == (0, "é")
    assert without_times(err) == 'careful\nsucceeded in N ms; result: {"total": [1, null]}\n'


def test_a_script_may_come_from_standard_input_and_leave_no_result() -> None:
    code, out, err = run("-", given="print(__name__)")
    assert (code, out, without_times(err)) == (0, "__main__\n", "succeeded in N ms\n")


@pytest.mark.parametrize(
    ("code", "options", "told"),
    [
        ("raise SystemExit(3)", [], "failed: the script ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", [], "failed: signal 9 (SIGKILL) ended the script"),
        ("while True: pass", ["--timeout", "0.4"], "timed_out: the script was still running after 0.4 s"),
        ("while True: pass", ["--cpu", "1"], "timed_out: the script used up its 1 s of processor time"),
        ("x = bytearray(2**30)", ["--memory", "96"], "out_of_memory: the script needed more than 96 MB of memory"),
        ("while True: print('x' * 999)", [], "output_limit: the script wrote more than 65,536 bytes to stdout"),
    ],
)
def test_an_unhappy_end_exits_with_1_and_says_why(code: str, options: list[str], told: str) -> None:
    exit_code, _out, err = run("-", *options, given=code)
    assert exit_code == 1
    assert told in err.splitlines()


def test_what_is_cut_short_or_left_out_is_told() -> None:
    code, out, err = run("-", given="import sys\nresult = 'x' * 40_000\nprint('done')")
    assert (code, out) == (0, "done\n")
    assert err.splitlines()[1:] == ["the result is left out: it is larger or deeper than is kept"]
    code, out, err = run("-", given="print('x' * 70_000)")
    assert (code, out) == (1, "x" * 65_536)
    assert err.splitlines()[1:] == ["stdout is cut short: it had more than is kept"]


def test_a_long_result_is_cut_in_the_summary_and_whole_in_the_json() -> None:
    code = "result = 'x' * 2000"
    assert run("-", given=code)[2].endswith("x… (--json prints all of it)\n")
    assert json.loads(run("-", "--json", given=code)[1])["result"] == "x" * 2000


def test_as_json_the_whole_outcome_is_printed_and_nothing_else() -> None:
    code, out, err = run("-", "--json", given="print('x'); raise SystemExit('no')")
    outcome = json.loads(out)
    assert (code, err) == (1, "")
    assert outcome.pop("duration_ms") > 0
    assert set(Protections._fields) == set(outcome.pop("protections"))
    assert outcome == {
        "status": "failed",
        "exit_code": 1,
        "signal": None,
        "reason": "the script ended with exit code 1",
        "stdout": "x\n",
        "stderr": "no\n",
        "result": None,
        "truncated": {"stdout": False, "stderr": False, "result": False},
    }


def test_the_default_event_is_that_of_a_run_started_by_hand() -> None:
    _code, out, _err = run("-", given="import json; print(json.dumps(event))")
    event: dict[str, Any] = json.loads(out)
    item = Item(
        id=UUID(event["before"]["id"]), name="Espresso machine", description="Silver dual boiler machine", version=1
    )
    assert (event["before"], event["after"]) == (snapshot(item), snapshot(item))
    shown = RunDetails.model_json_schema()["properties"]["event"]["examples"][0]
    assert (set(event), event["trigger"]) == (set(shown), "manual")
    assert UUID(event["run_id"]).version == 7


def test_an_event_is_given_as_json_or_as_a_file(tmp_path: Path) -> None:
    given = '{"after": {"name": "é"}}'
    (tmp_path / "event.json").write_text(given)
    for event in (given, "event.json"):
        assert run("-", "--event", event, given="print(event)", folder=tmp_path)[1] == "{'after': {'name': 'é'}}\n"


@pytest.mark.parametrize(
    ("arguments", "given", "told"),
    [
        (["missing.py"], b"", "missing.py cannot be read: No such file or directory."),
        (["."], b"", ". cannot be read: Is a directory."),
        (["-"], b"", "Standard input is empty: no automation can have that code."),
        (["-"], b"print('\0')", "Standard input holds a NUL character: no automation can have that code."),
        (["-"], b"\xff", "Standard input is not text in UTF-8."),
        (["-"], b"#" * 65_537, "Standard input is longer than 65,536 bytes."),
        (["-", "--event", "missing.json"], b"pass", "missing.json cannot be read: No such file or directory."),
        (["-", "--event", "[1]"], b"pass", "[1] cannot be read: No such file or directory."),
        (["-", "--event", "list.json"], b"pass", "list.json must hold a JSON object: a script finds it in the global"),
        (["-", "--event", '{"a": NaN}'], b"pass", "--event is no valid JSON: NaN is not JSON."),
        (["-", "--event", '{"a": 1e999}'], b"pass", "--event is no valid JSON: Out of range float values"),
        (["-", "--event", "{"], b"pass", "--event is no valid JSON: Expecting property name"),
        (["-", "--event", '{"a":' * 20_000], b"pass", "--event nests too deep."),
        (["-", "--timeout", "901"], b"pass", "--timeout is 901: give 0.1 to 900."),
        (["-", "--timeout", "nan"], b"pass", "--timeout is nan: give 0.1 to 900."),
        (["-", "--cpu", "0"], b"pass", "--cpu is 0: give 1 to 900."),
        (["-", "--memory", "63"], b"pass", "--memory is 63: give 64 to 10240."),
    ],
)
def test_wrong_use_is_refused_in_one_line(tmp_path: Path, arguments: list[str], given: bytes, told: str) -> None:
    (tmp_path / "list.json").write_text("[1]")
    code, out, err = run(*arguments, given=given, folder=tmp_path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"plinth: {told}")


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("import sys; sys.exit('no uid is free\\x1b[2J')", r"^no uid is free\\x1b\[2J$"),
        ("import os; os.kill(os.getpid(), 9)", r"^The sandbox ended without an answer: exit status -9\.$"),
    ],
)
def test_a_sandbox_that_fails_is_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, told: str
) -> None:
    (tmp_path / "sandbox_lambda.py").write_text(program)
    monkeypatch.setattr(sandbox, "ROOT", tmp_path)
    with pytest.raises(sandbox.UserError, match=told):
        sandbox.run("pass", {}, sandbox.limits_of())


def test_nothing_of_the_callers_folder_or_environment_is_in_the_runners_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "marshal.py").write_text("raise SystemExit(9)")
    (tmp_path / "selectors.py").write_text("raise SystemExit(9)")
    monkeypatch.setitem(ENVIRONMENT, "PYTHONSTARTUP", str(tmp_path / "selectors.py"))
    assert run("-", given="print(1)", folder=tmp_path)[:2] == (0, "1\n")


def test_a_terminal_gets_no_control_characters_and_a_pipe_gets_them_all() -> None:
    code = r"print('\x1b[2J\x07\r\x9b\x7f\u202e\tok', end='')" + "\nresult = '\\x9b'"
    assert run("-", given=code)[1] == "\x1b[2J\x07\r\x9b\x7f\u202e\tok"
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, "run", "-"], stdin=subprocess.PIPE, stdout=follower, stderr=follower, env=ENVIRONMENT
    ) as process:
        os.close(follower)
        assert process.stdin is not None
        process.stdin.write(code.encode())
        process.stdin.close()
        shown = read_terminal(leader)
    shown = without_times(shown.replace("\r\n", "\n"))
    assert shown == '\\x1b[2J\\x07\\r\\x9b\\x7f\\u202e\tok\nsucceeded in N ms; result: "\\x9b"\n'


def test_what_a_stream_cannot_show_is_spelt_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENVIRONMENT, "PYTHONIOENCODING", "ascii")
    code, out, err = run("-", given="print('é')\nresult = '☕'")
    assert (code, out, without_times(err)) == (0, "\\xe9\n", 'succeeded in N ms; result: "\\u2615"\n')


def read_terminal(leader: int) -> str:
    """All that is written to a terminal until nobody has it open any more."""
    content = b""
    while True:
        try:
            content += os.read(leader, 65_536)
        except OSError:
            os.close(leader)
            return content.decode()


@pytest.mark.parametrize("asked", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupt_takes_the_script_and_its_files_away(asked: signal.Signals) -> None:
    code = """
        import os, subprocess, time
        subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
        os.mkdir("begun")
        time.sleep(60)
    """
    with subprocess.Popen(
        [*COMMAND, "run", "-", "--timeout", "50"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ENVIRONMENT,
        # As in a terminal, where Ctrl-C reaches the whole group.
        start_new_session=True,
    ) as process:
        assert process.stdin is not None
        process.stdin.write(dedent(code).encode())
        process.stdin.close()
        process.stdin = None
        while (folder := begun_below(process.pid)) is None:
            assert process.poll() is None
            time.sleep(0.02)
        started = psutil.Process(process.pid).children(recursive=True)
        assert len(started) >= 3
        os.killpg(process.pid, asked)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert not folder.exists()
    assert [child for child in started if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []


def begun_below(pid: int) -> Path | None:
    """The folder of the script that has begun somewhere below the process."""
    for child in psutil.Process(pid).children(recursive=True):
        with suppress(psutil.Error):
            if (Path(child.cwd()) / "begun").is_dir():
                return Path(child.cwd())
    return None


def test_the_readmes_commands_work_as_they_are_written() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if "plinth sandbox run" in block]
    done = subprocess.run(
        ["bash", "-euc", block], cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith("Espresso machine\n{\n")
    assert '"stdout": "Grinder\\n"' in done.stdout
    assert without_times(done.stderr) == 'succeeded in N ms; result: {"started": "manual"}\n'


def test_the_limits_are_those_of_the_service() -> None:
    limits = Limits()
    assert sandbox.limits_of() == {name: getattr(limits, name) for name in sandbox.LIMITS}
    assert sandbox.MAX_CODE_BYTES == MAX_CODE_BYTES
    shown = CliRunner().invoke(app, ["sandbox", "run", "--help"], env={"COLUMNS": "200"}).output
    assert [f"Default {value}." in shown for value in (10, 5, 256)] == [True, True, True]
    assert (limits.wall_seconds, limits.cpu_seconds, limits.memory_mb) == (10, 5, 256)


def test_every_protection_is_told_with_its_meaning_and_with_what_aws_has_instead() -> None:
    assert set(sandbox.PROTECTIONS) == set(Protections._fields)
    done = subprocess.run([*COMMAND, "protections"], capture_output=True, text=True, env=ENVIRONMENT, timeout=60)
    found = json.loads(
        subprocess.run(
            [*COMMAND, "protections", "--json"], capture_output=True, text=True, env=ENVIRONMENT, timeout=60
        ).stdout
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert found["own_user"] is (os.geteuid() == 0)
    assert done.stdout == "".join(
        f"{title:<20} {sandbox.held(found[name])}\n    {meaning}\n    On AWS: {on_aws}\n"
        for name, (title, meaning, on_aws) in sandbox.PROTECTIONS.items()
    )
    assert (sandbox.held(True), sandbox.held(False), sandbox.held(7), sandbox.held(0)) == (
        *("yes", "no"),
        *("yes, version 7", "no"),
    )
