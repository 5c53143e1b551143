"""Attacks as automations of several owners against the whole stack: each ends as it must, and the stack is well."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from sandbox_lambda.confinement import SHARED_FOLDERS
from service.automations.service import MAX_AUTOMATIONS_OF_ITEM
from tests.security.attack import Attack
from tests.security.attacks import ATTACKS
from tests.security.judge import differences
from tests.support.local_stack import Stack, sign_up
from workbench.sandbox import protections

pytestmark = [pytest.mark.xdist_group("system"), pytest.mark.timeout(240)]

# Of the table, what may find something else here than at the runner alone.
FROM_THE_TABLE = (
    "own-environment",
    "parent-environment",
    "parent-memory",
    "parent-descriptors",
    "every-process",
    "own-memory",
    "frames-of-the-bootstrap",
    "files-of-the-machine",
    "credentials-of-the-sdk",
    "kernel-keyrings",
    "higher-privileges",
    "success-claimed-then-failed",
    "frame-of-four-gigabytes",
    "stdout-in-the-runners-voice",
    "exit-hooks",
    "runtime-api",
    "daemon",
    "daemon-that-holds-the-streams",
    "daemon-of-many-short-lives",
    "files-with-odd-names-and-modes",
    "standard-library-patched",
    "memory-at-once",
    "disk-by-one-file",
    "descriptors",
    "stdout-without-end",
    "stderr-without-end",
    "fork-bomb",
    "sleep",
    "processor-time",
    "tcp",
    "tcp-by-programs",
    "sockets-of-every-family",
    "run-that-starts-runs",
    "nul",
    "lone-surrogates",
    "terminal-escapes",
    "queries-and-markup",
    "a-megabyte",
    "too-deep",
    "float-beyond-range",
    "output-of-every-byte",
    "parent-killed",
    "everybody-killed",
    "parents-limits-lowered",
)

OF_THE_STACK = (
    Attack(
        name="servers-of-the-stack",
        threats=("T5", "T17"),
        code="""
import socket

for name, port in event["ports"].items():
    def reached():
        return socket.create_connection(("127.0.0.1", port), timeout=1).getpeername()
    reached.__name__ = name
    attempt(reached)
""",
    ),
    Attack(
        name="state-of-the-stack",
        threats=("T1", "T17"),
        code="""
for path in event["paths"]:
    def opened():
        if os.path.isdir(path):
            return os.listdir(path)
        with open(path, "rb") as file:
            return file.read(1)
    opened.__name__ = path
    attempt(opened)
""",
    ),
    Attack(
        name="processes-of-the-stack",
        threats=("T2", "T14", "T17"),
        code="""
import signal

for name, pid in event["processes"].items():
    def signalled():
        os.kill(pid, signal.SIGKILL)
        return "killed"
    def inspected():
        with open(f"/proc/{pid}/environ", "rb") as file:
            return file.read(1)
    for deed in (inspected, signalled):
        deed.__name__ = f"{name}-{deed.__name__}"
        attempt(deed)
""",
    ),
)

BY_NAME = {attack.name: attack for attack in ATTACKS}
TRIED = (*(BY_NAME[name] for name in FROM_THE_TABLE), *OF_THE_STACK)


@pytest.fixture(scope="module")
def owners(stack: Stack) -> Iterator[list[Stack]]:
    """Several users of the stack: as many more as may register from one address within a minute."""
    clients: list[httpx2.Client] = []
    for name in ("mallory", "eve", "trudy", "oscar"):
        client = httpx2.Client(base_url=stack.outputs["api_url"], timeout=40)
        client.headers["Authorization"] = sign_up(client, f"{name}@example.com")
        clients.append(client)
    yield [stack, *(Stack(stack.plinth, stack.outputs, client) for client in clients)]
    for client in clients:
        client.close()


@pytest.fixture(scope="module")
def apart(stack: Stack) -> None:
    """Scripts are another account than the stack's, or Landlock keeps them from where it lies."""
    held = protections()
    is_open = any(stack.plinth.state.is_relative_to(folder) for folder in SHARED_FOLDERS)
    if not held["own_user"] and (held["landlock"] < 6 or is_open):
        pytest.skip("Scripts have the stack's uid, and Landlock is too old or the checkout lies in a temporary folder.")


