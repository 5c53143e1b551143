"""What a stack's program registers, as plain data: the resources with their inputs, and the stack's outputs."""

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast


@dataclass(frozen=True)
class Secret:
    """A value the program marked secret. Shown as `[secret]` wherever it leaves the process."""

    value: Any


@dataclass(frozen=True)
class Archive:
    """A folder, a file or an archive that a resource carries, such as a function's code."""

    path: Path

    content: Mapping[str, Any] | None = None
    """What the program says instead of a path: the `text`, the `uri`, or by their names the `assets` inside."""

    def digest(self) -> str:
        """What identifies the contents: the digest at the end of a package's name, else one made of the files.

        The packages of `components.packaging` carry it in their names, so that it is known before they are built.
        """
        if self.content is not None:
            return f"sha256:{fingerprint(self.content)}"
        if named := re.search(r"-([0-9a-f]{16,64})$", self.path.name):
            return f"sha256:{named[1]}"
        digest = hashlib.sha256()
        for path in sorted(self.path.rglob("*")) if self.path.is_dir() else [self.path]:
            if path.is_file():
                content = hashlib.sha256(path.read_bytes()).hexdigest()
                digest.update(f"{path.relative_to(self.path)}\0{content}\n".encode())
        return f"sha256:{digest.hexdigest()}"


@dataclass(frozen=True)
class Resource:
    """One registration, as the engine would receive it. `inputs` keeps `Secret` and `Archive` values."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: Mapping[str, Any]
    dependencies: Sequence[str] = ()
    property_dependencies: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """The URNs of what each input was made of; all of them are among `dependencies`."""
    protect: bool = False
    retain_on_delete: bool = False
    aliases: Sequence[str] = ()
    """What the resource was called before, by URN, or by what of it has changed, as JSON."""
    delete_before_replace: bool = False
    ignore_changes: Sequence[str] = ()
    replace_on_changes: Sequence[str] = ()
    custom: bool = True
    """Whether a provider makes it; a component of this program is only a name for its children."""
    remote: bool = False
    """Whether it is a component of another package: made by a provider, and its inputs are not among its outputs."""

    def with_inputs(self, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """`outputs` together with the inputs, as a provider reports them."""
        return outputs if self.remote else {**self.inputs, **outputs}

    def shown(self) -> dict[str, Any]:
        """The resource as `plinth manifest --json` prints it: secrets masked, archives as digests."""
        return {
            "urn": self.urn,
            "type": self.type,
            "name": self.name,
            "parent": self.parent,
            "inputs": shown(self.inputs),
            "dependencies": list(self.dependencies),
            "protect": self.protect,
            "retain_on_delete": self.retain_on_delete,
        }


@dataclass(frozen=True)
class Manifest:
    """A whole stack, its resources sorted by URN."""

    project: str
    stack: str
    resources: Sequence[Resource]
    outputs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def shown(self) -> dict[str, Any]:
        """The document that `plinth manifest --json` prints."""
        return {
            "project": self.project,
            "stack": self.stack,
            "resources": [resource.shown() for resource in self.resources],
            "outputs": shown(self.outputs),
        }

    def tree(self) -> Iterator[tuple[int, Resource]]:
        """Each resource after its parent, with how many parents it has."""
        known = {resource.urn for resource in self.resources}
        children: dict[str, list[Resource]] = {}
        for resource in self.resources:
            children.setdefault(resource.parent if resource.parent in known else "", []).append(resource)

        def below(parent: str, depth: int) -> Iterator[tuple[int, Resource]]:
            for resource in children.get(parent, ()):
                yield depth, resource
                yield from below(resource.urn, depth + 1)

        return below("", 0)

    def of_type(self, type_: str) -> Iterator[Resource]:
        """The resources of one type token, in URN order."""
        return (resource for resource in self.resources if resource.type == type_)


def shown(value: Any) -> Any:
    """`value` as it may leave the process: every secret as `[secret]`, every archive as its content digest."""
    return rewritten(value, lambda leaf: "[secret]" if isinstance(leaf, Secret) else _without_path(leaf))


def plain(value: Any) -> Any:
    """`value` with its secrets opened: never to be shown."""
    return rewritten(value, lambda leaf: plain(leaf.value) if isinstance(leaf, Secret) else leaf)


def storable(value: Any) -> Any:
    """`value` as JSON can hold it: every archive as its content digest."""
    return rewritten(value, _without_path)


def rewritten(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """A copy of `value`, mappings and lists walked, with `leaf` applied to everything else."""
    match value:
        case Mapping():
            return {key: rewritten(item, leaf) for key, item in cast("Mapping[str, Any]", value).items()}
        case list() | tuple():
            return [rewritten(item, leaf) for item in cast("Sequence[Any]", value)]
        case _:
            return leaf(value)


def fingerprint(value: Any) -> str:
    """A digest of resolved inputs, archives by content: equal exactly when nothing would be updated."""
    return hashlib.sha256(json.dumps(storable(value), sort_keys=True).encode()).hexdigest()


def _without_path(leaf: Any) -> Any:
    return {"archive": leaf.digest()} if isinstance(leaf, Archive) else leaf
