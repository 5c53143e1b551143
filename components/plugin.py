"""The components as a Pulumi package, for programs in YAML, TypeScript, Go, C#, Java, or in Python elsewhere.

Such a program has no component objects: its inputs come over the wire, and what a component hands out goes back over
it. Here that is made into what the components take, so that none of them needs to know.
"""

import argparse
import asyncio
import copy
import inspect
import json
import pkgutil
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import grpc.aio
import pulumi
from google.protobuf import struct_pb2
from pulumi.errors import InputPropertyError
from pulumi.provider.experimental.analyzer import ComponentDefinition, PropertyDefinition, PropertyType, TypeDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.experimental.schema import generate_schema
from pulumi.provider.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from components.component import Component, ComponentArgs
from components.wire import Around, has_outputs, opened, value_of, wrapped

NAME = "plinth"
"""The package's name: `plinth:WorkQueue` is `plinth:index:WorkQueue`."""

_HERE = Path(__file__).resolve().parent

SCHEMA = _HERE / "schema.json"
"""The schema that others generate their SDKs from. Committed, so that a change of it is seen."""

LATER = "GRANTS_KNOWN_AFTER_DEPLOYMENT"
"""The environment variable that stands, in a preview, for those of grants that are not known before the deployment."""

_MESSAGE_BYTES = 400 * 1024 * 1024
"""The largest message, as in Pulumi's own servers."""


def components() -> Sequence[type[Component]]:
    """Every component of this package, by name."""
    modules = [import_module(f"components.{module.name}") for module in pkgutil.iter_modules([str(_HERE)])]
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Component) and value is not Component
    }
    return sorted(found, key=lambda component: component.__name__)


def committed() -> str:
    """What `SCHEMA` holds while it is up to date."""
    return json.dumps(json.loads(Package().schema or ""), indent=2) + "\n"


