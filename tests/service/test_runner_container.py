"""The adapter that sends each run to a container, with the server of its image in a process for each container."""

import json
import socket
import threading
from collections.abc import Iterator
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
SOON = datetime.now(UTC) + timedelta(minutes=5)
REQUEST = RunRequest(code="result = event['n']", event={"n": 1})


@pytest.fixture
def port() -> Iterator[int]:
    with sandbox_container() as (port, _):
        yield port


def runner_of(*ports: int) -> Container:
    return Container([f"127.0.0.1:{port}" for port in ports])


def test_both_sides_call_a_life_by_the_same_header() -> None:
    assert container.LIFE_HEADER == server.LIFE_HEADER
    assert container._DESTROY_SECONDS > server.SHORTEST_LIFE_SECONDS > 10


def test_a_run_gets_a_life_of_a_container_and_ends_it(port: int) -> None:
    runner = runner_of(port)
    sandbox = runner.create(RUN, expires_at=SOON)
    assert sandbox.startswith(f"127.0.0.1:{port}/")
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
    same = others.create(RUN, expires_at=SOON)
    assert same == sandbox
    large = RunRequest(code="result = 1", event={"n": "n" * 300_000})
    with pytest.raises(SandboxNotStartedError, match="refused the script with status 410"):
        mine.run(f"127.0.0.1:{port}/another", large)
    others.run(same, REQUEST)
    with pytest.raises(SandboxNotStartedError, match="refused the script with status 409"):
        mine.run(sandbox, large)


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
        assert runner.destroy("sandbox-1:8080/life") is True
        return
    with pytest.raises(SandboxNotDestroyedError):
        runner.destroy("sandbox-1:8080/life")


def test_nothing_expires(port: int) -> None:
    runner = runner_of(port)
    runner.create(RUN, expires_at=datetime.now(UTC))
    assert list(runner.expired(datetime.now(UTC) + timedelta(days=1))) == []


def _kill_when_used(port: int, process: Any) -> None:
    while True:
        connection = connection_to(port)
        try:
            connection.request("GET", "/")
            response = connection.getresponse()
            json.loads(response.read())
            if response.status == 409:
                process.kill()
                return
        finally:
            connection.close()
