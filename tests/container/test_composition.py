"""The images' contents and compose.yaml's services at work: signed up to, used, limited, and ended, without Docker."""

import os
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import psycopg
import pytest

from service.migrations import head_revision
from tests.support.composition import Composition, Container, composition

pytestmark = pytest.mark.xdist_group("container")

PASSWORD = "an otter reads at noon"
GRACE = {"api": 30, "worker": 90}


@pytest.fixture(scope="module")
def composed() -> Iterator[Composition]:
    with composition() as made:
        made.up()
        yield made


class Client(httpx2.Client):
    """Somebody who has signed up, at an address that the proxy in front tells."""

    def __init__(self, container: Container, address: str) -> None:
        email = f"{address}@example.com"
        address_told = {"X-Forwarded-For": address}
        super().__init__(base_url=f"http://127.0.0.1:{container.port}", headers=address_told, timeout=30)
        with httpx2.Client(base_url=self.base_url, headers=address_told) as anonymous:
            registered = anonymous.post("/v1/auth/register", json={"email": email, "password": PASSWORD})
            assert registered.status_code == 201, registered.text
            answer = anonymous.post("/v1/auth/token", data={"username": email, "password": PASSWORD})
        self.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def made(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.post(path, json=body)
        assert answer.status_code in (201, 202), answer.text
        return answer.json()

    def ended_run(self, code: str) -> dict[str, Any]:
        """The run that an update of an item starts, when it has ended."""
        item = self.made("/v1/items", name="Kettle")
        self.made("/v1/automations", name="Tell", code=code, item_id=item["id"], enabled=True)
        [run_id] = self.put(f"/v1/items/{item['id']}", json={"name": "Kettle", "description": None}).json()["runs"]
        return self.end_of(run_id)

    def end_of(self, run_id: str) -> dict[str, Any]:
        deadline = time.monotonic() + 80
        while (run := self.get(f"/v1/runs/{run_id}").json())["status"] in ("queued", "running"):
            assert time.monotonic() < deadline, run
            time.sleep(0.1)
        return run


@pytest.fixture(scope="module")
def api(composed: Composition) -> Container:
    """The API behind a proxy on this machine, which may say where requests come from."""
    behind = composed.start("api", FORWARDED_ALLOW_IPS="127.0.0.1")
    _until_it_answers(behind)
    return behind


def _until_it_answers(container: Container) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            assert httpx2.get(f"http://127.0.0.1:{container.port}/health/ready").status_code == 200
            return
        except httpx2.TransportError:
            assert time.monotonic() < deadline, container.said()
            assert container.process.poll() is None, container.said()
            time.sleep(0.05)


def test_everything_comes_up_in_its_order_and_is_healthy(composed: Composition) -> None:
    _until_it_answers(composed.running["api"])
    assert composed.running["migrate"].process.returncode == 0
    assert composed.running["migrate"].said().startswith(f"at {head_revision()}, applied: 0001")
    assert [name for name in ("database", "counts") if not composed.is_healthy(name)] == []
    main = Container(
        "api", composed.running["api"].process, composed.running["api"].log, composed.ports["api"], composed.folder
    )
    assert composed.is_healthy("api", main)
    deadline = time.monotonic() + 20
    while not composed.is_healthy("worker"):
        assert time.monotonic() < deadline, composed.running["worker"].said()
        time.sleep(0.1)


def test_an_automation_runs_in_a_sandbox_that_is_destroyed(composed: Composition, api: Container) -> None:
    code = (
        "import os, pathlib\n"
        "print(event['after']['name'])\n"
        "result = {'names': sorted(os.environ), 'user': os.getuid(), 'parent': os.getppid()}\n"
    )
    with Client(api, "198.51.100.1") as ada:
        run = ada.ended_run(code)
    assert (run["status"], run["stdout"], run["stderr"]) == ("succeeded", "Kettle\n", "")
    assert run["destroyed_at"] is not None
    assert set(run["result"]["names"]) <= {"HOME", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR"}
    if os.geteuid() == 0:
        assert run["result"]["user"] == 10002
    # It is the sandbox's own process that is gone, and another one that waits for the next script.
    assert max(composed.lives.values()) > 1
    assert not os.path.exists(f"/proc/{run['result']['parent']}")  # noqa: PTH110


def test_each_run_has_a_life_of_a_container_to_itself(api: Container) -> None:
    with Client(api, "198.51.100.2") as grace:
        item = grace.made("/v1/items", name="Kettle")
        automation = grace.made(
            "/v1/automations", name="Tell", code="import os; result = os.getppid()", item_id=item["id"], enabled=False
        )
        runs = [grace.made(f"/v1/automations/{automation['id']}/runs")["id"] for _ in range(4)]
        ended = [grace.end_of(run_id) for run_id in runs]
    assert [run["status"] for run in ended] == ["succeeded"] * 4
    assert len({run["result"] for run in ended}) == 4


def test_a_script_that_fails_is_told_from_one_that_takes_too_long(api: Container) -> None:
    with Client(api, "198.51.100.3") as lin:
        failed = lin.ended_run("raise SystemExit(3)")
        time.sleep(1.1)
        endless = lin.ended_run("while True: pass")
    assert (failed["status"], failed["exit_code"]) == ("failed", 3)
    assert endless["status"] == "timed_out"
    assert failed["destroyed_at"]
    assert endless["destroyed_at"]


def test_two_processes_count_together(composed: Composition, api: Container) -> None:
    other = composed.start("api", FORWARDED_ALLOW_IPS="127.0.0.1")
    _until_it_answers(other)
    with Client(api, "198.51.100.4") as ada, httpx2.Client(base_url=f"http://127.0.0.1:{other.port}") as elsewhere:
        elsewhere.headers.update(ada.headers)
        answers = [client.post("/v1/items", json={"name": "Kettle"}) for client in (ada, elsewhere)]
    assert [answer.status_code for answer in answers] == [201, 429]
    assert answers[1].headers["Retry-After"] == "1"
    assert other.stop(GRACE["api"]) in (0, -15)


def test_what_a_client_says_of_its_address_counts_only_from_a_named_proxy(composed: Composition) -> None:
    with httpx2.Client(base_url=f"http://127.0.0.1:{composed.ports['api']}") as client:
        guesses = [
            client.post(
                "/v1/auth/register",
                json={"email": f"x{number}@example.com", "password": PASSWORD},
                headers={"X-Forwarded-For": f"203.0.113.{number}"},
            ).status_code
            for number in range(6)
        ]
    assert guesses == [201] * 5 + [429]


def test_nobody_is_let_to_trust_everybody(composed: Composition) -> None:
    refused = composed.start("api", FORWARDED_ALLOW_IPS="*")
    assert refused.process.wait(30) != 0
    assert "FORWARDED_ALLOW_IPS=* lets any client say that it is another" in refused.said()


@pytest.mark.parametrize(
    ("service", "variable"),
    [("api", "SIGNING_KEYS_FILE"), ("api", "DATABASE_PASSWORD_FILE"), ("migrate", "DATABASE_PASSWORD_FILE")],
)
def test_without_a_secret_nothing_starts_and_the_file_is_named(
    composed: Composition, service: str, variable: str
) -> None:
    environment: Any = {variable: "/run/secrets/forgotten"}
    started = composed.start(service, **environment)
    assert started.process.wait(30) != 0
    complaint = f"{variable}: {composed.folder}/secrets/forgotten cannot be read: No such file or directory"
    assert complaint in started.said()


def test_the_application_cannot_change_the_schema(composed: Composition) -> None:
    password = (composed.folder / "secrets" / "application_password").read_text().strip()
    with psycopg.connect(
        host="127.0.0.1", port=composed.ports["database"], dbname="plinth", user="plinth_app", password=password
    ) as connection:
        assert connection.execute("SELECT count(*) FROM users").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TABLE more (id int)")


def test_migrating_again_changes_nothing_but_the_password(composed: Composition) -> None:
    again = composed.run("migrate")
    assert (again.returncode, again.stdout) == (0, f"at {head_revision()}, applied: nothing\n")
    rotated = composed.folder / "secrets" / "rotated"
    rotated.write_text("another one")
    done = composed.run("migrate", DATABASE_APPLICATION_PASSWORD_FILE=str(rotated))
    assert done.returncode == 0, done.stderr
    where = {"host": "127.0.0.1", "port": composed.ports["database"], "dbname": "plinth", "user": "plinth_app"}
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(**where, password="an application's password: /@%")
    psycopg.connect(**where, password="another one").close()
    assert composed.run("migrate").returncode == 0
    psycopg.connect(**where, password="an application's password: /@%").close()


def test_the_api_answers_what_it_has_begun_and_then_ends(composed: Composition) -> None:
    ending = composed.start("api")
    _until_it_answers(ending)
    assert composed.is_healthy("api", ending)
    body = b'{"email": "late@example.com"'
    with socket.create_connection(("127.0.0.1", ending.port), timeout=20) as connection:
        connection.sendall(
            b"POST /v1/auth/register HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\n\r\n" % (len(body) + 1)
        )
        connection.sendall(body)
        began = connection.recv(100)
        ending.process.terminate()
        time.sleep(0.3)
        assert ending.process.poll() is None
        connection.sendall(b"}")
        answered = began + b"".join(iter(lambda: connection.recv(65536), b""))
    assert re.search(rb"HTTP/1.1 422 ", answered), answered
    assert ending.process.wait(GRACE["api"]) in (0, -15)
    assert not composed.is_healthy("api", ending)


def test_its_log_is_json(composed: Composition) -> None:
    lines = composed.running["worker"].said().splitlines()
    assert lines
    assert [line for line in lines if not line.startswith('{"level":')] == []


def test_the_worker_ends_after_the_script_that_it_has(composed: Composition, api: Container) -> None:
    with Client(api, "198.51.100.5") as ada:
        item = ada.made("/v1/items", name="Kettle")
        code = "import time; time.sleep(2); print('to its end')"
        automation = ada.made("/v1/automations", name="Tell", code=code, item_id=item["id"], enabled=False)
        run_id = ada.made(f"/v1/automations/{automation['id']}/runs")["id"]
        while ada.get(f"/v1/runs/{run_id}").json()["started_at"] is None:
            time.sleep(0.05)
        assert composed.running["worker"].stop(GRACE["worker"]) == 0
        composed.start("worker")  # for the tests that come after
        run = ada.get(f"/v1/runs/{run_id}").json()
    assert (run["status"], run["stdout"]) == ("succeeded", "to its end\n")


def test_nothing_is_written_into_an_image(composed: Composition) -> None:
    written = [
        path
        for stage in ("service", "sandbox")
        for path in composed.stages[stage].folder.rglob("*")
        if path.stat(follow_symlinks=False).st_mtime > composed.running["migrate"].log.stat().st_mtime
    ]
    assert written == []
