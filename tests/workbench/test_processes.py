"""Processes are started once, found again, restarted where they died, and ended with everything they began."""

import dataclasses
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

from workbench.errors import UserError
from workbench.local.processes import Command, Processes, Running, free_port, port_is_free


def serves(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    finally:
        connection.close()


def server(folder: Path, prelude: str = "", seconds: float = 10) -> Command:
    serve = "http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"
    script = f"{prelude}\nimport http.server, sys\n{serve}"
    return Command(
        name="server",
        arguments=lambda port: [sys.executable, "-c", script, str(port)],
        ready=serves,
        environment={},
        directory=folder,
        seconds_to_start=seconds,
    )


def with_a_child(file: Path) -> str:
    """What a server does first that leaves a child beside it, its pid in a file."""
    return (
        "import pathlib, subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"pathlib.Path({str(file)!r}).write_text(str(child.pid))"
    )


@pytest.fixture
def processes(tmp_path: Path) -> Generator[Processes]:
    held = Processes(tmp_path)
    yield held
    held.stop("server")


def wait_until_gone(pid: int) -> None:
    for _ in range(200):
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return
        time.sleep(0.02)
    pytest.fail(f"process {pid} still runs")


def test_a_process_that_runs_is_not_started_again(processes: Processes, tmp_path: Path) -> None:
    first, started = processes.ensure(server(tmp_path))
    again, started_again = Processes(tmp_path).ensure(server(tmp_path))
    assert (started, started_again) == (True, False)
    assert again == first


def test_preparations_are_made_for_a_start_and_not_while_it_runs(processes: Processes, tmp_path: Path) -> None:
    made: list[int] = []
    command = dataclasses.replace(server(tmp_path), prepare=lambda: made.append(1))
    running, _ = processes.ensure(command)
    processes.ensure(command)
    assert made == [1]
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    processes.ensure(command)
    assert made == [1, 1]


def test_a_killed_process_is_started_again_on_its_port(processes: Processes, tmp_path: Path) -> None:
    first, _ = processes.ensure(server(tmp_path))
    os.kill(first.pid, signal.SIGKILL)
    os.waitpid(first.pid, 0)
    second, started = processes.ensure(server(tmp_path))
    assert (started, second.port, second.pid != first.pid) == (True, first.port, True)


def test_stopping_ends_every_process_of_the_session(processes: Processes, tmp_path: Path) -> None:
    child_file = tmp_path / "child"
    running, _ = processes.ensure(server(tmp_path, with_a_child(child_file)))
    child = int(child_file.read_text())
    processes.stop("server")
    wait_until_gone(child)
    assert not running.alive()
    assert processes.recorded() == {}
    assert port_is_free(running.port)


def test_children_of_a_killed_process_are_ended_too(processes: Processes, tmp_path: Path) -> None:
    child_file = tmp_path / "child"
    running, _ = processes.ensure(server(tmp_path, with_a_child(child_file)))
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)
    processes.stop("server")
    wait_until_gone(int(child_file.read_text()))


def test_a_stranger_with_a_recorded_pid_is_left_alone(processes: Processes, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as stranger:
        record = {"server": {"pid": stranger.pid, "created": 1.0, "port": free_port()}}
        (tmp_path / "processes.json").write_text(json.dumps(record))
        assert processes.alive("server") is None
        processes.stop("server")
        assert stranger.poll() is None
        stranger.kill()


def test_a_process_that_fails_to_start_is_told_with_its_last_log_lines(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The server ended with code 3 as it started\. Its log ends:\n    no luck$"):
        processes.ensure(server(tmp_path, "import sys; print('no luck', flush=True); sys.exit(3)"))
    assert processes.recorded() == {}


def test_a_process_that_never_answers_is_ended(processes: Processes, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The server did not answer within 0\.5 s"):
        processes.ensure(server(tmp_path, "import time; time.sleep(60)", seconds=0.5))
    assert processes.recorded() == {}


@pytest.mark.parametrize("spoilt", ["", "{", "[]", '{"server": {"pid": 1}}', '{"server": 3}'])
def test_a_spoilt_record_counts_as_none(spoilt: str, tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text(spoilt)
    assert Processes(tmp_path).recorded() == {}


def test_a_pid_that_was_used_again_is_another_process() -> None:
    assert not Running(os.getpid(), created=1.0, port=1).alive()
    assert Running(os.getpid(), psutil.Process().create_time(), port=1).alive()
