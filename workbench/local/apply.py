"""Applies a program's registrations to the local cloud, one by one, as the program makes them."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from workbench.errors import UserError
from workbench.local.cloud import Cloud
from workbench.local.handlers import HANDLERS, RECORDED_ONLY, REFUSED, Handler
from workbench.local.shapes import UnplacedError
from workbench.local.state import Applied, State
from workbench.manifest import Resource, fingerprint, plain, storable
from workbench.placeholders import Placeholders

Report = Callable[[str, Resource | Applied], None]
"""Told of each step: "create", "update", "replace", "delete" or "same", and of what. Called from several threads."""


class LocalProvider:
    """A provider for `workbench.evaluate` that makes, changes and reports real (local) resources."""

    def __init__(self, cloud: Cloud, state: State, report: Report) -> None:
        self._cloud = cloud
        self._state = state
        self._report = report
        self._placeholders = Placeholders(cloud.region, cloud.account)
        self._lock = threading.Lock()
        self._seen: set[str] = set()

    def register(self, resource: Resource) -> tuple[str, Mapping[str, Any]]:
        """Brings one resource to what the program wants, doing nothing where it is so already."""
        if resource.type in RECORDED_ONLY:
            id_, outputs = self._placeholders.register(resource)
            self._keep(resource, id_, {})
            return id_, outputs
        if resource.type in REFUSED:
            raise UserError(f"{resource.name} ({resource.type}): {REFUSED[resource.type]}.")
        handler = HANDLERS.get(resource.type)
        if handler is None:
            raise UserError(
                f"The local cloud has no handler for {resource.type} ({resource.name}). "
                "Add one in workbench/local/handlers, or list the type there as recorded only."
            )
        inputs: dict[str, Any] = plain(resource.inputs)
        wanted = fingerprint([inputs, handler.facts(self._cloud)])
        before = self._state.resources.get(resource.urn)
        with self._lock:
            self._seen.add(resource.urn)
        if before and before.fingerprint == wanted:
            self._report("same", resource)
            return before.id, resource.with_inputs(before.outputs)
        try:
            id_, outputs = self._made(handler, resource, inputs, before)
        except UnplacedError as error:
            raise UserError(
                f"The local cloud does not know the input {error} of {resource.type} ({resource.name}). "
                "Say in its handler what becomes of it."
            ) from error
        except (ClientError, BotoCoreError) as error:
            raise UserError(f"{resource.type} {resource.name}: {error}") from error
        self._keep(resource, id_, outputs, wanted, inputs)
        return id_, resource.with_inputs(outputs)

    def delete_unseen(self) -> None:
        """Deletes what earlier programs registered and this one did not, the newest first."""
        for applied in reversed(list(self._state.resources.values())):
            if applied.urn not in self._seen:
                self._report("delete", applied)
                if (handler := HANDLERS.get(applied.type)) is not None:
                    self._delete(handler, applied)
                del self._state.resources[applied.urn]

    def recorded_only(self) -> dict[str, int]:
        """The registered types that are only written down, with how many of each."""
        types = [self._state.resources[urn].type for urn in self._seen if urn in self._state.resources]
        return {type_: types.count(type_) for type_ in sorted(RECORDED_ONLY.keys() & set(types))}

    def _made(
        self, handler: Handler, resource: Resource, inputs: dict[str, Any], before: Applied | None
    ) -> tuple[str, Mapping[str, Any]]:
        if before is None:
            self._report("create", resource)
            return handler.create(self._cloud, resource.name, inputs)
        updated = handler.update(self._cloud, before, inputs)
        if updated is not None:
            self._report("update", resource)
            return updated
        self._report("replace", resource)
        self._delete(handler, before)
        return handler.create(self._cloud, resource.name, inputs)

    def _delete(self, handler: Handler, applied: Applied) -> None:
        try:
            handler.delete(self._cloud, applied)
        except ClientError as error:
            # What is already gone is deleted; so is what only the emulator keeps alive, such as a group still in use.
            code = error.response.get("Error", {}).get("Code", "")
            if not any(word in code for word in ("NotFound", "NoSuch", "NonExistent", "DependencyViolation", "InUse")):
                raise UserError(f"{applied.type} {applied.name}: {error}") from error

    def _keep(
        self,
        resource: Resource,
        id_: str,
        outputs: Mapping[str, Any],
        wanted: str = "",
        inputs: Mapping[str, Any] | None = None,
    ) -> None:
        kept = Applied(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            fingerprint=wanted,
            id=id_,
            inputs=storable(inputs or {}),
            outputs=dict(outputs),
        )
        with self._lock:
            self._seen.add(resource.urn)
            self._state.resources[resource.urn] = kept