@pytest.mark.usefixtures("apart")
def test_no_attack_gets_anything_from_the_stack_or_harms_it(stack: Stack, owners: list[Stack]) -> None:
    event = _event(stack)
    shares = [TRIED[number :: len(owners)] for number in range(len(owners))]
    assert max(len(share) for share in shares) <= MAX_AUTOMATIONS_OF_ITEM

    with ThreadPoolExecutor(len(owners)) as pool:
        by_name = dict(
            pair
            for pairs in pool.map(lambda owner, share: _attacked(owner, share, event), owners, shares)
            for pair in pairs
        )

    wrong = {attack.name: list(_complaints(attack, by_name[attack.name])) for attack in TRIED}
    found = [f"{name}: {line}" for name, lines in wrong.items() for line in lines]
    assert not found, "\n".join(found)
    assert stack.sandboxes() == []
    for owner in owners:
        assert _innocent(owner) == ("succeeded", 0, "fine\n", "", {"from": "Espresso machine"}, None)
    assert stack.http.get("/health/ready").status_code == 200
    assert stack.sandboxes() == []
    assert stack.plinth("status").returncode == 0


def _event(stack: Stack) -> Mapping[str, Any]:
    """What the scripts are told of where they are, so that they need not guess."""
    processes = stack.plinth.processes()
    ports = {name: process["port"] for name, process in processes.items() if process.get("port")}
    folder = stack.plinth.state
    emulator = f"127.0.0.1:{ports['emulator']}"
    return {
        "mark": "PLINTH-CANARY-",
        "folder": str(folder),
        "package": str(folder),
        "number": 1,
        "left": "plinth-left-stack",
        "runtime": emulator,
        "tcp": f"127.0.0.1:{urlsplit(stack.outputs['api_url']).port}",
        "tcp6": "::1:1",
        "ports": ports,
        "processes": {name: process["pid"] for name, process in processes.items()},
        "paths": sorted(str(path) for path in (folder, *folder.rglob("*")) if "functions" not in path.parts)[:500],
    }


def _attacked(owner: Stack, attacks: tuple[Attack, ...], event: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Start them all with one update, and wait until each has ended and its sandbox is gone."""
    item = owner.create_item()
    names: dict[str, str] = {}
    for attack in attacks:
        known = f"event.update(__import__('json').loads({json.dumps(event)!r}))\n"
        names[owner.automate(item, known + attack.script)["id"]] = attack.name
    run_ids = _updated(owner, item)
    assert len(run_ids) == len(attacks)
    runs = [owner.finished(run_id) for run_id in run_ids]
    return [(names[run["automation_id"]], run) for run in runs]


def _complaints(attack: Attack, run: Mapping[str, Any]) -> Iterator[str]:
    yield from differences(attack.ends, {}, run)
    if not run["created_at"] <= run["started_at"] <= run["finished_at"] <= run["destroyed_at"]:
        yield "its times are out of order"


def _innocent(owner: Stack) -> tuple[Any, ...]:
    item = owner.create_item()
    owner.automate(item, "print('fine')\nresult = {'from': event['before']['name']}")
    [run_id] = _updated(owner, item)
    run = owner.finished(run_id)
    return tuple(run[name] for name in ("status", "exit_code", "stdout", "stderr", "result", "reason"))


def _updated(owner: Stack, item: Mapping[str, Any]) -> list[str]:
    while (answer := owner.http.patch(f"/v1/items/{item['id']}", json={"description": "black"})).status_code == 429:
        time.sleep(0.2)
    assert answer.status_code == 200, answer.text
    return answer.json()["runs"]
