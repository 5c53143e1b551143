# ruff: noqa: ARG002, N802
"""A Pulumi provider that makes nothing: what was asked for is what there is, with the evaluator's placeholders.

In place of a real one on the engine's PATH: `python -m tests.support.passthrough aws <engine address>`. It speaks gRPC
itself, since the values of `pulumi.provider.experimental` cannot be unknown, as those of a preview are.

With `PASSTHROUGH_REPLACES` in its environment it also says what a change replaces, by the table of `plinth diff`: what
follows from that is the engine's own finding. With `PASSTHROUGH_DRIFTS`, `jobs.delaySeconds=5`, somebody has changed
that by hand whenever it looks.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import (
    plugin_pb2,
    provider_pb2,
    provider_pb2_grpc,
    resource_pb2,
    resource_pb2_grpc,
)

from tests.support.packages import UNKNOWN, on_the_wire
from workbench.diff.model import Forces
from workbench.diff.properties import differences
from workbench.diff.references import VERSIONS
from workbench.diff.replacement import verdict
from workbench.diff.snapshot import Code
from workbench.evaluate import _decoded_struct
from workbench.manifest import Resource
from workbench.placeholders import Placeholders

VERSION = "99.0.0"

REPLACES = "PASSTHROUGH_REPLACES"
"""The variable of the environment with which a change may replace."""

DRIFTS = "PASSTHROUGH_DRIFTS"
"""The variable that names a resource, a property of it, and a number that it has by now."""

_NAMES = ("bucket", "identifier", "name", "statementId")
"""The inputs by which Pulumi names what the program does not: given one, the old one is deleted first."""


class Passthrough(provider_pb2_grpc.ResourceProviderServicer):
    """One package's provider: no input is refused, nothing is looked up, and nothing but inputs is compared."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._placeholders = Placeholders("eu-central-1", "111111111111")

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> provider_pb2.GetSchemaResponse:
        """No more than who it is: programs in Python ask for no schema."""
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": self._package, "version": VERSION}))

    def CheckConfig(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        return _difference(request)

    def Configure(self, request: provider_pb2.ConfigureRequest, context: Any) -> provider_pb2.ConfigureResponse:
        """Takes the account and region that placeholders are made of."""
        accounts = json.loads(request.variables.get("aws:config:allowedAccountIds", "[]"))
        if accounts:
            self._placeholders = Placeholders(request.variables["aws:config:region"], accounts[0])
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, acceptResources=True, acceptOutputs=True, supportsPreview=True
        )

    def Check(self, request: provider_pb2.CheckRequest, context: Any) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: provider_pb2.DiffRequest, context: Any) -> provider_pb2.DiffResponse:
        return _judged(request) if REPLACES in os.environ else _difference(request)

    def Create(self, request: provider_pb2.CreateRequest, context: Any) -> provider_pb2.CreateResponse:
        """Placeholders for all that is not an input; in a preview, what a real provider cannot tell is unknown."""
        type_, name = request.urn.rpartition("$")[2].split("::")[-2:]
        id_, outputs = self._made(request.urn, type_, name, request.properties, preview=request.preview)
        return provider_pb2.CreateResponse(id="" if request.preview else id_, properties=outputs)

    def Update(self, request: provider_pb2.UpdateRequest, context: Any) -> provider_pb2.UpdateResponse:
        updated = struct_pb2.Struct(fields={**request.olds.fields, **request.news.fields})
        if request.preview and REPLACES in os.environ and "publish" in request.news.fields:
            updated.update(dict.fromkeys(VERSIONS.get(_type_of(request.urn), ()), UNKNOWN))
        return provider_pb2.UpdateResponse(properties=updated)

    def Read(self, request: provider_pb2.ReadRequest, context: Any) -> provider_pb2.ReadResponse:
        """What there is: what was asked for, unless somebody has changed it."""
        resource, _, told = os.environ.get(DRIFTS, "").partition(".")
        if resource and request.urn.endswith(f"::{resource}"):
            name, _, number = told.partition("=")
            for kept in (request.properties, request.inputs):
                kept.fields[name].number_value = float(number)
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: provider_pb2.DeleteRequest, context: Any) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Construct(self, request: provider_pb2.ConstructRequest, context: Any) -> provider_pb2.ConstructResponse:
        """Registers the component with its inputs, and one child: with it, the component's outputs become known."""
        with grpc.insecure_channel(request.monitorEndpoint) as channel:
            monitor = resource_pb2_grpc.ResourceMonitorStub(channel)
            registration = resource_pb2.RegisterResourceRequest(
                type=request.type,
                name=request.name,
                parent=request.parent,
                object=request.inputs,
                dependencies=request.dependencies,
                protect=request.protect,
                aliases=request.aliases,
                acceptSecrets=True,
            )
            urn = monitor.RegisterResource(registration).urn
            child = resource_pb2.RegisterResourceRequest(
                type="aws:ec2/vpc:Vpc", name=request.name, parent=urn, custom=True, acceptSecrets=True
            )
            is_new = monitor.RegisterResource(child).id == ""
            _, state = self._made(urn, request.type, request.name, request.inputs, preview=is_new, remote=True)
            monitor.RegisterResourceOutputs(resource_pb2.RegisterResourceOutputsRequest(urn=urn, outputs=state))
        return provider_pb2.ConstructResponse(urn=urn, state=state)

    def _made(
        self,
        urn: str,
        type_: str,
        name: str,
        properties: struct_pb2.Struct,
        *,
        preview: bool,
        remote: bool = False,
    ) -> tuple[str, struct_pb2.Struct]:
        inputs = _decoded_struct(properties)
        id_, outputs = self._placeholders.register(Resource(urn, type_, name, "", inputs, remote=remote))
        made = on_the_wire({key: UNKNOWN if preview else value for key, value in outputs.items()})
        # An archive among the inputs goes back as it came, with the digest that the engine gave it.
        kept = {
            key: value
            for key, value in properties.fields.items()
            if not remote and (preview or outputs[key] == inputs[key])
        }
        return id_, struct_pb2.Struct(fields={**made.fields, **kept})


