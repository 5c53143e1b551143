"""The adapter that sends each run to a container, with the server of its image in a process for each container."""

import json
import re
import socket
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from sandbox_lambda import server
from service.runs.runners import container
from service.runs.runners.container import Container
from service.runs.sandbox import RunRequest, SandboxLostError, SandboxNotDestroyedError, SandboxNotStartedError
from tests.support.sandbox_server import connection_to, sandbox_container

RUN = UUID("01890000-0000-7000-8000-000000000001")
ANOTHER_RUN = UUID("01890000-0000-7000-8000-000000000002")
SOON = datetime.now(UTC) + timedelta(minutes=5)
REQUEST = RunRequest(code="result = event['n']", event={"n": 1})


@pytest.fixture
def port() -> Iterator[int]:
    with sandbox_container() as (port, _):
        yield port


def runner_of(*ports: int) -> Container:
    return Container([f"127.0.0.1:{port}" for port in ports])


def test_both_sides_call_a_life_and_a_run_by_the_same_headers() -> None:
    assert (container.LIFE_HEADER, container.RUN_HEADER) == (server.LIFE_HEADER, server.RUN_HEADER)
    assert container._DESTROY_SECONDS > server.SHORTEST_LIFE_SECONDS > 10


def test_a_run_gets_a_life_of_a_container_and_ends_it(port: int) -> None:
    runner = runner_of(port)
    sandbox = runner.create(RUN, expires_at=SOON)
    assert re.fullmatch(f"127.0.0.1:{port}/[0-9a-f]{{16}}/{RUN}", sandbox)
    assert runner.run(sandbox, REQUEST).result == 1
    assert runner.destroy(sandbox) is True
    with sandbox_container(port):
        second = runner.create(RUN, expires_at=SOON)
        assert second != sandbox
        # Its name is taken by nobody: an earlier life is gone although its address answers.
        assert runner.destroy(sandbox) is True
        assert runner.run(second, REQUEST).result == 1


