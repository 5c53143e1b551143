"""`plinth check`, the policy pack and the process that the Pulumi engine talks to find the same in the same stack."""

import json
import os
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc
from pulumi_policy import (
    EnforcementLevel,
    PolicyCustomTimeouts,
    PolicyResource,
    PolicyResourceOptions,
    StackValidationArgs,
)
from pulumi_policy.proxy import UNKNOWN_STRING_VALUE, unknown_checking_proxy

from policies.catalogue import RULES
from policies.model import PROVIDER, UNKNOWN, Resource
from policies.pack import policies
from tests.support.evaluation import stack_manifest
from tests.support.policies import TODAY
from workbench.check import judged, verdict_on
from workbench.manifest import Manifest, Secret
from workbench.project import ROOT, Configuration, configuration

pytestmark = pytest.mark.xdist_group("evaluation")

Found = list[tuple[str, str, str]]
"""Rule, URN and message of everything found, sorted."""

WIDE = json.dumps({"Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]})

BROKEN: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("aws:iam/rolePolicy:RolePolicy", "api-policy"): {"policy": WIDE},
    ("aws:iam/rolePolicy:RolePolicy", "sandbox-policy"): {"policy": WIDE},
    ("aws:rds/cluster:Cluster", "database"): {"storageEncrypted": False, "deletionProtection": False},
    ("aws:cloudwatch/logGroup:LogGroup", "api-logs"): {"retentionInDays": 3653},
    ("aws:lambda/function:Function", "worker"): {"runtime": "python3.9", "architectures": ["x86_64"]},
    ("aws:sqs/queue:Queue", "runs"): {"redrivePolicy": None, "tags": {"plinth:stack": "dev"}},
    ("aws:lambda/permission:Permission", "http-api-permission"): {"sourceArn": None},
}
EXPECTED = [
    ("dead-letters", "runs", "has no queue behind it for messages that keep failing"),
    ("encryption-at-rest", "database", "is not encrypted at rest: storageEncrypted not given"),
    (
        "guarded-functions",
        "http-api-permission",
        "lets apigateway.amazonaws.com invoke the function for any account",
    ),
    ("log-retention", "api-logs", "keeps what it gets for 3653 days, more than 400"),
    ("no-wildcard-actions", "api-policy", "allows the actions sqs:*"),
    ("no-wildcard-actions", "sandbox-policy", "allows the actions sqs:*"),
    ("no-wildcard-resources", "api-policy", "allows sqs:* on any resource"),
    ("no-wildcard-resources", "sandbox-policy", "allows sqs:* on any resource"),
    ("one-architecture", "worker", "runs on x86_64"),
    ("protected-data", "database", "AWS deletes it on request: deletionProtection is not true"),
    ("sandbox-role", "sandbox-policy", "is not the one statement that denies everything to code inside"),
    (
        "supported-runtimes",
        "worker",
        "has the runtime python3.9: choose python3.12, python3.13, python3.14",
    ),
    ("tags", "runs", "has the tag plinth:stack = dev, not prod"),
]


def broken() -> Manifest:
    """The prod stack with something wrong of nearly every kind."""
    manifest = stack_manifest("prod")
    resources = [
        replace(each, inputs={**each.inputs, **BROKEN.get((each.type, each.name), {})}) for each in manifest.resources
    ]
    return replace(manifest, resources=resources)


def named(found: Found) -> Found:
    return [(rule, urn.rpartition("::")[2], message) for rule, urn, message in found]


def by_check(manifest: Manifest) -> Found:
    verdict = verdict_on(manifest, configuration(manifest.stack), TODAY)
    return sorted((each.rule.name, each.resource.urn, each.message) for each in verdict.findings)


def by_policies(manifest: Manifest, config: Mapping[str, Any] | None = None) -> Found:
    """What the pack's policies report when they are called as the SDK calls them."""
    found: Found = []
    resources = [*engine_resources(manifest)]
    for policy in policies(TODAY):
        policy.validate(
            StackValidationArgs(resources, config),
            lambda message, urn=None, name=policy.name: found.append((name, urn or "", message)),
        )
    return sorted(_without_advice(found))


def _without_advice(found: Found) -> Iterator[tuple[str, str, str]]:
    """Policies begin a message with the resource and end it with what to type."""
    remedies = {rule.name: rule.remedy for rule in RULES}
    for rule, urn, message in found:
        start, end = f"{urn.rpartition('::')[2]} ", f".\n{remedies[rule]}"
        assert message.startswith(start), message
        assert message.endswith(end), message
        yield rule, urn, message[len(start) : -len(end)]


def engine_resources(manifest: Manifest) -> Iterator[PolicyResource]:
    seen = judged(manifest, configuration(manifest.stack), TODAY).resources
    made = {
        each.urn: PolicyResource(
            each.type,
            unknown_checking_proxy(properties(each)),
            each.urn,
            each.name,
            PolicyResourceOptions(each.protect, [], None, [], PolicyCustomTimeouts(0, 0, 0), []),
            None,
            None,
            [],
            {},
        )
        for each in seen
    }
    for each in seen:
        resource = made[each.urn]
        resource.dependencies = [made[urn] for urn in each.dependencies if urn in made]
        resource.property_dependencies = {
            key: [made[urn] for urn in urns if urn in made] for key, urns in each.references.items()
        }
        yield resource


def properties(resource: Resource) -> dict[str, Any]:
    """Inputs as the engine sends them: unknown ones have a mark of the SDK, those of providers are text."""

    def sent(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: sent(inner) for key, inner in value.items() if inner is not None}
        if isinstance(value, list):
            return [sent(inner) for inner in value]
        return UNKNOWN_STRING_VALUE if value is UNKNOWN else value

    inputs = {**resource.inputs}
    if resource.type == PROVIDER:
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in inputs.items()}
    return sent(inputs)