def serve(package: str) -> None:
    """Serves until the engine ends the process; the port is the first line, as the engine expects."""
    server = grpc.server(ThreadPoolExecutor(max_workers=16))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Passthrough(package), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


def _difference(request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    before, after = request.old_inputs.fields, request.news.fields
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(changes=changes, diffs=changed)


def _judged(request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
    """As AWS's provider compares: documents by what they say, and with what cannot be changed in place."""
    type_ = _type_of(request.urn)
    before, after = (_comparable(each) for each in (request.old_inputs, request.news))
    properties, code = differences(before, after)
    changed = sorted({str(each.path[0]) for each in (*properties, *code)})
    forced = [
        *(each.path for each in properties if verdict(type_, each.path, each, after).forces is Forces.YES),
        *(each.path for each in code if verdict(type_, each.path).forces is Forces.YES),
    ]
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=changed,
        replaces=sorted({str(path[0]) for path in forced}),
        deleteBeforeReplace=bool(forced) and any(name in after for name in _NAMES),
    )


def _type_of(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _comparable(inputs: struct_pb2.Struct) -> dict[str, Any]:
    """What the engine sends, as a comparison takes it: an archive is the digest of what it says of itself."""
    return {name: _opened(value) for name, value in json_format.MessageToDict(inputs).items()}


def _opened(value: Any) -> Any:
    match value:
        case {rpc._special_sig_key: rpc._special_secret_sig, "value": inner}:
            return _opened(inner)
        case {rpc._special_sig_key: rpc._special_archive_sig}:
            return Code(value.get("hash", ""))
        case dict():
            return {key: _opened(each) for key, each in value.items()}
        case list():
            return [_opened(each) for each in value]
        case _:
            return value


if __name__ == "__main__":
    serve(sys.argv[1])
