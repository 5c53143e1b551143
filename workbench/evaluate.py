"""Runs a stack's program through the Pulumi SDK, with a monitor of ours in the engine's place.

The program cannot tell the difference: it registers its resources and reads their outputs. What those outputs are is
the provider's business: placeholders offline (`workbench.placeholders`), real ones in the local cloud.
"""

import asyncio
import os
import runpy
import sys
import threading
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, Protocol, cast
from warnings import catch_warnings, filterwarnings

import pulumi
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime import mocks, rpc, settings, stack, sync_await
from pulumi.runtime.proto import resource_pb2

from workbench.errors import UserError
from workbench.manifest import Archive, Manifest, Resource, Secret, rewritten
from workbench.project import ROOT, configuration, require_stack


class Provider(Protocol):
    """Gives registered resources their ids and outputs."""

    def register(self, resource: Resource) -> tuple[str, Mapping[str, Any]]:
        """The id and the outputs (names as on the wire, camelCase) of a resource. Called from several threads."""
        ...


class ProgramError(UserError):
    """The stack's program failed: its message, and where."""


class InvokeRefusedError(UserError):
    """The program asked a provider something, which needs credentials. Components take such facts from settings."""


def evaluate_stack(name: str, provider: Provider, root: Path = ROOT) -> Manifest:
    """Evaluates `stacks/` as `pulumi up --stack name` would run it.

    Raises UserError where there is no such stack, and ProgramError where its program fails.
    """
    require_stack(name, root)
    config = configuration(name, root)
    folder = root / "stacks"

    def program() -> None:
        runpy.run_path(str(folder), run_name="__main__")

    with _imports_from(root, folder):
        return evaluate(
            program,
            provider,
            project=config.project,
            stack_name=name,
            config=config.values,
            secret_keys=config.secret_keys,
            root=root,
        )


def evaluate(
    program: Callable[[], None],
    provider: Provider,
    *,
    project: str = "plinth",
    stack_name: str = "test",
    config: Mapping[str, str] | None = None,
    secret_keys: Sequence[str] = (),
    root: Path = ROOT,
) -> Manifest:
    """Evaluates any program that registers resources. The SDK's state is global: one evaluation at a time.

    An error names the place in `root/stacks` that led to it.
    """
    with _evaluating, catch_warnings():
        # After a failure there are outputs that nobody waited for, of which Python would tell.
        filterwarnings("ignore", r"coroutine 'Output\.", RuntimeWarning)
        loop = _loop()
        monitor = _Monitor(provider)
        settings.ROOT.set(None)
        settings.configure(
            mocks.MockSettings(
                monitor=monitor,
                monitor_features=set(cast("Any", monitor).GetDeploymentInfo(empty_pb2.Empty()).supportedFeatures),
                engine=mocks.MockEngine(None),
                project=project,
                stack=stack_name,
                dry_run=False,
                organization="organization",
                callbacks=None,
            )
        )
        pulumi.runtime.set_all_config(dict(config or {}), list(secret_keys))
        try:
            # Standard output is for what the command was asked for; what a program prints is beside that.
            with redirect_stdout(sys.stderr):
                loop.run_until_complete(stack.run_in_stack(lambda: _until_settled(program)))
        except (Exception, SystemExit) as error:
            raise _explained(monitor.failure or error, root) from error
        finally:
            runtime = cast("Any", settings.SETTINGS)
            # What still runs after a failure would fail the next evaluation in its place.
            leftover = asyncio.all_tasks(loop)
            for task in leftover:
                task.cancel()
            loop.run_until_complete(asyncio.gather(*leftover, return_exceptions=True))
            runtime.rpc_manager.clear()
            runtime.outputs.clear()
        return Manifest(
            project=project,
            stack=stack_name,
            resources=sorted(monitor.seen.values(), key=lambda resource: resource.urn),
            outputs=monitor.outputs,
        )


