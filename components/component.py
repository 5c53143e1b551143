"""What all components of this package have alike: arguments that are checked, children that can be adjusted, grants.

Names are for ever. A child is called `<component>-<what it is>`, and Pulumi tells a resource by that name and those of
its parents: one that is renamed or moved is deleted and made anew, unless its `aliases` say what it was called before.
Such an alias stays in the code; tests/stacks/urns.txt holds the names that the stacks give.
"""

import difflib
import inspect
import re
from collections.abc import Mapping
from typing import Any, NotRequired, TypedDict, cast

import pulumi

from components.grants import Grant

Adjustments = Mapping[str, Mapping[str, Any]]
"""Names of children to the inputs that replace, one by one, those that the component gives them."""


class ComponentArgs(TypedDict):
    """The arguments that every component takes beside its own."""

    adjust: NotRequired[Mapping[str, Mapping[str, Any]]]
    """Inputs of children that are not as this component would have them, by the child's name as `plinth manifest`
    shows it: `{"database-instance-1": {"ca_cert_identifier": "rds-ca-rsa4096-g1"}}`. What is given replaces that
    input as a whole; the rest stays. Default nothing. Caution: nothing of what the component promises is checked of
    an adjusted child; the policies in `policies/` are."""


class Component(pulumi.ComponentResource):
    """A component of this package.

    A subclass takes a TypedDict as `args`, gives its children names that begin with its own, and ends its constructor
    with `register_outputs`.
    """

    def __init__(self, name: str, args: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None) -> None:
        self._label = f"{type(self).__name__} {name!r}"
        check_keys(self._label, inspect.get_annotations(type(self).__init__)["args"], args)
        self._adjust = _adjustments(self._label, args.get("adjust") or {})
        self._children: set[str] = set()
        if self._adjust:
            adjusted = pulumi.ResourceOptions(transformations=[self._adjusted])
            opts = pulumi.ResourceOptions.merge(opts, adjusted) if opts else adjusted
        super().__init__(f"plinth:index:{type(self).__name__}", name, {**args}, opts)

    def register_outputs(self, outputs: Mapping[str, Any]) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Ends the constructor: there are no further children to adjust."""
        absent = sorted(self._adjust.keys() - self._children)
        if absent:
            raise ValueError(
                f"{self._label}: adjust names {absent[0]!r}, which is none of its children"
                f"{_suggestion(absent[0], self._children)}"
            )
        super().register_outputs({**outputs})

    def _adjusted(self, child: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        # A component of ours has read its arguments by then. Its children are adjusted instead.
        if isinstance(child.resource, Component):
            return None
        self._children.add(child.name)
        changes = self._adjust.get(child.name)
        if changes is None:
            return None
        props = cast("dict[str, Any]", dict(child.props))
        for key, value in changes.items():
            known = _snake(key)
            if known not in props:
                raise ValueError(
                    f"{self._label}: adjust gives {child.name!r} the input {key!r}, which {child.type_} does not have"
                    f"{_suggestion(known, props)}"
                )
            props[known] = value
        return pulumi.ResourceTransformationResult(props=props, opts=child.opts)


def _adjustments(label: str, given: Any) -> Adjustments:
    pairs = cast("Mapping[Any, Any]", given).items() if isinstance(given, Mapping) else [(None, None)]
    if not all(isinstance(child, str) and isinstance(inputs, Mapping) for child, inputs in pairs):
        raise ValueError(f"{label}: adjust is {given!r}: give the names of children, each with the inputs to replace.")
    return cast("Adjustments", given)


def handed_out(**grants: Grant) -> pulumi.Output[Mapping[str, Grant]]:
    """A component's grants as one output, by the names of the methods that return them.

    For programs in other languages, where a component has outputs but no methods.
    """
    return cast("pulumi.Output[Mapping[str, Grant]]", pulumi.Output.from_input({**grants}))


def check_keys(label: str, wanted: Any, args: Mapping[str, Any]) -> None:
    """Raises ValueError where `args` has a key that the TypedDict `wanted` does not, or lacks one that it requires.

    A misspelt argument would otherwise be none at all, and its default silently taken.
    """
    unknown = sorted(set(args) - set(wanted.__annotations__))
    if unknown:
        raise ValueError(
            f"{label} has no argument {unknown[0]!r}{_suggestion(unknown[0], set(wanted.__annotations__))}"
        )
    missing = sorted(wanted.__required_keys__ - set(args))
    if missing:
        raise ValueError(f"{label}: give it {' and '.join(missing)}.")


def _suggestion(given: str, known: "Mapping[str, Any] | set[str]") -> str:
    near = difflib.get_close_matches(given, sorted(known), n=1)
    return f": did you mean {near[0]!r}?" if near else f": it has {', '.join(sorted(known))}."


def _snake(name: str) -> str:
    # Programs in YAML and TypeScript name inputs in camelCase.
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()
