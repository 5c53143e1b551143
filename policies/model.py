"""What the rules judge: a stack as plain data, whoever has read it, and what a rule says about it."""

import fnmatch
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from functools import cached_property
from typing import Any, Final, cast

PROVIDER = "pulumi:providers:aws"
"""The type of a provider of AWS: where its resources go and which tags they get are among its inputs."""


class Unknown(Enum):
    """See `UNKNOWN`."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
"""A value that only a deployment can tell. No rule holds it against a resource. It is true, as a given value is."""


@dataclass(frozen=True)
class Settings:
    """What a team decides for all its stacks. Rules say which of these they read; a pack's configuration may differ."""

    allowed_regions: Sequence[str] = ("eu-central-1", "eu-west-1")
    """The AWS regions that stacks may be in."""

    production_stacks: Sequence[str] = ("prod", "prod-*", "production")
    """The stacks whose data must outlive mistakes, by name; `*` stands for anything."""


@dataclass(frozen=True)
class Resource:
    """One resource of a stack."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    """What it is made with, by the provider's camelCase names. What cannot be known is `UNKNOWN`, at any depth."""

    protect: bool = False
    retain: bool | None = None
    """Whether it is left in the cloud when it is taken out of the program. None where nobody can tell: Pulumi does
    not say it to policy packs."""

    dependencies: frozenset[str] = frozenset()
    """URNs of what it waits for. What its inputs were made of may be among them, or not."""

    references: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """URNs of what each input was made of."""

    def value(self, path: str) -> Any:
        """The input at a dotted path. None where it is absent or empty, UNKNOWN where it or what is around it is."""
        found: Any = self.inputs
        for key in path.split("."):
            if found is UNKNOWN:
                return UNKNOWN
            found = cast("Mapping[str, Any]", found).get(key) if isinstance(found, Mapping) else None
        return None if found in ("", [], {}) else found

    def entries(self, path: str) -> list[Any]:
        """The members of a list of inputs; none where it is absent or unknown."""
        found = self.value(path)
        return [*cast("Iterable[Any]", found)] if isinstance(found, (list, tuple)) else []

    def refers(self, key: str, to: "Resource") -> bool:
        """Whether an input names another resource: was made of its outputs, or says its name outright."""
        if to.urn in self.references.get(key, ()):
            return True
        named = self.value(key)
        return isinstance(named, str) and named in [to.inputs.get(each) for each in _NAMES]

    def depends_on(self, urn: str) -> bool:
        """Whether it waits for another resource, or any of its inputs was made of that."""
        return urn in self.dependencies or any(urn in urns for urns in self.references.values())

    def within(self, component: str) -> bool:
        """Whether a component of this type is among its parents, as its URN tells."""
        return component in self.urn.split("::")[2].split("$")[:-1]


_NAMES = ("name", "arn", "id", "url", "bucket")


@dataclass(frozen=True)
class Stack:
    """All resources of a stack, and what rules need to know beside them."""

    name: str
    project: str
    resources: Sequence[Resource]
    settings: Settings = Settings()
    today: date = field(default_factory=date.today)
    """What runtimes' ends of support are compared with."""

    @property
    def is_production(self) -> bool:
        """Whether its data must outlive mistakes."""
        return any(fnmatch.fnmatchcase(self.name, pattern) for pattern in self.settings.production_stacks)

    @cached_property
    def accounts(self) -> frozenset[str]:
        """The AWS accounts that it may be deployed to, as its providers are told. None where nobody says."""
        given = (str(provider.value("allowedAccountIds")) for provider in self.of_type(PROVIDER))
        return frozenset(account for each in given for account in re.findall(r"\b\d{12}\b", each))

    def of_type(self, *types: str) -> Iterator[Resource]:
        """The resources of these types."""
        return (resource for resource in self.resources if resource.type in types)

    def referred(self, by: Resource, key: str) -> list[Resource]:
        """The resources that an input was made of."""
        return [self._by_urn[urn] for urn in sorted(by.references.get(key, ())) if urn in self._by_urn]

    @cached_property
    def _by_urn(self) -> Mapping[str, Resource]:
        return {resource.urn: resource for resource in self.resources}


@dataclass(frozen=True)
class Violation:
    """What is wrong with one resource: the rest of a sentence that begins with it."""

    resource: Resource
    message: str


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One thing that holds of every stack."""

    name: str
    description: str
    """What holds, as a sentence."""

    remedy: str
    """What to type where it does not."""

    check: Callable[[Stack], Iterator[Violation]]
    """What of a stack is not so."""

    is_advisory: bool = False
    """Whether a violation is only told, and stops nothing."""

    settings: Sequence[str] = ()
    """The names of the settings that it reads."""

    @property
    def severity(self) -> str:
        """`mandatory` or `advisory`."""
        return "advisory" if self.is_advisory else "mandatory"