async def _until_settled(program: Callable[[], None]) -> None:
    """Runs the program, and waits for its outputs, or for the first of them to fail.

    The SDK would wait by itself, but looks at all outputs anew for each that is there: a resource of 1,000 then takes
    several times as long as one of 250.
    """
    program()
    while waiting := _unsettled():
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_EXCEPTION)
        if any(output.cancelled() or output.exception() for output in done):
            return  # of which the SDK tells


def _unsettled() -> list["asyncio.Task[Any]"]:
    """The outputs of the program that are not there yet. Those of other loops belong to a registration's thread."""
    loop, runtime = asyncio.get_running_loop(), cast("Any", settings.SETTINGS)
    with runtime.lock:
        return [output for output in runtime.outputs if output.get_loop() is loop and not output.done()]


_evaluating = threading.Lock()
_loops: list[asyncio.AbstractEventLoop] = []


def _loop() -> asyncio.AbstractEventLoop:
    """One loop for the process: the SDK waits for ever when a second stack runs on another one."""
    if not _loops:
        loop = asyncio.new_event_loop()
        # Every resource that waited for a failed one repeats its failure; the first is told, the echoes are not.
        loop.set_exception_handler(lambda _loop, _context: None)
        _loops.append(loop)
    asyncio.set_event_loop(_loops[0])
    return _loops[0]


class _Monitor(mocks.MockMonitor):
    """Stands where the engine's resource monitor stands; sees each registration whole."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(cast("mocks.Mocks", None))
        self._provider = provider
        self._lock = threading.Lock()
        self.seen: dict[str, Resource] = {}
        self.outputs: Mapping[str, Any] = {}
        self.failure: BaseException | None = None

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """As the engine makes it: the stack itself does not count as a parent, every other parent's type does."""
        if parent:
            parent_type = parent.split("::")[2]
            if parent_type != "pulumi:pulumi:Stack":
                type_ = f"{parent_type}${type_}"
        return f"urn:pulumi:{settings.get_stack()}::{settings.get_project()}::{type_}::{name}"

    def RegisterResource(  # noqa: N802
        self, request: resource_pb2.RegisterResourceRequest
    ) -> resource_pb2.RegisterResourceResponse:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        resource = Resource(
            urn=urn,
            type=request.type,
            name=request.name,
            parent=request.parent,
            inputs=_decoded_struct(request.object),
            dependencies=sorted(
                {*request.dependencies, *(urn for d in request.propertyDependencies.values() for urn in d.urns)}
            ),
            property_dependencies={key: sorted(each.urns) for key, each in request.propertyDependencies.items()},
            protect=request.protect,
            retain_on_delete=request.retainOnDelete,
            aliases=_aliases(request),
            delete_before_replace=request.deleteBeforeReplace,
            ignore_changes=list(request.ignoreChanges),
            replace_on_changes=list(request.replaceOnChanges),
            custom=request.custom or request.remote,
            remote=request.remote,
        )
        with self._lock:
            if urn in self.seen:
                raise self._failed(UserError(f"Two resources have the same URN {urn}: give one another name."))
            self.seen[urn] = resource
        if not resource.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        try:
            id_, outputs = self._provider.register(resource)
        except Exception as error:
            raise self._failed(error) from error
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=_encoded(outputs))

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> resource_pb2.ReadResourceResponse:  # noqa: N802
        raise self._failed(
            InvokeRefusedError(
                f"The program reads {request.type} {request.name!r} from the cloud, which needs credentials: "
                "let a setting say what it has to know."
            )
        )

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> resource_pb2.ResourceInvokeResponse:  # noqa: N802
        raise self._failed(
            InvokeRefusedError(
                f"The program invokes {request.tok}, which needs credentials: let a setting say what it has to know."
            )
        )

    def RegisterResourceOutputs(  # noqa: N802
        self, request: resource_pb2.RegisterResourceOutputsRequest
    ) -> empty_pb2.Empty:
        if "::pulumi:pulumi:Stack::" in request.urn:
            self.outputs = _decoded_struct(request.outputs)
        return empty_pb2.Empty()

    def _failed(self, error: Exception) -> Exception:
        # The SDK wraps what a registration raises, and reports only one of several: the first is the cause.
        self.failure = self.failure or error
        return error


