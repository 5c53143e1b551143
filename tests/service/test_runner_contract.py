"""What every adapter does alike, with the sandbox's own code behind each and the emulator in place of AWS.

The emulator keeps MicroVMs as records: behind their endpoints stands `sandbox_lambda.server`, on this machine.
"""

import http.client
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

import sandbox_lambda
from service.runs.runners.child_process import ChildProcess
from service.runs.runners.container import Container
from service.runs.runners.ephemeral import EphemeralFunction
from service.runs.runners.invocation import LambdaClients
from service.runs.runners.microvm import MicroVm
from service.runs.runners.tenant import TenantFunction
from service.runs.sandbox import RunRequest, SandboxNotStartedError, SandboxRunner
from tests.support.folders import server_folder
from tests.support.sandbox_server import connection_to, sandbox_container, sandbox_server
from workbench.local import servers
from workbench.local.cloud import emulator_client
from workbench.local.processes import Processes

REGION, ACCOUNT = "eu-central-1", "111111111111"
IMAGE = f"arn:aws:lambda:{REGION}:{ACCOUNT}:microvm-image/sandbox"
CONNECTOR = f"arn:aws:lambda:{REGION}:{ACCOUNT}:network-connector:nc-1"
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}


class Cloud:
    """The emulator with a template function, a tenant's function, and a server for each MicroVM that is asked."""

    def __init__(self, port: int, stack: ExitStack) -> None:
        self._port = port
        self._stack = stack
        self._servers: dict[str, int] = {}
        self.functions = self.client("lambda")
        self.microvms = self.client("lambda-microvms")
        document = json.dumps({"Version": "2012-10-17", "Statement": [TRUST]})
        role = self.client("iam").create_role(RoleName="sandbox", AssumeRolePolicyDocument=document)
        layer = self.functions.publish_layer_version(LayerName="sandbox", Content={"ZipFile": _runner()})
        for name, tenancy in (("template", {}), ("tenants", {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}})):
            self.functions.create_function(
                FunctionName=name,
                Runtime=f"python3.{sys.version_info.minor}",
                Role=role["Role"]["Arn"],
                Handler="sandbox_lambda.handler.handle",
                Code={"ZipFile": _zip({"README": b""})},
                Layers=[layer["LayerVersionArn"]],
                Timeout=20,
                MemorySize=512,
                **tenancy,
            )

    def client(self, service: str) -> Any:
        return emulator_client(service, self._port, REGION, ACCOUNT)

    def connect(self, host: str) -> http.client.HTTPConnection:
        if host not in self._servers:
            self._servers[host] = self._stack.enter_context(sandbox_server())
        return connection_to(self._servers[host])

    def runner(self, isolation: str) -> SandboxRunner:
        clients = LambdaClients(self.functions, self.functions)
        match isolation:
            case "ephemeral":
                return EphemeralFunction("template", clients)
            case "tenant":
                return TenantFunction("tenants", clients)
            case "microvm":
                return MicroVm(IMAGE, CONNECTOR, self.microvms, connect=self.connect)
            case "container":
                port, _ = self._stack.enter_context(sandbox_container())
                return Container([f"127.0.0.1:{port}"])
            case _:
                return ChildProcess()


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    with server_folder() as folder, ExitStack() as stack:
        running, _started = Processes(folder).ensure(servers.emulator(folder, REGION, ACCOUNT))
        yield Cloud(running.port, stack)


@pytest.fixture(params=["ephemeral", "tenant", "microvm", "container", "subprocess"])
def isolation(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def runner(cloud: Cloud, isolation: str) -> SandboxRunner:
    return cloud.runner(isolation)


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=5)


def test_a_script_is_run_with_its_event_and_its_sandbox_destroyed(runner: SandboxRunner, isolation: str) -> None:
    sandbox = runner.create(uuid4(), expires_at=soon())
    code = "import sys; print('told'); print('warned', file=sys.stderr); result = {'trigger': event['trigger']}"
    outcome = runner.run(sandbox, RunRequest(code=code, event={"trigger": "manual"}))
    assert (outcome.status, outcome.exit_code, outcome.signal, outcome.reason) == ("succeeded", 0, None, None)
    assert (outcome.stdout, outcome.stderr, outcome.result) == ("told\n", "warned\n", {"trigger": "manual"})
    assert outcome.protections is not None
    assert outcome.protections["closed_to_inspection"] is True
    assert runner.destroy(sandbox) is (isolation != "tenant")


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("import sys; sys.exit(3)", "failed", "the script ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "failed", "signal 9 (SIGKILL) ended the script"),
        ("while True: print('a' * 9999)", "output_limit", "the script wrote more than 65,536 bytes to stdout"),
        ("'a' * 2**40", "out_of_memory", "the script needed more than 256 MB of memory"),
    ],
    ids=["exit code", "signal", "output", "memory"],
)
def test_an_unhappy_end_has_its_reason(runner: SandboxRunner, code: str, status: str, reason: str) -> None:
    sandbox = runner.create(uuid4(), expires_at=soon())
    outcome = runner.run(sandbox, RunRequest(code=code, event={}))
    runner.destroy(sandbox)
    assert (outcome.status, outcome.reason) == (status, reason)


def test_a_destroyed_sandbox_runs_nothing_and_can_be_destroyed_again(cloud: Cloud) -> None:
    for isolation in ("ephemeral", "microvm", "container"):
        runner = cloud.runner(isolation)
        sandbox = runner.create(uuid4(), expires_at=soon())
        assert [runner.destroy(sandbox) for _ in range(2)] == [True, True]
        with pytest.raises(SandboxNotStartedError):
            runner.run(sandbox, RunRequest(code="pass", event={}))


def test_a_clone_left_behind_is_found_once_its_time_is_over_and_another_takes_its_name(cloud: Cloud) -> None:
    runner = cloud.runner("ephemeral")
    left, young = UUID(int=1), UUID(int=2)
    now = datetime.now(UTC)
    names = [runner.create(left, expires_at=now), runner.create(young, expires_at=now + timedelta(minutes=1))]
    assert list(runner.expired(now)) == names[:1]
    assert list(runner.expired(now + timedelta(minutes=1))) == names
    assert runner.create(left, expires_at=now + timedelta(minutes=1)) == names[0]
    assert list(runner.expired(now)) == []
    assert [runner.destroy(name) for name in names] == [True, True]
    assert list(runner.expired(now + timedelta(minutes=1))) == []


def test_a_microvm_left_behind_is_found_after_its_longest_life(cloud: Cloud) -> None:
    runner = cloud.runner("microvm")
    name = runner.create(uuid4(), expires_at=soon())
    kept = cloud.microvms.get_microvm(microvmIdentifier=name)
    assert kept["egressNetworkConnectors"] == [CONNECTOR]
    assert "executionRoleArn" not in kept
    assert name not in list(runner.expired(datetime.now(UTC)))
    assert name in list(runner.expired(datetime.now(UTC) + timedelta(minutes=15)))
    assert runner.destroy(name) is True
    assert name not in list(runner.expired(datetime.now(UTC) + timedelta(minutes=15)))


def _runner() -> bytes:
    package = Path(sandbox_lambda.__file__).parent
    return _zip({f"python/sandbox_lambda/{path.name}": path.read_bytes() for path in package.glob("*.py")})


def _zip(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as written:
        for name, content in files.items():
            written.writestr(name, content)
    return archive.getvalue()
