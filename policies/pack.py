"""The rules as CrossGuard policies: what the Pulumi engine asks about a stack it previews or has updated."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from datetime import date
from typing import Any, cast

import pulumi
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyResource,
    ReportViolation,
    StackValidationArgs,
    StackValidationPolicy,
)
from pulumi_policy.proxy import UnknownValueError

from policies.catalogue import RULES, findings
from policies.model import UNKNOWN, Resource, Rule, Settings, Stack

NAME = "plinth"
"""The pack's name."""


def policies(today: date | None = None) -> list[StackValidationPolicy]:
    """One policy a rule. Rules look at whole stacks: what is wrong is often that something else is missing."""
    return [_policy(rule, today) for rule in RULES]


def _policy(rule: Rule, today: date | None) -> StackValidationPolicy:
    return StackValidationPolicy(
        name=rule.name,
        description=rule.description,
        validate=_validation(rule, today),
        enforcement_level=EnforcementLevel.ADVISORY if rule.is_advisory else EnforcementLevel.MANDATORY,
        config_schema=_schema(rule),
        remediation_steps=rule.remedy,
    )


def _validation(rule: Rule, today: date | None) -> Callable[[StackValidationArgs, ReportViolation], None]:
    def validate(args: StackValidationArgs, report_violation: ReportViolation) -> None:
        stack = stack_of(args.resources, _settings(rule, args.get_config()), today)
        for finding in findings(stack, [rule]) if stack else ():
            message = f"{finding.resource.name} {finding.message}.\n{rule.remedy}"
            report_violation(message, finding.resource.urn)

    return validate


def stack_of(resources: Iterable[PolicyResource], settings: Settings, today: date | None = None) -> Stack | None:
    """A stack as the engine shows it: properties are what the provider has answered or, in a preview, will answer."""
    seen = [_resource(resource) for resource in resources]
    if not seen:
        return None
    name, project = _stack_and_project(seen[0].urn)
    return Stack(name, project, seen, settings, today or date.today())  # noqa: DTZ011


def _resource(resource: PolicyResource) -> Resource:
    return Resource(
        urn=resource.urn,
        type=resource.resource_type,
        name=resource.name,
        inputs=cast("Mapping[str, Any]", _plain(resource.props)),
        protect=bool(resource.opts.protect),
        dependencies=frozenset(each.urn for each in resource.dependencies),
        references={
            key: frozenset(each.urn for each in several) for key, several in resource.property_dependencies.items()
        },
    )


def _plain(value: Any) -> Any:
    """A copy without the SDK's own classes, which raise where a value is not known yet."""
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        return {key: _read(items, key) for key in items}
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, (pulumi.Asset, pulumi.Archive)):
        return UNKNOWN
    return [_read(value, index) for index in range(len(value))]


def _read(values: Any, key: Any) -> Any:
    try:
        return _plain(values[key])
    except UnknownValueError:
        return UNKNOWN


def _stack_and_project(urn: str) -> tuple[str, str]:
    stack, project = urn.removeprefix("urn:pulumi:").split("::")[:2]
    return stack, project


def _schema(rule: Rule) -> PolicyConfigSchema | None:
    if not rule.settings:
        return None
    known = {each.name: each.default for each in fields(Settings)}
    return PolicyConfigSchema(
        properties={
            name: {"type": "array", "items": {"type": "string"}, "default": [*cast("Iterable[str]", known[name])]}
            for name in rule.settings
        }
    )


def _settings(rule: Rule, config: Mapping[str, Any]) -> Settings:
    return Settings(**{name: tuple(config[name]) for name in rule.settings if config.get(name)})
