"""Lambda. The emulator runs the functions, each instance a process of its own, from the archives of the stack."""

import io
import json
import os
import py_compile
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from components import dual_stack
from workbench.errors import UserError
from workbench.local.cloud import Cloud
from workbench.local.handlers import rds
from workbench.local.handlers.base import Api, Call, Custom, Handler, Made, auto_name
from workbench.local.shapes import parameters
from workbench.local.state import Applied
from workbench.manifest import Archive, storable

ENVIRONMENT_HERE: Mapping[str, tuple[str, Callable[[str], str]]] = {
    "PGSSLMODE": ("the local PostgreSQL is built without TLS", lambda _value: "disable"),
    "RATE_LIMIT_STORAGE_URI": (
        "the local Valkey has no TLS",
        lambda value: value.replace("valkeys://", "valkey://", 1),
    ),
    "DATABASE_LOGIN": (
        "only RDS checks tokens of IAM: here libpq finds a password, in the PGPASSFILE that comes with it",
        lambda value: "ambient" if value == "iam" else value,
    ),
    "POWERTOOLS_TRACE_DISABLED": ("the emulator has no X-Ray to send traces to", lambda _value: "true"),
    **{
        service.variable: (
            "all services are at the emulator's address; an empty one lets that count",
            lambda _value: "",
        )
        for service in dual_stack.SERVICES.values()
    },
}
"""Environment variables that differ here, each with the reason and how. Nothing else of a function does."""

_IGNORED = (
    "code",
    "publish",
    "replaceSecurityGroupsOnDestroy",
    "skipDestroy",
    "sourceCodeHash",
    "reservedConcurrentExecutions",
)


_FIXED = ("architectures", "packageType", "tags", "tenancyConfig")
"""Inputs that UpdateFunctionConfiguration does not take."""

_CHOSEN_ONCE = ("name", "tenancyConfig")
"""Inputs of which another value is another function."""


class Function(Custom):
    """A function: its configuration, its code, and a published version where the program asks for versions."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Uploads the code and makes the function."""
        client = cloud.client("lambda")
        physical = str(inputs.get("name") or auto_name(name))
        made = client.create_function(
            **_configuration(cloud, "CreateFunction", {**inputs, "name": physical}),
            Code={"ZipFile": zipped(inputs["code"])},
            Publish=bool(inputs.get("publish")),
        )
        self._reserve(cloud, physical, inputs)
        return physical, _outputs(cloud, made)

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Sends what changed, code or configuration or both, then publishes; None where it takes another function."""
        if any(inputs.get(name) != before.inputs.get(name) for name in _CHOSEN_ONCE):
            return None
        client = cloud.client("lambda")
        made: Mapping[str, Any] = {}
        if {"archive": inputs["code"].digest()} != before.inputs["code"]:
            made = client.update_function_code(FunctionName=before.id, ZipFile=zipped(inputs["code"]))
            client.get_waiter("function_updated_v2").wait(FunctionName=before.id, WaiterConfig={"Delay": 0.1})
        if not made or {**storable(inputs), "code": None} != {**before.inputs, "code": None}:
            wanted = {name: value for name, value in inputs.items() if name not in _FIXED}
            made = client.update_function_configuration(
                **_configuration(cloud, "UpdateFunctionConfiguration", {**wanted, "name": before.id})
            )
            client.get_waiter("function_updated_v2").wait(FunctionName=before.id, WaiterConfig={"Delay": 0.1})
            self._reserve(cloud, before.id, inputs)
        if inputs.get("publish"):
            made = client.publish_version(FunctionName=before.id)
        return before.id, _outputs(cloud, made)

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes the function with all its versions."""
        cloud.client("lambda").delete_function(FunctionName=applied.id)

    def _reserve(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> None:
        reserved = inputs.get("reservedConcurrentExecutions")
        if reserved is not None and reserved >= 0:
            cloud.client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=reserved)