def test_no_two_runs_get_the_same_container(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_CREATE_SECONDS", 0)
    with sandbox_container() as (other, _):
        runner = runner_of(port, other)
        given = {runner.create(uuid4(), expires_at=SOON).partition("/")[0] for _ in range(2)}
        assert given == {f"127.0.0.1:{port}", f"127.0.0.1:{other}"}
        with pytest.raises(SandboxNotStartedError, match="none of the 2 sandbox containers was free within 0 s"):
            runner.create(RUN, expires_at=SOON)


def test_a_container_that_is_down_or_used_is_passed_over(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_CREATE_SECONDS", 0)
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        down = bound.getsockname()[1]
        first = runner_of(port)
        first.run(first.create(RUN, expires_at=SOON), REQUEST)
        with pytest.raises(SandboxNotStartedError):
            runner_of(down, port).create(RUN, expires_at=SOON)


def test_a_script_for_another_life_or_after_another_script_has_not_begun(port: int) -> None:
    mine, others = runner_of(port), runner_of(port)
    sandbox = mine.create(RUN, expires_at=SOON)
    # Another worker's: this process does not know that it is taken.
    same = others.create(ANOTHER_RUN, expires_at=SOON)
    assert same == sandbox.replace(str(RUN), str(ANOTHER_RUN))
    large = RunRequest(code="result = 1", event={"n": "n" * 300_000})
    with pytest.raises(SandboxNotStartedError, match="refused the script with status 410"):
        mine.run(f"127.0.0.1:{port}/another/{RUN}", large)
    others.run(same, REQUEST)
    with pytest.raises(SandboxNotStartedError, match="refused the script with status 409"):
        mine.run(sandbox, large)


@pytest.mark.parametrize("sends", [True, False], ids=["is refused", "gives up before"])
def test_who_is_late_for_a_container_does_not_end_the_script_in_it(port: int, sends: bool) -> None:
    first, late = runner_of(port), runner_of(port)
    theirs, mine = first.create(RUN, expires_at=SOON), late.create(ANOTHER_RUN, expires_at=SOON)
    script = RunRequest(code="import time; time.sleep(1); result = 1", event={})
    with ThreadPoolExecutor() as pool:
        running = pool.submit(first.run, theirs, script)
        _until_used(port)
        if sends:
            with pytest.raises(SandboxNotStartedError, match="refused the script with status 409"):
                late.run(mine, REQUEST)
        assert late.destroy(mine) is True
        assert running.result().result == 1
    assert first.destroy(theirs) is True


def test_a_container_without_a_script_is_ended_by_whoever_was_given_it(port: int) -> None:
    first, late = runner_of(port), runner_of(port)
    theirs, mine = first.create(RUN, expires_at=SOON), late.create(ANOTHER_RUN, expires_at=SOON)
    assert late.destroy(mine) is True
    with pytest.raises(SandboxNotStartedError):
        first.run(theirs, REQUEST)


def test_a_container_whose_answer_trickles_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_CREATE_SECONDS", 0)
    monkeypatch.setattr(container, "_DESTROY_SECONDS", 0)
    monkeypatch.setattr(container, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(container, "_RUN_SECONDS", 0.3)
    with _trickling() as port:
        runner = runner_of(port)
        with pytest.raises(SandboxNotStartedError, match="none of the 1 sandbox containers was free"):
            runner.create(RUN, expires_at=SOON)
        with pytest.raises(SandboxLostError, match=r"was not whole after 0\.3 s"):
            runner.run(f"127.0.0.1:{port}/life/{RUN}", REQUEST)
        with pytest.raises(SandboxNotDestroyedError):
            runner.destroy(f"127.0.0.1:{port}/life/{RUN}")


def test_a_container_that_ends_under_its_script_is_lost() -> None:
    with sandbox_container() as (port, process):
        runner = runner_of(port)
        sandbox = runner.create(RUN, expires_at=SOON)
        killing = threading.Thread(target=_kill_when_used, args=(port, process))
        killing.start()
        with pytest.raises(SandboxLostError, match=f"^{sandbox} was lost"):
            runner.run(sandbox, RunRequest(code="import time; time.sleep(9)", event={}))
        killing.join()
        assert runner.destroy(sandbox) is True


def test_a_container_that_goes_on_is_not_destroyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "_DESTROY_SECONDS", 0)
    with sandbox_container(shortest_life=3600) as (port, _):
        runner = runner_of(port)
        sandbox = runner.create(RUN, expires_at=SOON)
        with pytest.raises(SandboxNotDestroyedError, match=f"^{sandbox} still exists"):
            runner.destroy(sandbox)


@pytest.mark.parametrize(("code", "is_gone"), [(socket.EAI_NONAME, True), (socket.EAI_AGAIN, False)])
def test_only_a_name_that_is_known_to_be_nobodys_is_a_proof(
    monkeypatch: pytest.MonkeyPatch, code: int, is_gone: bool
) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(code, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(container, "_DESTROY_SECONDS", 0)
    runner = Container(["sandbox-1:8080"])
    if is_gone:
        assert runner.destroy("sandbox-1:8080/life/run") is True
        return
    with pytest.raises(SandboxNotDestroyedError):
        runner.destroy("sandbox-1:8080/life/run")


def test_nothing_expires(port: int) -> None:
    runner = runner_of(port)
    runner.create(RUN, expires_at=datetime.now(UTC))
    assert list(runner.expired(datetime.now(UTC) + timedelta(days=1))) == []


@contextmanager
def _trickling() -> Generator[int]:
    """The port of a server that never comes to the end of its headers."""
    stop = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection:
            connection.sendall(b"HTTP/1.1 200 OK\r\nSandbox-Life: ")
            while not stop.wait(0.02):
                try:
                    connection.sendall(b"a")
                except OSError:
                    return

    def accept(listening: socket.socket, pool: ThreadPoolExecutor) -> None:
        while not stop.is_set():
            try:
                pool.submit(answer, listening.accept()[0])
            except TimeoutError:
                continue

    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor() as pool:
        listening.settimeout(0.05)
        pool.submit(accept, listening, pool)
        try:
            yield listening.getsockname()[1]
        finally:
            stop.set()


def _kill_when_used(port: int, process: Any) -> None:
    _until_used(port)
    process.kill()


def _until_used(port: int) -> None:
    while True:
        connection = connection_to(port)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            json.loads(response.read())
            if response.status == 409:
                return
        finally:
            connection.close()
