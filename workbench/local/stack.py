"""A stack on this machine: brought up, looked at, and taken down."""

import contextlib
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from workbench.errors import UserError
from workbench.local import postgres, servers
from workbench.local.cloud import Cloud
from workbench.local.files import locked, write_atomically
from workbench.local.interrupts import uninterrupted
from workbench.local.logs import recent
from workbench.local.processes import Command, Processes, Running, last_lines, port_is_free
from workbench.local.state import State
from workbench.project import STATE, configuration, require_stack

DEFAULT_PORT = 8000

if TYPE_CHECKING:
    from workbench.local.apply import Report

Say = Callable[[str], None]
"""Told what is being done, in a few words, before it is."""


@dataclass(frozen=True)
class Up:
    """A stack that is up."""

    outputs: Mapping[str, Any]
    recorded_only: Mapping[str, int]
    """The types that are only written down here, with how many of each."""


class LocalStack:
    """One stack's place on this machine: a folder of its own in the state folder."""

    def __init__(self, name: str) -> None:
        require_stack(name)
        self.name = name
        self.folder = STATE.resolve() / name
        self.processes = Processes(self.folder)

    def up(self, *, port: int | None, stay: bool, say: Say, report: "Report") -> Up:
        """Starts what does not run, applies the program, and waits until the API answers.

        What did not come up whole is taken down again, and what was up before stays up; but an interrupt takes down
        that too, unless `stay`. Raises UserError where the port is taken, another command is at work, or the program
        or the service fails.
        """
        with locked(self.folder / "lock") as free:
            if not free:
                raise UserError(f"Another plinth command is working on {self.name}: wait until it is done.")
            # Others may pass through, as PostgreSQL's account does, but not look around: scripts run here, too.
            self.folder.chmod(0o711)
            was_up = bool(self.processes.recorded())
            try:
                return self._up(port, say, report)
            except BaseException as error:
                if not was_up or (isinstance(error, KeyboardInterrupt) and not stay):
                    self._down(wipe=False)
                raise

    @contextlib.contextmanager
    def in_foreground(self) -> Generator[None]:
        """Holds the stack's foreground: one command at a time streams its logs and takes it down at the end."""
        with locked(self.folder / "foreground") as free:
            if not free:
                raise UserError(
                    f"{self.name} is up in another terminal: end it there with Ctrl-C, "
                    f"or apply changes to it with `plinth up {self.name} --detach`."
                )
            yield

    def down(self, *, wipe: bool = False) -> bool:
        """Ends every process of the stack; tells whether there was one. The database's data stays unless wiped.

        Waits for a command that is working on the stack; raises UserError where that takes more than a minute.
        """
        with locked(self.folder / "lock", wait_seconds=60) as free:
            if not free:
                raise UserError(f"Another plinth command is working on {self.name}: wait until it is done.")
            return self._down(wipe=wipe)

    def _down(self, *, wipe: bool) -> bool:
        ended = bool(self.processes.recorded())
        with uninterrupted():
            if not wipe:
                self._remember_secrets()
            # The gateway first, so that nobody is served by half a stack; the database last, after its clients.
            for name in ("gateway", "emulator", "cache"):
                self.processes.stop(name)
            self.processes.stop("database", signal.SIGINT)
            shutil.rmtree(self.folder / "tmp", ignore_errors=True)
            (self.folder / "gateway.json").unlink(missing_ok=True)
            if wipe:
                postgres.wipe(self.folder)
                shutil.rmtree(self.folder, ignore_errors=True)
        return ended

    def _remember_secrets(self) -> None:
        """Keeps what was stored in secrets since the last `up`; one that never ended has none that are worth it."""
        state = self.state()
        if state.applying or not self.is_up():
            return
        from botocore.exceptions import BotoCoreError, ClientError

        from workbench.local.handlers import secretsmanager

        with contextlib.suppress(BotoCoreError, ClientError):
            secretsmanager.remember(self.cloud(), state)

    def state(self) -> State:
        """What was applied last."""
        return State.load(self._state_file)

    def is_up(self) -> bool:
        """Whether every process of the stack runs."""
        return all(self.processes.alive(name) for name in ("emulator", "database", "cache", "gateway"))

    def outputs(self) -> Mapping[str, Any]:
        """The stack's outputs; UserError where it is not up."""
        if not self.is_up():
            raise UserError(f"The {self.name} stack is not up: run `plinth up {self.name}`.")
        return self.state().outputs

    def cloud(self, ports: Mapping[str, int] | None = None) -> Cloud:
        """The local cloud of the running stack."""
        known = ports or {name: running.port for name, running in self.processes.recorded().items()}
        config = configuration(self.name)
        return Cloud(
            folder=self.folder,
            region=config.region,
            account=config.account,
            emulator_port=known["emulator"],
            database_port=known["database"],
            cache_port=known["cache"],
            gateway_port=known["gateway"],
        )

    @property
    def _state_file(self) -> Path:
        return self.folder / "state.json"

    def _up(self, port: int | None, say: Say, report: "Report") -> Up:
        # Pulumi and boto3 take most of a second to import, which only an `up` is worth.
        from workbench.evaluate import evaluate_stack
        from workbench.local.apply import LocalProvider
        from workbench.local.handlers import apigatewayv2, secretsmanager

        port = self._gateway_port(port)
        config = configuration(self.name)
        state = self.state()
        if state.applying:
            # An apply was cut off half-way: what the emulator holds is anybody's guess. It begins anew.
            self.processes.stop("emulator")
        say("Starting the emulator, PostgreSQL and Valkey")
        running = self._start_together(
            servers.emulator(self.folder, config.region, config.account), servers.cache(), postgres.command(self.folder)
        )
        identity = f"{running['emulator'].pid}-{running['emulator'].created}"
        if state.emulator != identity or state.applying:
            state = State(emulator=identity)
        cloud = self.cloud({**{name: process.port for name, process in running.items()}, "gateway": port})
        os.environ["PLINTH_PACKAGES"] = "build"
        os.environ["PLINTH_PACKAGE_TARGET"] = "host"
        say("Evaluating the program and applying it")
        State(emulator=identity, applying=True).save(self._state_file)
        provider = LocalProvider(cloud, state, report)
        try:
            manifest = evaluate_stack(self.name, provider)
            provider.delete_unseen()
            state.outputs = apigatewayv2.addressed_here(manifest, cloud)
        except UserError:
            state.save(self._state_file)
            raise
        write_atomically(self.folder / "gateway.json", json.dumps(_stage_settings(cloud, state)))
        say("Waiting for the API to answer")
        self.processes.ensure(servers.gateway(self.folder), port)
        state.save(self._state_file)
        secretsmanager.remember(cloud, state)
        self._wait_until_ready(cloud, state)
        return Up(state.outputs, provider.recorded_only())

    def _gateway_port(self, port: int | None) -> int:
        recorded = self.processes.recorded().get("gateway")
        if recorded and recorded.alive() and port in (None, recorded.port):
            return recorded.port
        if port is None:
            port = recorded.port if recorded else DEFAULT_PORT
        if not port_is_free(port):
            raise UserError(f"Port {port} is in use: free it, or choose another with --port.")
        return port

    def _start_together(self, *commands: Command) -> dict[str, Running]:
        with ThreadPoolExecutor() as pool:
            started = {command.name: pool.submit(self.processes.ensure, command) for command in commands}
        return {name: future.result()[0] for name, future in started.items()}

    def _wait_until_ready(self, cloud: Cloud, state: State) -> None:
        """Waits for the readiness route to answer 200, and tells the functions' last log lines where it does not."""
        deadline = time.monotonic() + 30
        status, body = 0, ""
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                status, body = servers.fetch(cloud.gateway_port, "/health/ready", timeout=30)
            if status == 200:
                return
            if status in (500, 502):
                break
            time.sleep(0.1)
        # What fails while it is imported is in the emulator's own log; what fails later, in the functions'.
        lines = "\n".join(
            [last_lines(self.processes.log_of("emulator")), *(f"    {line}" for line in recent(cloud, state, count=10))]
        )
        raise UserError(
            f"The service does not get ready: /health/ready answers {status} {body[:300]}\nIts log ends:\n{lines}"
        )


def _stage_settings(cloud: Cloud, state: State) -> dict[str, Any]:
    """What the front enforces, read from the stage that the program registered."""
    stages = [applied for applied in state.resources.values() if applied.type == "aws:apigatewayv2/stage:Stage"]
    if len(stages) != 1:
        raise UserError(f"The local cloud serves one HTTP API a stack; this one has {len(stages)} stages.")
    inputs = stages[0].inputs
    apis = [applied for applied in state.resources.values() if applied.type == "aws:apigatewayv2/api:Api"]
    blocks = cast("list[dict[str, Any]]", inputs.get("routeSettings") or [])
    return {
        "emulator": cloud.emulator_port,
        "api": inputs["apiId"],
        "cors": next((api.inputs.get("corsConfiguration") for api in apis), None),
        "default": _throttle(inputs.get("defaultRouteSettings") or {}),
        "routes": {block["routeKey"]: _throttle(block) for block in blocks},
    }


def _throttle(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {"rate": settings.get("throttlingRateLimit"), "burst": settings.get("throttlingBurstLimit")}
