"""The provider that stands in for AWS under the real engine keeps the protocol, tried here without that engine."""

from collections.abc import Generator
from typing import Any

import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, resource_pb2_grpc

from tests.support.evaluation import stack_manifest
from tests.support.packages import UNKNOWN, Monitor, Nothing, ServedMonitor, on_the_wire, running, served
from tests.support.passthrough import VERSION
from workbench.evaluate import _decoded_struct
from workbench.manifest import Resource
from workbench.placeholders import Placeholders
from workbench.project import configuration, stack_names

pytestmark = pytest.mark.xdist_group("passthrough")

STACKS = stack_names()
_CHANGED = struct_pb2.Struct(fields={"added": struct_pb2.Value(string_value="later")})


@pytest.fixture(scope="module")
def aws() -> Generator[Any]:
    with running("-m", "tests.support.passthrough", "aws") as provider:
        yield provider


@pytest.fixture(scope="module")
def awsx() -> Generator[Any]:
    with running("-m", "tests.support.passthrough", "awsx") as provider:
        yield provider


def configured(provider: Any, stack: str) -> Placeholders:
    """Tells the provider the stack's account and region; returns the placeholders that it then hands out."""
    config = configuration(stack)
    variables = {
        name.replace(":", ":config:"): value for name, value in config.values.items() if name.startswith("aws:")
    }
    answer = provider.Configure(provider_pb2.ConfigureRequest(variables=variables), timeout=30)
    assert (answer.acceptSecrets, answer.acceptOutputs, answer.supportsPreview) == (True, True, True)
    return Placeholders(config.region, config.account)


def resources(stack: str, *, remote: bool) -> list[Resource]:
    return [each for each in stack_manifest(stack).resources if each.custom and each.remote == remote]


def test_it_says_who_it_is(awsx: Any) -> None:
    assert awsx.GetPluginInfo(empty_pb2.Empty(), timeout=30).version == VERSION
    schema = awsx.GetSchema(provider_pb2.GetSchemaRequest(), timeout=30).schema
    assert schema == f'{{"name": "awsx", "version": "{VERSION}"}}'


def test_it_takes_any_configuration(aws: Any) -> None:
    news = on_the_wire({"region": "eu-central-1"})
    assert aws.CheckConfig(provider_pb2.CheckRequest(news=news), timeout=30).inputs == news
    difference = aws.DiffConfig(provider_pb2.DiffRequest(old_inputs=news, news=news), timeout=30)
    assert difference.changes == provider_pb2.DiffResponse.DIFF_NONE


@pytest.mark.parametrize("stack", STACKS)
def test_it_makes_of_every_resource_what_the_evaluator_does(aws: Any, stack: str) -> None:
    placeholders = configured(aws, stack)
    made = resources(stack, remote=False)
    assert len(made) > 100
    for resource in made:
        news = on_the_wire(resource.inputs)
        checked = aws.Check(provider_pb2.CheckRequest(urn=resource.urn, news=news), timeout=30)
        assert checked.inputs == news
        created = aws.Create(provider_pb2.CreateRequest(urn=resource.urn, properties=news), timeout=30)
        id_, outputs = placeholders.register(resource)
        assert (created.id, _decoded_struct(created.properties)) == (id_, outputs)
        aws.Delete(provider_pb2.DeleteRequest(id=created.id, urn=resource.urn), timeout=30)


@pytest.mark.parametrize("stack", STACKS)
def test_in_a_preview_only_inputs_are_known(aws: Any, stack: str) -> None:
    placeholders = configured(aws, stack)
    for resource in resources(stack, remote=False):
        news = on_the_wire(resource.inputs)
        previewed = aws.Create(provider_pb2.CreateRequest(urn=resource.urn, properties=news, preview=True), timeout=30)
        _, outputs = placeholders.register(resource)
        assert previewed.id == ""
        assert _decoded_struct(previewed.properties) == {name: resource.inputs.get(name, UNKNOWN) for name in outputs}


@pytest.mark.parametrize("stack", STACKS)
def test_only_a_change_of_inputs_is_a_difference(aws: Any, stack: str) -> None:
    for resource in resources(stack, remote=False):
        before = on_the_wire(resource.inputs)
        after = struct_pb2.Struct(fields={**before.fields, **_CHANGED.fields})
        for old, new, changed in ((before, before, []), (before, after, ["added"]), (after, before, ["added"])):
            request = provider_pb2.DiffRequest(urn=resource.urn, old_inputs=old, olds=old, news=new)
            difference = aws.Diff(request, timeout=30)
            assert list(difference.diffs) == changed
            assert (difference.changes == provider_pb2.DiffResponse.DIFF_SOME) == bool(changed)


def test_an_update_keeps_what_is_no_input(aws: Any) -> None:
    olds, news = on_the_wire({"arn": "arn:it", "size": 1}), on_the_wire({"size": 2})
    updated = aws.Update(provider_pb2.UpdateRequest(olds=olds, news=news), timeout=30)
    assert _decoded_struct(updated.properties) == {"arn": "arn:it", "size": 2}


@pytest.mark.parametrize("preview", [False, True])
def test_a_component_is_registered_with_its_inputs_and_a_child(awsx: Any, preview: bool) -> None:
    placeholders = configured(awsx, "prod")
    (network,) = resources("prod", remote=True)
    monitor = Monitor(Nothing() if preview else placeholders)
    with served(resource_pb2_grpc.add_ResourceMonitorServicer_to_server, ServedMonitor(monitor)) as address:
        request = provider_pb2.ConstructRequest(
            type=network.type,
            name=network.name,
            inputs=on_the_wire(network.inputs),
            monitorEndpoint=address,
            dryRun=preview,
        )
        constructed = awsx.Construct(request, timeout=30)
    urn = "urn:pulumi:test::plinth::awsx:ec2:Vpc::network"
    child = "urn:pulumi:test::plinth::awsx:ec2:Vpc$aws:ec2/vpc:Vpc::network"
    assert {each.urn: each.inputs for each in monitor.manifest().resources} == {urn: network.inputs, child: {}}
    _, outputs = placeholders.register(network)
    assert constructed.urn == urn
    assert _decoded_struct(constructed.state) == (dict.fromkeys(outputs, UNKNOWN) if preview else outputs)