class LayerVersion(Custom):
    """A version of a layer; each change is a new one.

    The emulator copies a layer for every instance of every function. A large one is therefore published empty, and
    the functions of the stack import from one copy of it on this machine, compiled once. A small one is published with
    its modules compiled: an instance cannot keep for the next what it compiles itself. On AWS, where the archive goes
    as it was built, each cold start compiles what it imports.
    """

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Publishes the archive, or puts it where functions find it."""
        archive: Archive = inputs["code"]
        shared = archive.content is None and _size(archive.path) > _SHARED_FROM_BYTES
        made = cloud.client("lambda").publish_layer_version(
            LayerName=inputs.get("layerName") or name,
            Description=inputs.get("description") or "",
            Content={"ZipFile": EMPTY_ARCHIVE if shared else zipped(archive, compiled=True)},
        )
        arn = made["LayerVersionArn"]
        if shared:
            place = _shared_layer(cloud, arn)
            place.parent.mkdir(exist_ok=True)
            place.unlink(missing_ok=True)
            place.symlink_to(_compilable_copy(archive.path))
        return arn, {"arn": arn, "layerArn": made["LayerArn"], "version": str(made["Version"])}

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes that version."""
        cloud.client("lambda").delete_layer_version(
            LayerName=applied.outputs["layerArn"], VersionNumber=int(applied.outputs["version"])
        )


class Invocation(Custom):
    """A call that the program makes once, and again when its triggers change."""

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Invokes the function; a failure stops the deployment and says what the function said."""
        answer = cloud.client("lambda").invoke(
            FunctionName=inputs["functionName"],
            Payload=inputs.get("input") or "{}",
            LogType="Tail",
            **({"Qualifier": inputs["qualifier"]} if inputs.get("qualifier") else {}),
        )
        result = answer["Payload"].read().decode()
        if "FunctionError" in answer:
            raise UserError(f"The invocation {name} of {inputs['functionName']} failed: {failure(result)}")
        return f"{inputs['functionName']}-{name}", {"result": result}

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Invokes it again."""
        return self.create(cloud, before.name, inputs)


_SHARED_FROM_BYTES = 2_000_000
EMPTY_ARCHIVE = b"PK\x05\x06" + bytes(18)
"""A zip archive with nothing in it."""


def _shared_layer(cloud: Cloud, arn: str) -> Path:
    name, _, version = arn.partition(":layer:")[2].partition(":")
    return cloud.folder / "layers" / f"{name}-{version}"


def _compilable_copy(package: Path) -> Path:
    """A copy of a package, made once, in which Python may keep compiled files: the package itself stays as built."""
    copy = package.parent.parent / "layers" / package.name
    if not copy.exists():
        copy.parent.mkdir(exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=copy.parent, prefix=".new-"))
        shutil.copytree(package, new, dirs_exist_ok=True, copy_function=os.link)
        try:
            new.rename(copy)
        except OSError:  # another stack was faster
            shutil.rmtree(new)
    return copy


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*"))


def zipped(archive: Archive, *, compiled: bool = False) -> bytes:
    """A folder as a zip, stored rather than compressed: it travels no further than this machine.

    `compiled` adds to each module what Python makes of it. Raises UserError for code that is in no folder.
    """
    if archive.content is not None:
        raise UserError("Code that a program puts together runs on AWS only: write it to a folder, for a FileArchive.")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as file:
        for path in sorted(archive.path.rglob("*")):
            if path.is_file():
                place = path.relative_to(archive.path)
                file.writestr(zipfile.ZipInfo(str(place)), path.read_bytes())
                if compiled and path.suffix == ".py" and (code := _compiled(path)) is not None:
                    cache = place.parent / "__pycache__" / f"{place.stem}.{sys.implementation.cache_tag}.pyc"
                    file.writestr(zipfile.ZipInfo(str(cache)), code)
    return buffer.getvalue()


def _compiled(module: Path) -> bytes | None:
    """The content of a module's compiled file; None where it does not compile, of which the function will tell."""
    unchecked = py_compile.PycInvalidationMode.UNCHECKED_HASH
    with tempfile.TemporaryDirectory() as folder:
        made = py_compile.compile(
            str(module), f"{folder}/module.pyc", module.name, quiet=2, invalidation_mode=unchecked
        )
        return None if made is None else Path(made).read_bytes()


