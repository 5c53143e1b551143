"""Where the sandbox itself fails, the script is not blamed; and a run leaves no descriptor open."""

import os
from pathlib import Path

import pytest

from sandbox_lambda import kernel, runner
from sandbox_lambda.identity import Interpreter
from sandbox_lambda.runner import Limits, run

pytestmark = pytest.mark.timeout(60)


def test_an_interpreter_that_does_not_start_is_no_failure_of_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "interpreter", lambda: Interpreter("/bin/false", "/lib", copied=False))

    with pytest.raises(RuntimeError, match=r"^The interpreter ended before the script began \(wait status 256\): $"):
        run("pass", {})


def test_an_interpreter_that_is_not_there_is_no_failure_of_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "interpreter", lambda: Interpreter("/nowhere/python", "/lib", copied=False))

    with pytest.raises(FileNotFoundError):
        run("pass", {})


@pytest.mark.skipif(not kernel.LINUX, reason="Descriptors are counted in /proc.")
def test_runs_leave_no_descriptor_and_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def open_descriptors() -> list[str]:
        return sorted(path.name for path in Path("/proc/self/fd").iterdir())

    run("pass", {})
    before = open_descriptors()
    run("print(1)", {})
    run("1 / 0", {})
    run("while True: print(1)", {}, Limits(output_bytes=10))
    monkeypatch.setattr(runner, "interpreter", lambda: Interpreter("/bin/false", "/lib", copied=False))
    with pytest.raises(RuntimeError):
        run("pass", {})
    monkeypatch.setattr(runner, "interpreter", lambda: Interpreter("/nowhere/python", "/lib", copied=False))
    with pytest.raises(FileNotFoundError):
        run("pass", {})

    assert open_descriptors() == before
    assert [p for p in kernel.processes() if p.parent == os.getpid() and _is_a_run(p.pid)] == []


def test_a_platform_without_exit_notices_polls(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_notice(pid: int) -> int | None:
        return None

    monkeypatch.setattr(runner, "_exit_notice", no_notice)
    outcome = run("print('x' * 1000)\nexit(3)", {})
    late = run("import time\ntime.sleep(60)", {}, Limits(wall_seconds=1.0))

    assert (outcome.status, outcome.exit_code, len(outcome.stdout)) == ("failed", 3, 1001)
    assert late.status == "timed_out"


@pytest.mark.skipif(not kernel.LINUX, reason="Processes are found in /proc.")
def test_a_failure_of_the_runner_itself_leaves_no_process_of_the_script(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(child: object) -> None:
        raise RuntimeError("no more of this")

    monkeypatch.setattr(runner._Child, "finish", fail)  # pyright: ignore[reportPrivateUsage]
    with pytest.raises(RuntimeError, match=r"^no more of this$"):
        run("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)", {})

    assert [p.pid for p in kernel.processes() if p.parent == os.getpid() and not p.zombie and _is_a_run(p.pid)] == []


def _is_a_run(pid: int) -> bool:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink()).startswith("/tmp/plinth-run-")
    except OSError:
        return False
