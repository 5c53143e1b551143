"""What a handler is, and the one that most types need: API calls described as data."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import jmespath
from botocore import xform_name
from botocore.model import OperationModel

from workbench.local.cloud import Cloud
from workbench.local.shapes import parameters
from workbench.local.state import Applied

Made = tuple[str, Mapping[str, Any]]
"""A resource's id and its outputs, named as on the wire."""


class Handler(Protocol):
    """Makes, changes and deletes the resources of one type in the local cloud."""

    def facts(self, cloud: Cloud) -> Any:
        """What of the local cloud itself goes into the resource: it changes when this does."""
        ...

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Makes the resource."""
        ...

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Changes the resource; None where it can only be replaced."""
        ...

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Deletes the resource."""
        ...


class Custom:
    """A handler written out; the base gives the answers of a type that is never updated and need not be deleted."""

    def facts(self, cloud: Cloud) -> Any:  # noqa: ARG002
        """Nothing of the local cloud."""
        return None

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:  # noqa: ARG002
        """Only by replacement."""
        return None

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Nothing to delete."""


@dataclass(frozen=True)
class Call:
    """One API call. `parameters` are JMESPath over `{in, out, id, name, region, account, gateway}`."""

    operation: str
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Api:
    """A type that one API operation makes: its inputs are the parameters, converted by shape."""

    service: str
    create_call: str
    """The operation, as the API names it: `CreateQueue`."""
    id: str
    """JMESPath to the id, over the same facts as in `Call`."""
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])
    """Output name to JMESPath, for what is not an input."""
    names: str | None = None
    """The input that names the resource; one that is absent is made up from the logical name, as Pulumi does."""
    rename: Mapping[str, str] = field(default_factory=dict[str, str])
    """Input name to API parameter, where they differ by more than case."""
    ignored: Sequence[str] = ()
    """Inputs that mean nothing to the emulator."""
    prepare: Callable[[dict[str, Any]], dict[str, Any]] = lambda inputs: inputs
    """Last changes to the inputs, for what no table says."""
    then: Sequence[Call] = ()
    """Further calls that complete it; skipped where a parameter of theirs is not given."""
    fixed: Sequence[str] = ()
    """Inputs that say which resource it is: another value is another resource, even where the update takes it."""
    update_call: Call | None = None
    """The operation that changes it and what tells it which one; absent where a change replaces it."""
    delete_call: Call | None = None
    depends_on: Callable[[Cloud], Any] = lambda _cloud: None

    def facts(self, cloud: Cloud) -> Any:
        """What of the local cloud goes into it."""
        return self.depends_on(cloud)

    def create(self, cloud: Cloud, name: str, inputs: Mapping[str, Any]) -> Made:
        """Calls the operation, and those that complete it."""
        inputs = self._named(name, inputs)
        made = self._call(cloud, self.create_call, self._own(inputs))
        return self._completed(cloud, name, inputs, made)

    def update(self, cloud: Cloud, before: Applied, inputs: Mapping[str, Any]) -> Made | None:
        """Calls the update with everything it takes; a change of what it does not take needs a replacement."""
        if self.update_call is None:
            return None
        inputs = self._named(before.name, inputs)
        own = self._own(inputs)
        takes = {name.lower() for name in self._model(cloud, self.update_call.operation).members}  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        untaken = {name for name in own if self.rename.get(name, name).lower() not in takes}
        was = self._own(self._named(before.name, before.inputs))
        if any(own.get(name) != was.get(name) for name in {*untaken, *self.fixed, *(was.keys() - own.keys())}):
            return None
        which = self._found(cloud, before.name, inputs, before.outputs, before.id, self.update_call.parameters)
        made = self._call(cloud, self.update_call.operation, {k: v for k, v in own.items() if k not in untaken}, which)
        return self._completed(cloud, before.name, inputs, made, before.outputs)

    def delete(self, cloud: Cloud, applied: Applied) -> None:
        """Calls the delete operation."""
        if self.delete_call is None:
            return
        inputs = self._named(applied.name, applied.inputs)
        which = self._found(cloud, applied.name, inputs, applied.outputs, applied.id, self.delete_call.parameters)
        getattr(cloud.client(self.service), xform_name(self.delete_call.operation))(**which)

    def _completed(
        self,
        cloud: Cloud,
        name: str,
        inputs: Mapping[str, Any],
        made: Mapping[str, Any],
        before: Mapping[str, Any] | None = None,
    ) -> Made:
        facts = _facts(cloud, name, inputs, made)
        id_ = str(jmespath.search(self.id, facts))
        for call in self.then:
            found = {
                parameter: jmespath.search(path, {**facts, "id": id_}) for parameter, path in call.parameters.items()
            }
            if None not in found.values():
                getattr(cloud.client(self.service), xform_name(call.operation))(**found)
        outputs = {output: jmespath.search(path, {**facts, "id": id_}) for output, path in self.outputs.items()}
        known = {output: value for output, value in outputs.items() if value is not None}
        physical = {self.names: inputs[self.names]} if self.names else {}
        return id_, {**(before or {}), **physical, **known}

    def _named(self, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return {**inputs, self.names: inputs.get(self.names) or auto_name(name)} if self.names else {**inputs}

    def _own(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return self.prepare({name: value for name, value in inputs.items() if name not in self.ignored})

    def _model(self, cloud: Cloud, operation: str) -> Any:
        model: OperationModel = cloud.client(self.service).meta.service_model.operation_model(operation)
        return model.input_shape

    def _call(
        self, cloud: Cloud, operation: str, inputs: Mapping[str, Any], which: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        placed = parameters(self._model(cloud, operation), inputs, self.rename)
        return getattr(cloud.client(self.service), xform_name(operation))(**{**placed, **(which or {})})

    def _found(
        self,
        cloud: Cloud,
        name: str,
        inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
        id_: str,
        paths: Mapping[str, str],
    ) -> dict[str, Any]:
        facts = {**_facts(cloud, name, inputs, outputs), "id": id_}
        return {parameter: jmespath.search(path, facts) for parameter, path in paths.items()}


def auto_name(name: str) -> str:
    """A physical name for a resource that was given none: stable, so that a second look finds it."""
    return f"{name}-{hashlib.sha256(name.encode()).hexdigest()[:7]}"


def _facts(cloud: Cloud, name: str, inputs: Mapping[str, Any], out: Mapping[str, Any]) -> dict[str, Any]:
    return cast(
        "dict[str, Any]",
        {
            "name": name,
            "in": inputs,
            "out": out,
            "region": cloud.region,
            "account": cloud.account,
            "gateway": cloud.gateway_url,
        },
    )
