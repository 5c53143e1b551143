"""The command: bringing a stack up and down, recovering, and refusing bad use in one line."""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.support.checkout import copy_of_checkout, edit
from tests.support.local_stack import Plinth, Stack
from workbench.local.processes import free_port, port_is_free

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.timeout(240)]

MakePlinth = Callable[..., Plinth]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the project, to be spoilt."""
    return copy_of_checkout(tmp_path)


def refused(result: subprocess.CompletedProcess[str]) -> str:
    """The error of a refused command, having checked that it is one, and no traceback."""
    assert (result.returncode, result.stdout) == (2, "")
    assert "Traceback" not in result.stderr
    return result.stderr


def test_a_second_up_with_nothing_changed_leaves_everything_as_it_is(stack: Stack) -> None:
    before = stack.plinth.processes()
    instances = set((stack.plinth.state / "dev" / "tmp").glob("ministack-lambda-plinth-dev-api-*/code/service"))
    assert instances
    again = stack.plinth("up", "dev", "--detach")
    assert again.returncode == 0, again.stderr
    assert stack.plinth.processes() == before
    assert all(instance.is_dir() for instance in instances)
    assert " unchanged." in again.stderr
    for word in ("created", "updated", "replaced", "deleted"):
        assert word not in again.stderr


@pytest.mark.parametrize("victim", ["emulator", "database", "cache", "gateway"])
def test_an_up_recovers_after_a_process_was_killed(stack: Stack, victim: str) -> None:
    item = stack.create_item()
    before = stack.plinth.processes()
    os.kill(before[victim]["pid"], signal.SIGKILL)
    again = stack.plinth("up", "dev", "--detach")
    assert again.returncode == 0, again.stderr
    after = stack.plinth.processes()
    assert {name: process["port"] for name, process in after.items()} == {
        name: process["port"] for name, process in before.items()
    }
    assert [name for name in before if after[name]["pid"] != before[name]["pid"]] == [victim]
    found = stack.http.get(f"/v1/items/{item['id']}")
    assert found.status_code == 200, found.text
    assert found.json()["id"] == item["id"]


def test_status_outputs_and_logs_tell_of_the_running_stack(stack: Stack) -> None:
    status = json.loads(stack.plinth("status", "--json").stdout)
    assert (status["dev"]["up"], status["dev"]["api_url"]) == (True, stack.outputs["api_url"])
    assert status["prod"] == {"up": False, "api_url": None, "processes": {}}
    assert json.loads(stack.plinth("outputs", "dev", "--json").stdout) == stack.outputs
    assert set(stack.outputs) == {
        "api_url",
        "docs_url",
        "function_names",
        "sandbox_function",
        "database_endpoint",
        "queue_url",
    }
    assert stack.http.get("/health/live").status_code == 200
    logs = stack.plinth("logs", "dev")
    assert logs.returncode == 0
    assert " http-api GET /health/live 200 " in logs.stdout


def test_interrupting_a_foreground_up_leaves_no_process_and_no_port(new_plinth: MakePlinth) -> None:
    plinth, port = new_plinth(), free_port()
    command = plinth.start("up", "dev", "--port", str(port))
    assert command.stderr is not None
    assert any(line.startswith("Ctrl-C takes it down.") for line in command.stderr)
    assert httpx2.get(f"http://localhost:{port}/health/ready").status_code == 200
    processes = plinth.processes()
    second = plinth("up", "dev", "--port", str(port))
    assert "dev is up in another terminal" in refused(second)
    children = [child for p in processes.values() for child in psutil.Process(p["pid"]).children(recursive=True)]
    command.send_signal(signal.SIGINT)
    _out, err = command.communicate(timeout=60)
    assert command.returncode == 0, err
    assert err == "dev is down.\n"
    assert [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE] == []
    assert not any(psutil.pid_exists(process["pid"]) for process in processes.values())
    assert all(port_is_free(process["port"]) for process in processes.values())
    assert json.loads((plinth.state / "dev" / "processes.json").read_text()) == {}


def test_an_interrupt_half_way_leaves_nothing_and_a_killed_command_is_taken_over(new_plinth: MakePlinth) -> None:
    plinth, port = new_plinth(), free_port()
    command = plinth.start("up", "dev", "--port", str(port))
    assert command.stderr is not None
    assert any("aws:lambda/function:Function" in line for line in command.stderr)
    command.send_signal(signal.SIGTERM)
    command.communicate(timeout=60)
    assert (command.returncode, plinth.processes()) == (130, {})

    command = plinth.start("up", "dev", "--port", str(port))
    assert command.stderr is not None
    assert any(line.startswith("Ctrl-C takes it down.") for line in command.stderr)
    command.kill()
    command.communicate()
    again = plinth("up", "dev", "--detach")
    assert again.returncode == 0, again.stderr
    assert " unchanged." in again.stderr
    assert " created" not in again.stderr
    assert plinth("down", "dev").stdout == "dev is down.\n"
    assert plinth.processes() == {}


def test_a_foreground_up_tells_which_of_its_processes_ended(new_plinth: MakePlinth) -> None:
    plinth = new_plinth()
    command = plinth.start("up", "dev", "--port", str(free_port()))
    assert command.stderr is not None
    assert any(line.startswith("Ctrl-C takes it down.") for line in command.stderr)
    os.kill(plinth.processes()["emulator"]["pid"], signal.SIGKILL)
    _out, err = command.communicate(timeout=60)
    assert err == "plinth: The emulator of dev ended: `plinth up dev` starts the stack again.\n"
    assert (command.returncode, plinth.processes()) == (2, {})


def test_a_watching_up_applies_each_save(new_plinth: MakePlinth, checkout: Path) -> None:
    plinth, port = new_plinth(checkout), free_port()
    command = plinth.start("up", "dev", "--watch", "--port", str(port))
    assert command.stderr is not None
    assert any(line.startswith("Ctrl-C takes it down.") for line in command.stderr)
    edit(checkout / "service" / "main.py", 'title="Plinth"', 'title="Plinth, saved"')
    assert any(line.startswith("dev is up") for line in command.stderr)
    assert httpx2.get(f"http://localhost:{port}/openapi.json").json()["info"]["title"] == "Plinth, saved"
    edit(checkout / "service" / "main.py", 'title="Plinth, saved"', 'title="Plinth, broken" oops')
    assert any("does not get ready" in line for line in command.stderr)
    edit(checkout / "service" / "main.py", 'title="Plinth, broken" oops', 'title="Plinth, mended"')
    assert any(line.startswith("dev is up") for line in command.stderr)
    assert httpx2.get(f"http://localhost:{port}/openapi.json").json()["info"]["title"] == "Plinth, mended"
    command.send_signal(signal.SIGTERM)
    command.communicate(timeout=60)
    assert (command.returncode, plinth.processes()) == (0, {})


def test_an_unknown_stack_is_refused_with_the_known_ones(new_plinth: MakePlinth) -> None:
    for verb in ("up", "down", "outputs", "logs", "manifest"):
        message = refused(new_plinth()(verb, "staging"))
        assert message == "plinth: There is no stack named 'staging': choose one of dev, prod.\n"


def test_outputs_of_a_stack_that_is_down_are_refused(new_plinth: MakePlinth) -> None:
    assert refused(new_plinth()("outputs", "dev")) == "plinth: The dev stack is not up: run `plinth up dev`.\n"


def test_a_port_in_use_is_refused_before_anything_starts(new_plinth: MakePlinth) -> None:
    plinth = new_plinth()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = plinth("up", "dev", "--detach", "--port", str(port))
    assert refused(result) == f"plinth: Port {port} is in use: free it, or choose another with --port.\n"
    assert not (plinth.state / "dev" / "processes.json").exists()


def test_settings_out_of_range_are_refused_before_any_resource(new_plinth: MakePlinth, checkout: Path) -> None:
    edit(checkout / "stacks" / "dev" / "__init__.py", "zones=", "api_timeout_seconds=31, zones=")
    message = refused(new_plinth(checkout)("manifest", "dev"))
    assert "api_timeout_seconds is 31: give a whole number from 1 to 29" in message
    assert message.count("\n") == 1


def test_a_type_without_a_handler_is_refused_by_name_and_nothing_stays_up(
    new_plinth: MakePlinth, checkout: Path
) -> None:
    program = checkout / "stacks" / "dev" / "__init__.py"
    more = "\nimport pulumi_aws\npulumi_aws.kinesis.Stream('clicks', shard_count=1)\n"
    program.write_text(program.read_text() + more)
    plinth = new_plinth(checkout)
    message = refused(plinth("up", "dev", "--detach", "--port", str(free_port())))
    assert "The local cloud has no handler for aws:kinesis/stream:Stream (clicks)" in message
    assert plinth.processes() == {}


def test_a_service_that_does_not_start_is_told_with_the_end_of_its_log(new_plinth: MakePlinth, checkout: Path) -> None:
    main = checkout / "service" / "main.py"
    main.write_text(main.read_text() + "\nraise RuntimeError('no coffee today')\n")
    plinth = new_plinth(checkout)
    message = refused(plinth("up", "dev", "--detach", "--port", str(free_port())))
    assert "The service does not get ready" in message
    assert "no coffee today" in message
    assert plinth.processes() == {}


def test_an_apply_that_was_cut_off_begins_anew(stack: Stack) -> None:
    command = stack.plinth.start("up", "dev", "--detach")
    state = stack.plinth.state / "dev" / "state.json"
    while not json.loads(state.read_text())["applying"]:
        assert command.poll() is None, command.communicate()
        time.sleep(0.01)
    command.kill()
    command.communicate()
    again = stack.plinth("up", "dev", "--detach")
    assert again.returncode == 0, again.stderr
    assert " created" in again.stderr
    assert stack.http.get("/health/ready").status_code == 200
