"""The HTTP front inside a MicroVM: one script, and nothing else it could be talked into."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.support.sandbox_server import connection_to, sandbox_server

USED = (409, {"error": "this sandbox has been used"})


@pytest.fixture
def port() -> Iterator[int]:
    with sandbox_server() as port:
        yield port


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    connection = connection_to(port)
    connection.timeout = 60
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        assert response.getheader("Server") == "sandbox"
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def script(code: str) -> bytes:
    return json.dumps({"code": code, "event": {"trigger": "manual"}}).encode()


def test_a_script_is_run_and_its_end_described(port: int) -> None:
    assert ask(port, "GET", "/") == (200, {"ready": True})
    status, outcome = ask(port, "POST", "/", script("print('told'); result = event"))
    assert status == 200
    assert (outcome["status"], outcome["exit_code"], outcome["stdout"]) == ("succeeded", 0, "told\n")
    assert outcome["result"] == {"trigger": "manual"}


def test_a_second_script_is_refused(port: int) -> None:
    assert ask(port, "POST", "/", script("result = 1"))[1]["result"] == 1
    assert ask(port, "POST", "/", script("result = 2")) == USED
    assert ask(port, "GET", "/") == USED


def test_of_scripts_that_come_together_one_is_run(port: int) -> None:
    with ThreadPoolExecutor() as pool:
        answers = list(pool.map(lambda number: ask(port, "POST", "/", script(f"result = {number}")), range(5)))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409, 409]


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[" * 100_000, b"{}", b'{"code": 1, "event": {}}', b"\xff"])
def test_a_malformed_request_uses_the_sandbox_up(port: int, body: bytes) -> None:
    status, answer = ask(port, "POST", "/", body)
    assert (status, list(answer)) == (400, ["error"])
    assert ask(port, "POST", "/", script("pass")) == USED


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("POST / HTTP/1.1\r\nContent-Length: 6291457", b"413"),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999", b"413"),
        ("POST / HTTP/1.1\r\nContent-Length: -1", b"411"),
        ("POST / HTTP/1.1\r\nContent-Length: ²", b"411"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", b"411"),
        ("POST /other HTTP/1.1\r\nContent-Length: 2", b"404"),
        ("GET /other HTTP/1.1", b"404"),
        ("PUT / HTTP/1.1\r\nContent-Length: 2", b"501"),
    ],
)
def test_other_requests_are_refused_and_leave_the_sandbox_unused(port: int, head: str, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(f"{head}\r\nHost: vm\r\n\r\n".encode("latin-1"))
        assert connection.recv(100).split(b" ")[1] == status
    assert ask(port, "GET", "/") == (200, {"ready": True})