def _aliases(request: resource_pb2.RegisterResourceRequest) -> list[str]:
    specs = cast("Any", request).aliases
    return [
        *request.aliasURNs,
        *(alias.urn or json_format.MessageToJson(alias.spec, indent=None) for alias in specs),
    ]


def _decoded_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    return {name: _decoded(value) for name, value in sorted(struct.fields.items())}


def _decoded(value: struct_pb2.Value) -> Any:
    """A property value off the wire, with secrets and archives as types of ours."""
    match value.WhichOneof("kind"):
        case "struct_value":
            fields = value.struct_value.fields
            signature = fields[rpc._special_sig_key].string_value if rpc._special_sig_key in fields else ""  # pyright: ignore[reportPrivateUsage]
            if signature == rpc._special_secret_sig:  # pyright: ignore[reportPrivateUsage]
                return Secret(_decoded(fields["value"]))
            if signature in (rpc._special_archive_sig, rpc._special_asset_sig):  # pyright: ignore[reportPrivateUsage]
                return _archive(fields)
            if signature == rpc._special_resource_sig:  # pyright: ignore[reportPrivateUsage]
                return fields["urn"].string_value
            return _decoded_struct(value.struct_value)
        case "list_value":
            return [_decoded(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _archive(fields: Mapping[str, struct_pb2.Value]) -> Archive:
    if "path" in fields:
        # The program's folder is the working one only while the program runs.
        return Archive(Path.cwd() / fields["path"].string_value)
    return Archive(Path(), {name: _decoded(fields[name]) for name in ("text", "uri", "assets") if name in fields})


def _encoded(outputs: Mapping[str, Any]) -> struct_pb2.Struct:
    sync_await._ensure_event_loop()  # pyright: ignore[reportPrivateUsage]
    opened = rewritten(outputs, _as_pulumi)
    return sync_await._sync_await(rpc.serialize_properties(opened, {}))  # pyright: ignore[reportPrivateUsage]


def _as_pulumi(leaf: Any) -> Any:
    match leaf:
        case Secret():
            return pulumi.Output.secret(rewritten(leaf.value, _as_pulumi))
        case Archive():
            return _as_asset(leaf)
        case _:
            return leaf


def _as_asset(archive: Archive) -> pulumi.Asset | pulumi.Archive:
    match archive.content:
        case None:
            return pulumi.FileArchive(str(archive.path))
        case {"text": text}:
            return pulumi.StringAsset(text)
        case {"assets": parts}:
            return pulumi.AssetArchive({name: _as_asset(part) for name, part in parts.items()})
        case content:
            return pulumi.RemoteArchive(content.get("uri", ""))


@contextmanager
def _imports_from(root: Path, folder: Path) -> Generator[None]:
    """Works in the program's folder, as the engine does, and imports from `root` before anything installed."""
    before, path = Path.cwd(), list(sys.path)
    os.chdir(folder)
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        os.chdir(before)
        sys.path[:] = path


def _explained(error: BaseException, root: Path) -> UserError:
    """The failure in one line, with the last place in the stacks' own code that led to it."""
    if isinstance(error, UserError):
        return error
    if isinstance(error, SystemExit):
        said = "The program ended itself with sys.exit(), so nobody knows what it would deploy: raise an error instead"
    elif isinstance(error, SyntaxError):
        said = f"SyntaxError: {error.msg}"
    elif isinstance(error, pulumi.RunError) or type(error).__module__.startswith("stacks."):
        said = str(error)  # a sentence for whoever wrote the settings
    else:
        said = f"{type(error).__name__}: {error}"
    return ProgramError(" ".join(f"{said}{_place(error, root)}".split()))


def _place(error: BaseException, root: Path) -> str:
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
    # The module of the settings tells what is wrong with them, and not where they are.
    own = [
        (Path(file).relative_to(root), line)
        for file, line in frames
        if Path(file).is_relative_to(root / "stacks") and Path(file) != root / "stacks" / "settings.py"
    ]
    return f" ({own[-1][0]}:{own[-1][1]})" if own else ""