def serve(arguments: Sequence[str]) -> None:
    """Serves the package to a Pulumi engine, whose address is the first argument, until that ends this process."""
    parser = argparse.ArgumentParser(prog="components", description="The Plinth components as a Pulumi package.")
    parser.add_argument("engine", help="the engine's address; or `schema`, to write schema.json anew")
    known, _ = parser.parse_known_args(arguments)

    async def until_ended() -> None:
        server = grpc.aio.server(options=[("grpc.max_receive_message_length", _MESSAGE_BYTES)])
        servicer = _Servicer(Package(), list(arguments), known.engine)
        cast("Any", provider_pb2_grpc).add_ResourceProviderServicer_to_server(servicer, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        # The engine reads the port from the first line.
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await server.wait_for_termination()

    asyncio.run(until_ended())


class Package(ComponentProvider):
    """The provider of all components, with the schema inferred from their types."""

    def __init__(self) -> None:
        version = tomllib.loads((_HERE.parent / "pyproject.toml").read_text())["project"]["version"]
        super().__init__([*components()], NAME, None, version)
        for definition in [*self._type_defs.values()]:
            # The analyzer keeps what it saw last of a type, and so whether that was an argument or an output.
            definition.properties, _ = self.analyzer.analyze_type(definition.python_type, is_component_output=False)
        for definition in self._component_defs.values():
            # Only a class's own source is parsed for descriptions; what it inherits has none.
            definition.inputs["adjust"].description = self.analyzer.get_docstring(ComponentArgs, "adjust")
        _tidy([*self._component_defs.values(), *self._type_defs.values()])
        shown = {name: _taking_outputs(definition) for name, definition in self._component_defs.items()}
        schema = generate_schema(NAME, version, None, shown, self._type_defs, self._dependencies)
        self.schema = json.dumps(schema.to_json())

    def spread(self, request: provider_pb2.ConstructRequest) -> provider_pb2.ConstructRequest:
        """The request with what is secret, unknown or dependent pushed down to where a component takes it so.

        A program gives a whole grant as an output, since that is what it got. A component must know the grant's shape,
        which says what children there are, and takes outputs only for the values in it.
        """
        component = self._component_defs.get(request.type.rpartition(":")[2])
        if component is None:
            return request
        result = provider_pb2.ConstructRequest()
        result.CopyFrom(request)
        for name, value in request.inputs.fields.items():
            if name not in component.inputs:
                raise InputPropertyError(name, f"{component.name} has no argument {name!r}.")
            urns = request.inputDependencies[name].urns if name in request.inputDependencies else ()
            around = Around() if has_outputs(value) else Around(dependencies=frozenset(urns))
            result.inputs.fields[name].CopyFrom(self._spread(value, component.inputs[name], around, name))
        return result

    def map_inputs(self, inputs: Mapping[str, Any], component_def: ComponentDefinition) -> dict[str, Any]:
        """The arguments under their names in Python, whole numbers as such; the wire knows only one kind of number."""
        return self._taken_keys(inputs, component_def, component_def.inputs, component_def.inputs_mapping, "")

    def get_state(self, instance: pulumi.ComponentResource, component_def: ComponentDefinition) -> dict[str, Any]:
        """The outputs under their names in the schema, at every depth."""
        state = super().get_state(instance, component_def)
        return {name: self._handed_out(value, component_def.outputs[name]) for name, value in state.items()}

    def _spread(self, value: struct_pb2.Value, prop: PropertyDefinition, around: Around, path: str) -> struct_pb2.Value:
        inside, around = opened(value, around)
        if not prop.plain or prop.ref == _ANY:
            return wrapped(inside, around)
        if inside is None:
            return self._unknown(prop, around, path)
        if inside.HasField("list_value") and prop.items:
            items = inside.list_value.values
            return value_of([self._spread(each, prop.items, around, f"{path}[{at}]") for at, each in enumerate(items)])
        if inside.HasField("struct_value"):
            fields = inside.struct_value.fields.items()
            return value_of(
                {
                    name: self._spread(each, self._at(prop, name, path), around, f"{path}.{name}")
                    for name, each in fields
                }
            )
        # A grant may be secret as a whole, for the sake of one value in it; what is plain in it are names and ports.
        if around.secret and not path.startswith("grants"):
            raise InputPropertyError(path, "this goes into names and settings and cannot be secret: give it plainly.")
        return inside

    def _unknown(self, prop: PropertyDefinition, around: Around, path: str) -> struct_pb2.Value:
        """In place of a grant of which nothing is known, one that leaves environment and policy unknown.

        It opens no connection: the names of the rules are not known, either.
        """
        unknown = wrapped(None, around)
        grant = value_of({"environment": {LATER: unknown}, "statements": [{"actions": [], "resources": [unknown]}]})
        if prop.ref == _GRANT:
            return grant
        if prop.items and prop.items.ref == _GRANT:
            return value_of([grant])
        raise InputPropertyError(path, "this must be known before the deployment: give it as a plain value.")

    def _at(self, prop: PropertyDefinition, name: str, path: str) -> PropertyDefinition:
        definition = self._type_of(prop)
        inner = definition.properties.get(name) if definition else prop.additional_properties
        if inner is None:
            raise InputPropertyError(f"{path}.{name}", f"{path} has no {name!r}.")
        return inner

    def _taken_keys(
        self,
        given: Mapping[str, Any],
        definition: ComponentDefinition | TypeDefinition,
        properties: Mapping[str, PropertyDefinition],
        python_names: Mapping[str, str],
        path: str,
    ) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        for name, prop in properties.items():
            value = given.get(name)
            if value is not None:
                taken[python_names[name]] = self._taken(value, prop, f"{path}{name}")
            elif not prop.optional:
                raise InputPropertyError(f"{path}{name}", f"{definition.name} needs it.")
        return taken

    def _taken(self, value: Any, prop: PropertyDefinition, path: str) -> Any:
        """One input as the component's Python code expects it."""
        match value:
            case pulumi.Output():
                output = cast("pulumi.Output[Any]", value)
                return output.apply(lambda known: self._taken(known, prop, path))
            case list() if each := prop.items:
                items = cast("list[Any]", value)
                return [self._taken(item, each, f"{path}[{at}]") for at, item in enumerate(items)]
            case dict() if definition := self._type_of(prop):
                keys = cast("dict[str, Any]", value)
                return self._taken_keys(
                    keys, definition, definition.properties, definition.properties_mapping, f"{path}."
                )
            case dict() if each := prop.additional_properties:
                entries = cast("dict[str, Any]", value).items()
                return {key: self._taken(entry, each, f"{path}.{key}") for key, entry in entries}
            case float() if prop.type is PropertyType.INTEGER and value.is_integer():
                return int(value)
            case _:
                return value

    def _handed_out(self, value: Any, prop: PropertyDefinition) -> Any:
        """One output as a program in another language expects it."""
        match value:
            case pulumi.Output():
                output = cast("pulumi.Output[Any]", value)
                return output.apply(lambda known: self._handed_out(known, prop))
            case list() if each := prop.items:
                return [self._handed_out(item, each) for item in cast("list[Any]", value)]
            case dict() if definition := self._type_of(prop):
                names = {python: name for name, python in definition.properties_mapping.items()}
                keys = cast("dict[str, Any]", value).items()
                return {
                    names[key]: self._handed_out(inner, definition.properties[names[key]])
                    for key, inner in keys
                    if key in names
                }
            case dict() if each := prop.additional_properties:
                entries = cast("dict[str, Any]", value).items()
                return {key: self._handed_out(entry, each) for key, entry in entries}
            case _:
                return value

    def _type_of(self, prop: PropertyDefinition) -> TypeDefinition | None:
        """The type of this package that a property has; none where it is a plain value, a collection or an archive."""
        return self._type_defs.get(prop.ref.rpartition(":")[2]) if prop.ref else None


class _Servicer(ProviderServicer):
    def __init__(self, package: Package, arguments: list[str], engine_address: str) -> None:
        super().__init__(package, arguments, engine_address)
        self._package = package

    async def _construct(self, request: provider_pb2.ConstructRequest, context: Any) -> provider_pb2.ConstructResponse:
        construct = cast("Any", super())._construct
        return await construct(self._package.spread(request), context)


_ANY = "pulumi.json#/Any"
_GRANT = f"#/types/{NAME}:index:Grant"


def _tidy(definitions: Iterable[ComponentDefinition | TypeDefinition]) -> None:
    """Descriptions as text: their indented lines would be shown as code, and items of lists repeat their list's."""
    for definition in definitions:
        definition.description = inspect.cleandoc(definition.description or "")
        described = (
            [*definition.inputs.values(), *definition.outputs.values()]
            if isinstance(definition, ComponentDefinition)
            else definition.properties.values()
        )
        for prop in described:
            prop.description = inspect.cleandoc(prop.description or "")
            for inner in _inside(prop):
                inner.description = None


def _taking_outputs(component: ComponentDefinition) -> ComponentDefinition:
    """The component as the schema shows it: it takes as an output what it can only have got as one, a grant."""
    shown = copy.deepcopy(component)
    for prop in shown.inputs.values():
        levels = [prop, *_inside(prop)]
        if _GRANT in [level.ref for level in levels]:
            for level in levels:
                level.plain = None
    return shown


def _inside(prop: PropertyDefinition) -> Iterator[PropertyDefinition]:
    for inner in (prop.items, prop.additional_properties):
        if inner is not None:
            yield inner
            yield from _inside(inner)
