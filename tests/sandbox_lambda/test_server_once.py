"""The HTTP front in a container: one life, one script, and the end."""

import json
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.sandbox_server import connection_to, sandbox_container, sandbox_server

LIFE = "Sandbox-Life"
OTHER = {LIFE: "another"}
NEVER = 3600.0


def ask(port: int, method: str, headers: Mapping[str, str], code: str | None = None) -> tuple[int, Any, str | None]:
    connection = connection_to(port)
    connection.timeout = 60
    try:
        body = None if code is None else json.dumps({"code": code, "event": {}}).encode()
        connection.request(method, "/", body=body, headers=dict(headers))
        response = connection.getresponse()
        return response.status, json.loads(response.read()), response.getheader(LIFE)
    finally:
        connection.close()


def life_of(port: int) -> dict[str, str]:
    _, _, life = ask(port, "GET", {})
    assert life
    return {LIFE: life}


def ended(process: subprocess.Popen[bytes]) -> int:
    return process.wait(20)


def test_it_tells_its_life_and_runs_a_script_for_no_other() -> None:
    with sandbox_container() as (port, _):
        life = life_of(port)
        assert ask(port, "GET", {}) == (200, {"ready": True}, life[LIFE])
        for headers in ({}, OTHER):
            assert ask(port, "POST", headers, "result = 1")[:2] == (410, {"error": "this is another sandbox"})
        status, outcome, _ = ask(port, "POST", life, "result = 1")
        assert (status, outcome["result"]) == (200, 1)
        assert ask(port, "POST", life, "result = 2")[:2] == (409, {"error": "this sandbox has been used"})


def test_each_life_has_a_name_of_its_own() -> None:
    with sandbox_container() as (port, process):
        first = life_of(port)
        ask(port, "DELETE", first)
        assert ended(process) == 0
        with sandbox_container(port):
            assert life_of(port) != first


def test_it_ends_when_it_is_told_to_and_not_when_another_life_is() -> None:
    with sandbox_container() as (port, process):
        life = life_of(port)
        assert ask(port, "DELETE", OTHER)[:2] == (410, {"error": "this is another sandbox"})
        assert ask(port, "GET", {})[0] == 200
        assert ask(port, "DELETE", life)[:2] == (202, {"ending": True})
        assert ended(process) == 0


def test_a_short_life_takes_no_script_while_it_waits_for_its_end() -> None:
    with sandbox_container(shortest_life=NEVER) as (port, process):
        life = life_of(port)
        assert ask(port, "POST", life, "pass")[0] == 200
        assert ask(port, "DELETE", life)[0] == 202
        assert ask(port, "GET", {}) == (409, {"error": "this sandbox has been used"}, life[LIFE])
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert ended(process) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(number: signal.Signals) -> None:
    with sandbox_container(shortest_life=NEVER) as (_, process):
        process.send_signal(number)
        assert ended(process) == 0


def test_what_nobody_asks_to_end_ends_by_itself_after_its_script() -> None:
    with sandbox_container(uncollected=0) as (port, process):
        assert ask(port, "POST", life_of(port), "pass")[0] == 200
        assert ended(process) == 0


def test_a_script_that_still_runs_ends_with_it() -> None:
    with sandbox_container(shortest_life=NEVER) as (port, process):
        life = life_of(port)
        connection = connection_to(port)
        body = json.dumps({"code": "import time; time.sleep(9)", "event": {}}).encode()
        connection.request("POST", "/", body=body, headers=life)
        while ask(port, "GET", {})[0] == 200:
            time.sleep(0.01)
        assert ask(port, "DELETE", life)[0] == 202
        assert ended(process) == 0
        connection.close()


def test_a_microvm_is_ended_by_lambda_alone() -> None:
    with sandbox_server() as port:
        assert ask(port, "DELETE", {}) == (404, {"error": "there is nothing here"}, None)
        assert ask(port, "POST", {}, "result = 1")[1]["result"] == 1


def test_what_has_run_nothing_waits_for_a_script() -> None:
    with sandbox_container(uncollected=0) as (port, process):
        # Longer than it looks away.
        time.sleep(1.5)
        assert process.poll() is None
        assert ask(port, "POST", life_of(port), "result = 1")[1]["result"] == 1