def test_a_broken_stack_breaks_these_rules() -> None:
    assert named(by_check(broken())) == EXPECTED


def test_the_pack_reports_what_the_check_finds() -> None:
    manifest = broken()
    assert by_policies(manifest) == by_check(manifest)
    assert by_policies(stack_manifest("prod")) == []


def test_the_pack_enforces_what_the_check_fails_for() -> None:
    levels = {policy.name: policy.enforcement_level for policy in policies()}
    wanted = {"mandatory": EnforcementLevel.MANDATORY, "advisory": EnforcementLevel.ADVISORY}
    assert levels == {rule.name: wanted[rule.severity] for rule in RULES}


def test_what_the_engine_does_not_tell_is_held_against_nothing() -> None:
    resources = [replace(each, retain_on_delete=False) for each in stack_manifest("prod").resources]
    manifest = replace(stack_manifest("prod"), resources=resources)
    assert {rule for rule, _, _ in by_check(manifest)} == {"protected-data"}
    assert by_policies(manifest) == []


def test_a_stack_without_resources_breaks_nothing() -> None:
    assert by_policies(replace(stack_manifest("prod"), resources=[])) == []
    reported: list[tuple[str, str | None]] = []
    for policy in policies():
        policy.validate(StackValidationArgs([]), lambda message, urn=None: reported.append((message, urn)))
    assert reported == []