def _configuration(cloud: Cloud, operation: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    shape = cloud.client("lambda").meta.service_model.operation_model(operation).input_shape
    own = {name: value for name, value in inputs.items() if name not in _IGNORED}
    environment = cast("dict[str, dict[str, str]]", own.get("environment") or {})
    variables = {name: _here(name, value) for name, value in environment.get("variables", {}).items()}
    places = [_shared_layer(cloud, arn) / "python" for arn in cast("list[str]", own.get("layers") or [])]
    if shared := [str(place) for place in places if place.exists()]:
        variables["PYTHONPATH"] = os.pathsep.join(shared)
    if variables.get("DATABASE_LOGIN") == "ambient":
        variables["PGPASSFILE"] = str(rds.password_file(cloud, variables["DATABASE_USER"]))
    if variables:
        own["environment"] = {"variables": variables}
    if operation != "CreateFunction":
        own.pop("publish", None)
    return parameters(shape, own, {"name": "FunctionName"})


def _here(name: str, value: str) -> str:
    adapted = ENVIRONMENT_HERE.get(name)
    return adapted[1](value) if adapted else value


def _outputs(cloud: Cloud, made: Mapping[str, Any]) -> dict[str, Any]:
    arn = ":".join(made["FunctionArn"].split(":")[:7])
    version = made["Version"]
    return {
        "name": made["FunctionName"],
        "arn": arn,
        "invokeArn": _invoke_arn(cloud, arn),
        "version": version,
        "qualifiedArn": f"{arn}:{version}",
        "qualifiedInvokeArn": _invoke_arn(cloud, f"{arn}:{version}"),
        "codeSha256": made["CodeSha256"],
    }


def _invoke_arn(cloud: Cloud, arn: str) -> str:
    return f"arn:aws:apigateway:{cloud.region}:lambda:path/2015-03-31/functions/{arn}/invocations"


def failure(result: str) -> str:
    """The error message of a function, and the last line of its own that led there."""
    try:
        document = json.loads(result)
    except ValueError:
        return result[:500]
    trace = "".join(document.get("stackTrace") or [])[-600:].strip()
    return f"{document.get('errorType', 'Error')}: {document.get('errorMessage', '')}" + (f"\n{trace}" if trace else "")


HANDLERS: Mapping[str, Handler] = {
    "aws:lambda/function:Function": Function(),
    "aws:lambda/layerVersion:LayerVersion": LayerVersion(),
    "aws:lambda/invocation:Invocation": Invocation(),
    "aws:lambda/alias:Alias": Api(
        service="lambda",
        create_call="CreateAlias",
        names="name",
        # The emulator sends a second version nothing, and a kept one was published elsewhere.
        ignored=("routingConfig",),
        id="in.name",
        outputs={
            "arn": "out.AliasArn",
            "invokeArn": (
                "join('', ['arn:aws:apigateway:', region, "
                "':lambda:path/2015-03-31/functions/', out.AliasArn, '/invocations'])"
            ),
        },
        fixed=("functionName", "name"),
        update_call=Call("UpdateAlias"),
        delete_call=Call("DeleteAlias", {"FunctionName": "in.functionName", "Name": "id"}),
    ),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": Api(
        service="lambda",
        create_call="PutFunctionEventInvokeConfig",
        id="join(':', [in.functionName, in.qualifier || '$LATEST'])",
        fixed=("functionName", "qualifier"),
        update_call=Call("PutFunctionEventInvokeConfig"),
        delete_call=Call(
            "DeleteFunctionEventInvokeConfig", {"FunctionName": "in.functionName", "Qualifier": "in.qualifier"}
        ),
    ),
    "aws:lambda/functionRecursionConfig:FunctionRecursionConfig": Api(
        service="lambda",
        create_call="PutFunctionRecursionConfig",
        id="in.functionName",
        fixed=("functionName",),
        update_call=Call("PutFunctionRecursionConfig"),
    ),
    "aws:lambda/permission:Permission": Api(
        service="lambda",
        create_call="AddPermission",
        names="statementId",
        rename={"function": "FunctionName"},
        id="in.statementId",
        delete_call=Call("RemovePermission", {"FunctionName": "in.function", "StatementId": "id"}),
    ),
    "aws:lambda/eventSourceMapping:EventSourceMapping": Api(
        service="lambda",
        create_call="CreateEventSourceMapping",
        ignored=("tags",),
        id="out.UUID",
        outputs={"arn": "out.EventSourceMappingArn", "uuid": "out.UUID", "functionArn": "out.FunctionArn"},
        update_call=Call("UpdateEventSourceMapping", {"UUID": "id"}),
        delete_call=Call("DeleteEventSourceMapping", {"UUID": "id"}),
    ),
}
