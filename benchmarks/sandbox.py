"""What a run in a sandbox of its own costs, against a bare function made, invoked and deleted by the same client."""

import io
import json
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pulumi

from benchmarks.figures import Figure
from benchmarks.runtime import Runtime
from components.packaging import RUNTIME, files_package, runner_layer
from service.runs.runners.ephemeral import EphemeralFunction, LambdaClients
from service.runs.sandbox import RunRequest
from tests.support.folders import server_folder
from workbench.local import servers
from workbench.local.cloud import Cloud
from workbench.local.handlers.lambda_ import Function, LayerVersion
from workbench.local.processes import Processes
from workbench.manifest import Archive
from workbench.project import ROOT

LIMIT = 1.3

_REGION, _ACCOUNT = "eu-central-1", "111111111111"
_ROUNDS = 40
_WARM_UP = 3

_INTERPRETER = [getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-B", "-u", "-X", "utf8", "-c", "pass"]
"""How the runner starts a script, but for the script."""

_PROGRAM = "from benchmarks.running import main; main()"


def measure(runtime: Runtime) -> list[Figure]:
    """Lower quartiles of turns: what else the machine does only ever adds, and most to what uses two processors.

    A run may take its limit times the bare function, and on top the start of the interpreter that the script gets:
    that start is therefore taken off ours before the two are compared.
    """
    with _emulator() as emulator:
        times = _by_turns({"bare": emulator.bare, "ours": emulator.ours, "start": _start_interpreter})
    runner = json.loads(runtime.run(_PROGRAM, INTERPRETER=json.dumps(_INTERPRETER)).splitlines()[-1])
    return [
        Figure(
            name=f"Ephemeral run, less {times['start']:.0f} ms of its interpreter's start",
            baseline_ms=times["bare"],
            ours_ms=times["ours"] - times["start"],
            limit=LIMIT,
        ),
        Figure(name="Runner alone, running `pass`", baseline_ms=runner["start"], ours_ms=runner["ours"], limit=None),
    ]


def _by_turns(steps: dict[str, Callable[[], None]]) -> dict[str, float]:
    """The lower quartile of each step, in milliseconds."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for number in range(_WARM_UP + _ROUNDS):
        for name, step in steps.items():
            started = time.perf_counter()
            step()
            if number >= _WARM_UP:
                times[name].append((time.perf_counter() - started) * 1000)
    return {name: statistics.quantiles(taken, n=4)[0] for name, taken in times.items()}


def _start_interpreter() -> None:
    subprocess.run(_INTERPRETER, env={}, check=True)


@dataclass(frozen=True)
class _Emulator:
    """An emulator with the runner's layer and the template of a stack."""

    client: Any
    sandboxes: EphemeralFunction
    role: str

    def bare(self) -> None:
        """What anybody would write with boto3."""
        name = f"bare-{uuid4().hex}"
        self.client.create_function(
            FunctionName=name, Runtime=RUNTIME, Role=self.role, Handler="trivial.handle", Code={"ZipFile": _TRIVIAL}
        )
        self.client.invoke(FunctionName=name, Payload=b"{}")["Payload"].read()
        self.client.delete_function(FunctionName=name)

    def ours(self) -> None:
        """What the worker does, of which a script that does nothing succeeds."""
        sandbox = self.sandboxes.create(uuid4(), expires_at=datetime.now(UTC) + timedelta(minutes=15))
        outcome = self.sandboxes.run(sandbox, RunRequest(code="pass", event={}))
        if (outcome.status, self.sandboxes.destroy(sandbox)) != ("succeeded", True):
            raise SystemExit(f"A measured run was not to succeed: {outcome}")


@contextmanager
def _emulator() -> Generator[_Emulator]:
    with server_folder() as folder:
        emulator, _ = Processes(folder).ensure(servers.emulator(folder, _REGION, _ACCOUNT))
        cloud = Cloud(folder, _REGION, _ACCOUNT, emulator.port, database_port=0, cache_port=0, gateway_port=0)
        client, role = cloud.client("lambda"), _role(cloud.client("iam"))
        template = _template(cloud, role)
        yield _Emulator(client, EphemeralFunction(template, LambdaClients(client, client)), role)


def _template(cloud: Cloud, role: str) -> str:
    """The template, with the runner in a layer, made as `plinth up` makes them; its name."""
    runner = runner_layer("sandbox-runner", ROOT, "sandbox_lambda", "locks/sandbox.txt")
    layer, _ = LayerVersion().create(cloud, "sandbox-runner", {"code": _archive(runner)})
    inputs = {
        "name": "sandbox",
        "role": role,
        "runtime": RUNTIME,
        "handler": "sandbox_lambda.handler.handle",
        "code": _archive(files_package("sandbox-template", ROOT, {"README": b""})),
        "layers": [layer],
        "memorySize": 512,
        "timeout": 20,
    }
    template, _ = Function().create(cloud, "sandbox", inputs)
    return template


def _archive(package: pulumi.FileArchive) -> Archive:
    return Archive(Path(package.path))


def _role(iam: Any) -> str:
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    return iam.create_role(RoleName="sandbox", AssumeRolePolicyDocument=document)["Role"]["Arn"]


def _zipped(name: str, text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, text)
    return buffer.getvalue()


_TRIVIAL = _zipped("trivial.py", "def handle(event, context):\n    return None\n")