@pytest.fixture(scope="module")
def engine() -> Generator[analyzer_pb2_grpc.AnalyzerStub]:
    """The pack in a process of its own, started as the engine's plugin for Python packs starts it."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.policy", "127.0.0.1:1", "."],
        cwd=ROOT / "policies",
        env={
            **os.environ,
            "PYTHONPATH": "",
            "PULUMI_PROJECT": "plinth",
            "PULUMI_STACK": "prod",
            "PULUMI_DRY_RUN": "true",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield analyzer_pb2_grpc.AnalyzerStub(channel)
    finally:
        process.kill()
        process.wait()


def request(manifest: Manifest) -> analyzer_pb2.AnalyzeStackRequest:
    resources: list[analyzer_pb2.AnalyzerResource] = []
    for each in judged(manifest, configuration(manifest.stack), TODAY).resources:
        sent = struct_pb2.Struct()
        sent.update(properties(each))
        resources.append(
            analyzer_pb2.AnalyzerResource(
                type=each.type,
                urn=each.urn,
                name=each.name,
                properties=sent,
                options=analyzer_pb2.AnalyzerResourceOptions(protect=each.protect),
                dependencies=sorted(each.dependencies),
                propertyDependencies={
                    key: analyzer_pb2.AnalyzerPropertyDependencies(urns=sorted(urns))
                    for key, urns in each.references.items()
                },
            )
        )
    return analyzer_pb2.AnalyzeStackRequest(resources=resources)


def by_engine(engine: analyzer_pb2_grpc.AnalyzerStub, manifest: Manifest) -> Found:
    answer = engine.AnalyzeStack(request(manifest), timeout=60)
    descriptions = {rule.name: rule.description for rule in RULES}
    found = [
        (each.policyName, each.urn, each.message.removeprefix(f"{descriptions[each.policyName]}\n"))
        for each in answer.diagnostics
    ]
    return sorted(_without_advice(found))


def test_the_engine_is_told_what_the_check_finds(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    manifest = broken()
    assert by_engine(engine, manifest) == by_check(manifest)
    assert by_engine(engine, stack_manifest("prod")) == []


def test_the_engine_learns_each_rule_and_what_may_be_configured(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    info = engine.GetAnalyzerInfo(empty_pb2.Empty(), timeout=60)
    assert info.name == "plinth"
    assert [(each.name, each.description, each.remediation_steps) for each in info.policies] == [
        (rule.name, rule.description, rule.remedy) for rule in RULES
    ]
    schemas = {each.name: dict(each.configSchema.properties) for each in info.policies if each.configSchema.properties}
    assert {name: {key: list(schema["default"]) for key, schema in keys.items()} for name, keys in schemas.items()} == {
        "allowed-regions": {"allowed_regions": ["eu-central-1", "eu-west-1"]},
        "protected-data": {"production_stacks": ["prod", "prod-*", "production"]},
    }


def test_a_configured_setting_holds_for_its_rule(engine: analyzer_pb2_grpc.AnalyzerStub) -> None:
    configured = analyzer_pb2.PolicyConfig(enforcementLevel=analyzer_pb2.MANDATORY)
    configured.properties.update({"allowed_regions": ["us-east-1"]})
    everything = analyzer_pb2.ConfigureAnalyzerRequest(policyConfig={"allowed-regions": configured})
    try:
        engine.Configure(everything, timeout=60)
        found = by_engine(engine, stack_manifest("prod"))
    finally:
        engine.Configure(analyzer_pb2.ConfigureAnalyzerRequest(), timeout=60)
    assert {rule for rule, _, _ in found} == {"allowed-regions"}
    assert {message for _, _, message in found} == {"is in eu-central-1: allowed are us-east-1"}
    assert any(PROVIDER in urn for _, urn, _ in found)


def test_the_providers_tags_come_from_the_stacks_configuration() -> None:
    config = configuration("prod")
    untagged = Configuration(config.project, {**config.values, "aws:defaultTags": '{"tags": {}}'}, [])
    found = verdict_on(stack_manifest("prod"), untagged, TODAY).findings
    assert [(each.rule.name, each.resource.type, each.message) for each in found] == [
        ("tags", PROVIDER, "has no tag plinth:project = plinth"),
        ("tags", PROVIDER, "has no tag plinth:stack = prod"),
    ]


@pytest.mark.parametrize(
    ("type_", "inputs", "expected"),
    [
        (
            "aws:iam/rolePolicy:RolePolicy",
            {"policy": Secret(WIDE.replace('"*"', '"arn:aws:s3:::hunter2-*"'))},
            {"allows the actions [secret]", "allows [secret] on [secret], whatever its name"},
        ),
        (
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            {"policyArn": Secret("arn:aws:iam::aws:policy/hunter2")},
            {"attaches AWS's own [secret] [secret]"},
        ),
        (
            "aws:cloudwatch/logGroup:LogGroup",
            {"retentionInDays": Secret(731)},
            {"keeps what it gets for [secret] days, more than 400"},
        ),
    ],
)
def test_no_part_of_a_secret_is_shown(type_: str, inputs: dict[str, Any], expected: set[str]) -> None:
    manifest = stack_manifest("prod")
    some = next(each for each in manifest.resources if each.name == "worker")
    secret = replace(some, type=type_, inputs=inputs, urn=f"urn:pulumi:prod::plinth::{type_}::secret", name="secret")
    verdict = verdict_on(replace(manifest, resources=[secret]), configuration("prod"), TODAY)
    assert {each.message for each in verdict.findings} == expected
    assert "hunter2" not in json.dumps(verdict.shown())


def test_a_secret_is_judged_and_not_shown() -> None:
    manifest = stack_manifest("prod")
    secret = replace(
        next(each for each in manifest.resources if each.name == "worker"),
        type="aws:lambda/function:Function",
        inputs={"timeout": 20, "architectures": ["arm64"], "name": "api", "runtime": Secret("hunter2")},
        urn="urn:pulumi:prod::plinth::aws:lambda/function:Function::secret",
        name="secret",
    )
    verdict = verdict_on(replace(manifest, resources=[secret]), configuration("prod"), TODAY)
    (found,) = (each for each in verdict.findings if each.rule.name == "supported-runtimes")
    assert found.message == "has the runtime [secret]: choose python3.12, python3.13, python3.14"
    assert "hunter2" not in json.dumps(verdict.shown())


def test_an_advisory_rule_is_told_and_passes() -> None:
    verdict = verdict_on(stack_manifest("prod"), configuration("prod"), date(2029, 3, 1))
    assert verdict.passes
    assert {(each.rule.name, each.rule.severity) for each in verdict.findings} == {("lasting-runtimes", "advisory")}
    later = verdict_on(stack_manifest("prod"), configuration("prod"), date(2029, 8, 1))
    assert not later.passes
