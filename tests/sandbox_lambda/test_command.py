"""`python -m sandbox_lambda`: one request in, one answer out, and one line where that cannot be."""

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from sandbox_lambda import kernel

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(60)


def ask(text: str | bytes, python: list[str] | None = None) -> tuple[int, str, str]:
    content = text if isinstance(text, bytes) else text.encode()
    done = subprocess.run(
        python or [sys.executable, "-m", "sandbox_lambda"],
        input=content,
        cwd=ROOT,
        capture_output=True,
        timeout=50,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def test_an_answer_is_one_json_object_whatever_the_script_did() -> None:
    code, stdout, stderr = ask(json.dumps({"code": "print('é')\nresult = event\nexit(3)", "event": {"n": 1}}))

    answer: dict[str, Any] = json.loads(stdout)
    assert (code, stderr, stdout.count("\n")) == (0, "", 1)
    assert list(answer) == [
        *("status", "exit_code", "signal", "reason", "stdout", "stderr", "result"),
        *("duration_ms", "truncated", "protections"),
    ]
    assert (answer["status"], answer["exit_code"], answer["reason"]) == (
        "failed",
        3,
        "the script ended with exit code 3",
    )
    assert (answer["stdout"], answer["result"]) == ("é\n", {"n": 1})


def test_the_limits_of_the_request_hold() -> None:
    request = {"code": "import time\ntime.sleep(60)", "event": {}, "limits": {"wall_seconds": 0.5}}

    _, stdout, _ = ask(json.dumps(request))

    assert json.loads(stdout)["reason"] == "the script was still running after 0.5 s"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The request is malformed: Expecting value: line 1 column 1 (char 0)"),
        ("[]", "The request is malformed: The request must be an object, not list."),
        ('{"event": {}}', "The request is malformed: `code` must be a string, not NoneType."),
        (
            '{"code": "", "event": {}, "limits": {"cpu_seconds": 0}}',
            "The request is malformed: `limits.cpu_seconds` must be a whole number of at least 1, not 0.",
        ),
        (b"\xff\xfe{", None),
        ("[" * 100_000, None),
        ('{"code": "", "event": ' + '{"a":' * 900 + "{}" + "}" * 901, None),
    ],
)
def test_a_malformed_request_is_told_in_one_line(text: str | bytes, message: str | None) -> None:
    code, stdout, stderr = ask(text)

    if message is None:  # The words are the standard library's own, or the depth is one that it takes.
        assert (code, stderr.count("\n")) in ((2, 1), (0, 0))
        assert "Traceback" not in stderr
    else:
        assert (code, stdout, stderr) == (2, "", f"{message}\n")


def test_a_failure_of_the_sandbox_is_told_in_one_line() -> None:
    broken = (
        "import sys\nfrom sandbox_lambda import __main__ as command, runner\nfrom sandbox_lambda.identity import "
        "Interpreter\nrunner.interpreter = lambda: Interpreter('/bin/false', '/lib', copied=False)\n"
        "sys.exit(command.main())"
    )

    answer = ask('{"code": "", "event": {}}', [sys.executable, "-c", broken])

    assert answer == (
        1,
        "",
        "The sandbox failed: The interpreter ended before the script began (wait status 256):\n",
    )


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_interrupted_it_cleans_up_and_says_nothing(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "sandbox_lambda"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as command:
        assert command.stdin is not None
        command.stdin.write(json.dumps({"code": "import time\ntime.sleep(60)", "event": {}}).encode())
        command.stdin.close()
        command.stdin = None
        folder = _folder_of_a_child(command.pid)
        command.send_signal(sent)
        output = command.communicate(timeout=30)

    assert (command.returncode, *output) == (code, b"", b"")
    assert not folder.exists()


def _folder_of_a_child(pid: int) -> Path:
    """Look for the run's process, for half a minute at most."""
    if not kernel.LINUX:
        pytest.skip("Processes are found in /proc.")
    for _ in range(1500):
        for process in kernel.processes():
            if process.parent == pid:
                try:
                    folder = Path(f"/proc/{process.pid}/cwd").readlink()
                except OSError:
                    continue
                if folder.name.startswith("plinth-run-"):
                    return folder
        threading.Event().wait(0.02)
    raise AssertionError("No run ever began.")
