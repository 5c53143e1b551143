"""Pulumi packages run as the engine runs them: each a process, driven over gRPC, with a resource monitor of ours."""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import (
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2_grpc,
)

from tests.support.evaluation import ACCOUNT, REGION
from workbench.evaluate import _Monitor
from workbench.manifest import Archive, Manifest, Resource, Secret, rewritten
from workbench.placeholders import Placeholders
from workbench.project import ROOT

PROJECT, STACK = "plinth", "test"
STACK_URN = f"urn:pulumi:{STACK}::{PROJECT}::pulumi:pulumi:Stack::{PROJECT}-{STACK}"
UNKNOWN = rpc.UNKNOWN
_SIGNATURE, _OUTPUT, _SECRET = rpc._special_sig_key, rpc._special_output_value_sig, rpc._special_secret_sig


@contextmanager
def running(*command: str, directory: str = str(ROOT)) -> Generator[provider_pb2_grpc.ResourceProviderStub]:
    """The provider that `python <command> <engine address>` serves on the port that it prints first."""
    with served(engine_pb2_grpc.add_EngineServicer_to_server, _Engine()) as engine:
        process = subprocess.Popen(
            [sys.executable, *command, engine],
            stdout=subprocess.PIPE,
            text=True,
            cwd=directory,
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        )
        try:
            assert process.stdout is not None
            port = process.stdout.readline().strip()
            assert port.isdigit(), f"{command} printed {port!r} and ended with {process.poll()}"
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield provider_pb2_grpc.ResourceProviderStub(channel)
        finally:
            process.kill()
            process.wait()


class Monitor(_Monitor):
    """The evaluator's monitor, for programs that run in another process."""

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As `workbench.evaluate` makes it, without the SDK's global settings."""
        parent_type = parent.split("::")[2] if parent else "pulumi:pulumi:Stack"
        qualified = type_ if parent_type == "pulumi:pulumi:Stack" else f"{parent_type}${type_}"
        return f"urn:pulumi:{STACK}::{PROJECT}::{qualified}::{name}"

    def manifest(self) -> Manifest:
        """What was registered so far."""
        return Manifest(PROJECT, STACK, sorted(self.seen.values(), key=lambda resource: resource.urn))


class Nothing:
    """The provider of a preview: all that is known of a resource is what the program said."""

    def register(self, resource: Resource) -> tuple[str, Mapping[str, Any]]:
        return "", resource.inputs


@dataclass
class Constructed:
    """A component that a package made: its URN and outputs as a program in another language has them."""

    urn: str
    state: Mapping[str, Any]
    dependencies: Mapping[str, Sequence[str]]

    def output(self, name: str, *keys: str) -> dict[str, Any]:
        """An output, or what is below `keys` in it, as Pulumi's SDKs send it on: unknown as a whole if in part."""
        value: Any = self.state[name]
        for key in keys:
            value = UNKNOWN if value == UNKNOWN else value[key]
        return output_value(value, self.dependencies.get(name, ()))


@dataclass
class Program:
    """A program in another language, as the engine sees it: components that it has packages construct."""

    package: provider_pb2_grpc.ResourceProviderStub
    preview: bool = False
    monitor: Monitor = field(init=False)

    def __post_init__(self) -> None:
        self.monitor = Monitor(Nothing() if self.preview else Placeholders(REGION, ACCOUNT))

    def construct(
        self,
        component: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        depends_on: Sequence[str] = (),
        input_dependencies: Mapping[str, Sequence[str]] | None = None,
    ) -> Constructed:
        """Has the package construct a component; raises grpc.RpcError with its complaint where it does not."""
        with served(resource_pb2_grpc.add_ResourceMonitorServicer_to_server, ServedMonitor(self.monitor)) as monitor:
            request = provider_pb2.ConstructRequest(
                project=PROJECT,
                stack=STACK,
                config={"aws:region": REGION, "plinth:accountId": ACCOUNT},
                dryRun=self.preview,
                monitorEndpoint=monitor,
                type=f"plinth:index:{component}",
                name=name,
                parent=STACK_URN,
                inputs=on_the_wire(inputs),
                inputDependencies={
                    key: provider_pb2.ConstructRequest.PropertyDependencies(urns=urns)
                    for key, urns in (input_dependencies or {}).items()
                },
                dependencies=depends_on,
                accepts_output_values=True,
            )
            response = self.package.Construct(request, timeout=60)
        return Constructed(
            urn=response.urn,
            state=json_format.MessageToDict(response.state),
            dependencies={name: sorted(each.urns) for name, each in response.stateDependencies.items()},
        )


def output_value(value: Any, dependencies: Sequence[str] = (), *, secret: bool = False) -> dict[str, Any]:
    """A value on the wire that says what it depends on; without a value where any of it is unknown."""
    known = {} if _has_unknowns(value) else {"value": value}
    return {_SIGNATURE: _OUTPUT, **known, "secret": secret, "dependencies": [*dependencies]}


def secret_value(value: Any) -> dict[str, Any]:
    """A secret on the wire."""
    return {_SIGNATURE: _SECRET, "value": value}


def on_the_wire(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Values as a manifest has them, secrets and archives included, as the engine sends them."""
    return json_format.ParseDict(rewritten(values, _on_the_wire), struct_pb2.Struct())


def _on_the_wire(leaf: Any) -> Any:
    match leaf:
        case Secret():
            return secret_value(rewritten(leaf.value, _on_the_wire))
        case Archive():
            return {_SIGNATURE: rpc._special_archive_sig, "path": str(leaf.path)}
        case _:
            return leaf


@contextmanager
def served(add: Any, servicer: Any) -> Generator[str]:
    """The address of a gRPC service on a loopback port."""
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    add(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


class _Engine(engine_pb2_grpc.EngineServicer):
    def Log(self, request: Any, context: Any) -> empty_pb2.Empty:  # noqa: ARG002, N802
        return empty_pb2.Empty()


class ServedMonitor(resource_pb2_grpc.ResourceMonitorServicer):
    """The monitor as a gRPC service, whose methods take a context beside the request."""

    def __init__(self, monitor: Monitor) -> None:
        for method in (
            "GetDeploymentInfo",
            "Invoke",
            "ReadResource",
            "RegisterResource",
            "RegisterResourceOutputs",
        ):
            setattr(self, method, _without_context(getattr(monitor, method)))


def _without_context(method: Any) -> Any:
    def answered(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(request)
        except Exception as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))

    return answered


def _has_unknowns(value: Any) -> bool:
    match value:
        case dict():
            return any(_has_unknowns(each) for each in value.values())
        case list():
            return any(_has_unknowns(each) for each in value)
        case _:
            return value == UNKNOWN
