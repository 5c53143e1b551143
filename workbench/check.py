"""The policies in `policies/` over a stack's manifest: what `pulumi preview --policy-pack policies` would find."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from typing import Any

from policies import model
from policies.catalogue import RULES, Finding, findings
from policies.model import UNKNOWN
from workbench.manifest import Archive, Manifest, Secret, plain, rewritten
from workbench.offline import manifest_of
from workbench.project import Configuration, configuration, require_stack, stack_names

_PLACEHOLDER = re.compile(r"\$\{[^{}]+\}")
"""What stands for a value that only a deployment knows, and nothing else (`workbench.placeholders`)."""


@dataclass(frozen=True)
class Verdict:
    """What the rules found in one stack."""

    stack: str
    resources: int
    findings: Sequence[Finding]

    @property
    def passes(self) -> bool:
        """Whether no mandatory rule is broken."""
        return all(finding.rule.is_advisory for finding in self.findings)

    def shown(self) -> dict[str, Any]:
        """The verdict as `plinth check --json` prints it."""
        return {
            "stack": self.stack,
            "passes": self.passes,
            "resources": self.resources,
            "violations": [
                {
                    "rule": finding.rule.name,
                    "severity": finding.rule.severity,
                    "urn": finding.resource.urn,
                    "type": finding.resource.type,
                    "name": finding.resource.name,
                    "message": finding.message,
                    "remedy": finding.rule.remedy,
                }
                for finding in self.findings
            ],
        }

    def lines(self) -> list[str]:
        """The verdict for people: one paragraph for each rule that is broken, and a line that sums it up."""
        broken = {finding.rule.name: finding.rule for finding in self.findings}
        lines: list[str] = []
        for name, rule in broken.items():
            lines.append(f"{rule.severity}: {name}. {rule.description}")
            lines += [
                f"  {each.resource.type}  {each.resource.name}\n    {each.message}"
                for each in self.findings
                if each.rule.name == name
            ]
            lines += [f"  What to do: {rule.remedy}", ""]
        counts = [f"{sum(each.rule.severity == severity for each in self.findings)} {severity}" for severity in _LEVELS]
        outcome = f"violations: {', '.join(counts)}" if self.findings else "no violations"
        return [*lines, f"{self.stack}: {self.resources} resources, {len(RULES)} rules, {outcome}"]


_LEVELS = ("mandatory", "advisory")


def checked(stacks: Sequence[str]) -> list[Verdict]:
    """The verdict on each of these stacks, or on all. Raises UserError where there is no such stack."""
    names = list(dict.fromkeys(stacks)) or stack_names()
    for name in names:
        require_stack(name)
    return [verdict_on(manifest_of(name), configuration(name)) for name in names]


def verdict_on(manifest: Manifest, config: Configuration, today: date | None = None) -> Verdict:
    """What the rules find in an evaluated stack. Values that were marked secret are judged, and never shown."""
    found = findings(judged(manifest, config, today))
    hidden = {resource.urn: _secrets(resource.inputs) for resource in manifest.resources}
    whole = sorted({text for texts in hidden.values() for text in texts if len(text) > 1}, key=len, reverse=True)
    return Verdict(
        stack=manifest.stack,
        resources=len(manifest.resources),
        findings=[
            Finding(each.rule, each.resource, _masked(each.message, whole, hidden.get(each.resource.urn, ())))
            for each in found
        ],
    )


def judged(manifest: Manifest, config: Configuration, today: date | None = None) -> model.Stack:
    """A manifest as the rules see it, with the provider that the engine would make of the stack's configuration."""
    return model.Stack(
        name=manifest.stack,
        project=manifest.project,
        resources=[
            _provider(manifest, config.values),
            *(
                model.Resource(
                    urn=resource.urn,
                    type=resource.type,
                    name=resource.name,
                    inputs=rewritten(plain(resource.inputs), _known),
                    protect=resource.protect,
                    retain=resource.retain_on_delete,
                    dependencies=frozenset(resource.dependencies),
                    references={key: frozenset(urns) for key, urns in resource.property_dependencies.items()},
                )
                for resource in manifest.resources
            ),
        ],
        today=today or date.today(),  # noqa: DTZ011
    )


def _provider(manifest: Manifest, config: Mapping[str, str]) -> model.Resource:
    name = f"default_{version('pulumi-aws').replace('.', '_')}"
    return model.Resource(
        urn=f"urn:pulumi:{manifest.stack}::{manifest.project}::{model.PROVIDER}::{name}",
        type=model.PROVIDER,
        name=name,
        inputs={key.removeprefix("aws:"): value for key, value in config.items() if key.startswith("aws:")},
    )


def _known(leaf: Any) -> Any:
    """A value, unless it stands for one that is not known yet."""
    unknown = isinstance(leaf, Archive) or (isinstance(leaf, str) and _PLACEHOLDER.fullmatch(leaf))
    return UNKNOWN if unknown else leaf


def _secrets(inputs: Mapping[str, Any]) -> Sequence[str]:
    """The texts of all that is secret among a resource's inputs."""
    found: set[str] = set()

    def note_inner(leaf: Any) -> Any:
        if isinstance(leaf, str):
            found.add(leaf)
        elif isinstance(leaf, (int, float)) and not isinstance(leaf, bool):
            found.add(f"{leaf:g}")

    def note(leaf: Any) -> Any:
        if isinstance(leaf, Secret):
            rewritten(leaf.value, note_inner)

    rewritten(inputs, note)
    return sorted(found - {""})


def _masked(message: str, whole: Sequence[str], own: Sequence[str]) -> str:
    """The message without the secrets of any resource, the longest first, and without parts of this resource's own.

    What is made of a secret is secret as a whole: a policy, of which a message shows an ARN.
    """
    for secret in whole:
        message = message.replace(secret, "[secret]")

    def hide(word: re.Match[str]) -> str:
        parts = [part for part in (word[0], *re.split(r"[*:]", word[0])) if len(part) >= _TELLING]
        return "[secret]" if word[0] in own or any(_is_part(part, text) for text in own for part in parts) else word[0]

    return re.sub(r"[^\s,;]+", hide, message) if own else message


_TELLING = 3
"""The characters of a part of a secret that would tell something of it."""


def _is_part(part: str, text: str) -> bool:
    return re.search(rf"(?<![a-zA-Z0-9]){re.escape(part)}(?![a-zA-Z0-9])", text) is not None
