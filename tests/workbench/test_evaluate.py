"""A program evaluated without an engine registers what the engine would see."""

import asyncio
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pulumi
import pytest
from pulumi_aws import get_caller_identity, sqs

from stacks.settings import SettingsError, configured_account
from workbench.errors import UserError
from workbench.evaluate import ProgramError, evaluate, evaluate_stack
from workbench.manifest import Resource, Secret
from workbench.project import ROOT

pytestmark = pytest.mark.xdist_group("evaluation")


class Echo:
    """A provider whose every resource has an ARN made of its name."""

    def __init__(self) -> None:
        self.order: list[str] = []

    def register(self, resource: Resource) -> tuple[str, Mapping[str, Any]]:
        self.order.append(resource.name)
        return f"{resource.name}-id", {**resource.inputs, "arn": f"arn:{resource.name}", "url": f"url:{resource.name}"}


class Pair(pulumi.ComponentResource):
    """Two queues, the second of which knows the first."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:Pair", name, {}, opts)
        inside = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        first = sqs.Queue(f"{name}-first", opts=inside)
        second = sqs.Queue(f"{name}-second", redrive_policy=pulumi.Output.json_dumps({"to": first.arn}), opts=inside)
        self.url = second.url
        self.register_outputs({"url": self.url})


def test_urns_carry_every_parent_type_but_the_stack() -> None:
    def program() -> None:
        outer = Pair("outer")
        Pair("inner", pulumi.ResourceOptions(parent=outer))

    manifest = evaluate(program, Echo(), stack_name="dev")
    assert [resource.urn for resource in manifest.resources] == [
        "urn:pulumi:dev::plinth::plinth:index:Pair$aws:sqs/queue:Queue::outer-first",
        "urn:pulumi:dev::plinth::plinth:index:Pair$aws:sqs/queue:Queue::outer-second",
        "urn:pulumi:dev::plinth::plinth:index:Pair$plinth:index:Pair$aws:sqs/queue:Queue::inner-first",
        "urn:pulumi:dev::plinth::plinth:index:Pair$plinth:index:Pair$aws:sqs/queue:Queue::inner-second",
        "urn:pulumi:dev::plinth::plinth:index:Pair$plinth:index:Pair::inner",
        "urn:pulumi:dev::plinth::plinth:index:Pair::outer",
    ]


def test_a_registration_is_seen_whole() -> None:
    manifest = evaluate(lambda: Pair("pair") and None, Echo(), stack_name="dev")
    second = manifest.resources[1]
    assert second.shown() == {
        "urn": "urn:pulumi:dev::plinth::plinth:index:Pair$aws:sqs/queue:Queue::pair-second",
        "type": "aws:sqs/queue:Queue",
        "name": "pair-second",
        "parent": "urn:pulumi:dev::plinth::plinth:index:Pair::pair",
        "inputs": {"redrivePolicy": '{"to": "arn:pair-first"}'},
        "dependencies": ["urn:pulumi:dev::plinth::plinth:index:Pair$aws:sqs/queue:Queue::pair-first"],
        "protect": True,
        "retain_on_delete": True,
    }


def with_options(options: pulumi.ResourceOptions) -> Resource:
    (queue,) = evaluate(lambda: sqs.Queue("queue", opts=options) and None, Echo(), stack_name="dev").resources
    return queue


@pytest.mark.parametrize(
    ("alias", "seen"),
    [
        ("urn:pulumi:dev::plinth::aws:sqs/queue:Queue::jobs", ["urn:pulumi:dev::plinth::aws:sqs/queue:Queue::jobs"]),
        (pulumi.Alias(name="jobs"), ['{"name": "jobs", "parentUrn": ""}']),
        (pulumi.Alias(type_="aws:sqs:Queue"), ['{"type": "aws:sqs:Queue", "parentUrn": ""}']),
        (pulumi.Alias(stack="old", project="before"), ['{"stack": "old", "project": "before", "parentUrn": ""}']),
        (pulumi.Alias(parent=None), ['{"noParent": true}']),
    ],
)
def test_what_a_resource_was_called_before_is_seen(alias: str | pulumi.Alias, seen: list[str]) -> None:
    assert with_options(pulumi.ResourceOptions(aliases=[alias])).aliases == seen


def test_an_alias_below_another_parent_is_seen_with_that_parent() -> None:
    def program() -> None:
        pair = Pair("pair")
        sqs.Queue("moved", opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(parent=pair)]))

    moved = evaluate(program, Echo(), stack_name="dev").resources[0]
    assert moved.aliases == ['{"parentUrn": "urn:pulumi:dev::plinth::plinth:index:Pair::pair"}']


def test_how_a_resource_is_replaced_and_what_of_it_is_ignored_is_seen() -> None:
    changed = with_options(pulumi.ResourceOptions(delete_before_replace=True, ignore_changes=["tags", "name"]))
    assert (changed.delete_before_replace, changed.ignore_changes) == (True, ["tags", "name"])
    plain = with_options(pulumi.ResourceOptions())
    assert (plain.aliases, plain.delete_before_replace, plain.ignore_changes) == ([], False, [])


def test_a_resource_is_registered_after_those_it_reads() -> None:
    provider = Echo()
    evaluate(lambda: Pair("pair") and None, provider)
    assert provider.order == ["pair-first", "pair-second"]


def test_secrets_stay_marked_and_are_masked_when_shown() -> None:
    def program() -> None:
        queue = sqs.Queue("queue", name=pulumi.Output.secret("hunter2"))
        pulumi.export("name", queue.name)

    manifest = evaluate(program, Echo())
    assert manifest.resources[0].inputs == {"name": Secret("hunter2")}
    assert manifest.outputs == {"name": Secret("hunter2")}
    assert "hunter2" not in str(manifest.shown())
    assert manifest.shown()["outputs"] == {"name": "[secret]"}


def test_an_invoke_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="The program invokes aws:index/getCallerIdentity:getCallerIdentity"):
        evaluate(lambda: get_caller_identity() and None, Echo())


def test_one_urn_for_two_resources_is_refused() -> None:
    def program() -> None:
        sqs.Queue("same")
        sqs.Queue("same")

    with pytest.raises(
        UserError, match="Two resources have the same URN urn:pulumi:test::plinth::aws:sqs/queue:Queue::same"
    ):
        evaluate(program, Echo())


def test_a_failing_program_is_told_in_one_line_and_the_next_one_evaluates() -> None:
    def broken() -> None:
        Pair("pair")
        raise ValueError("no zones")

    with pytest.raises(ProgramError, match=r"^ValueError: no zones$"):
        evaluate(broken, Echo())
    assert len(evaluate(lambda: Pair("pair") and None, Echo()).resources) == 3


def failure(error: BaseException) -> str:
    """What is told of a program that raises this."""

    def broken() -> None:
        raise error

    with pytest.raises(ProgramError) as told:
        evaluate(broken, Echo())
    return str(told.value)


@pytest.mark.parametrize("code", ["bye", 0, 3, None])
def test_a_program_that_ends_itself_has_failed_whatever_its_exit_code(code: object) -> None:
    assert failure(SystemExit(code)) == (
        "The program ended itself with sys.exit(), so nobody knows what it would deploy: raise an error instead"
    )
    assert len(evaluate(lambda: Pair("pair") and None, Echo()).resources) == 3


def test_a_failure_is_one_line_without_the_names_of_classes_that_say_nothing() -> None:
    assert failure(RuntimeError("one\n\ttwo\n")) == "RuntimeError: one two"
    assert failure(AssertionError()) == "AssertionError:"
    assert failure(pulumi.RunError("There is no stack.")) == "There is no stack."
    assert failure(SettingsError("Stack dev: zones is 'x': give two.")) == "Stack dev: zones is 'x': give two."


def test_the_place_that_is_told_is_the_stacks_own() -> None:
    with pytest.raises(ProgramError, match=r"variable 'plinth:accountId' [^\n]*<value>`$"):
        evaluate(lambda: pulumi.export("account", configured_account()), Echo())
    broken = SyntaxError("'(' was never closed", (str(ROOT / "stacks" / "qa" / "__init__.py"), 9, 1, ""))
    assert failure(broken) == "SyntaxError: '(' was never closed (stacks/qa/__init__.py:9)"


def test_what_a_failed_program_left_running_is_no_failure_of_the_next_one() -> None:
    def broken() -> None:
        odd = pulumi.ComponentResource("plinth:index:Odd", "odd", {"keys": {1: "no text"}})
        inside = pulumi.ResourceOptions(parent=odd)
        first = sqs.Queue("first", opts=inside)
        second = sqs.Queue("second", redrive_policy=pulumi.Output.json_dumps({"to": first.arn}), opts=inside)
        odd.register_outputs({"url": second.url})
        raise ValueError("no zones")

    with pytest.raises(ProgramError):
        evaluate(broken, Echo())
    assert len(evaluate(lambda: Pair("pair") and None, Echo()).resources) == 3


def test_what_a_program_prints_is_no_part_of_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    evaluate(lambda: sys.stdout.writelines(["made by the program\n"]), Echo())
    assert capsys.readouterr() == ("", "made by the program\n")


def test_a_read_is_refused_by_name_and_nothing_else_is_told(recwarn: pytest.WarningsRecorder) -> None:
    with pytest.raises(UserError, match=r"^The program reads pulumi:pulumi:StackReference 'a/b/c' from the cloud, "):
        evaluate(lambda: pulumi.export("x", pulumi.StackReference("a/b/c").get_output("x")), Echo())
    assert [str(warning.message) for warning in recwarn] == []


def test_what_the_provider_refuses_is_the_error_that_is_told() -> None:
    class Refusing(Echo):
        def register(self, resource: Resource) -> tuple[str, Mapping[str, Any]]:
            raise UserError(f"no {resource.name} here")

    with pytest.raises(UserError, match=r"^no pair-first here$"):
        evaluate(lambda: Pair("pair") and None, Refusing())


def chain(length: int) -> Callable[[], None]:
    """A program of components, each of which depends on the one before."""

    def program() -> None:
        last = Pair("first")
        for number in range(1, length):
            last = Pair(f"pair-{number}", pulumi.ResourceOptions(depends_on=[last]))

    return program


def test_outputs_are_waited_for_once_however_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    wait = asyncio.wait
    waited_for = 0

    def counting(outputs: Collection[asyncio.Task[Any]], **options: Any) -> Any:
        nonlocal waited_for
        waited_for += len(outputs)
        return wait(outputs, **options)

    monkeypatch.setattr(asyncio, "wait", counting)

    def waits(length: int) -> int:
        nonlocal waited_for
        waited_for = 0
        assert len(evaluate(chain(length), Echo()).resources) == 3 * length
        return waited_for

    one, ten = waits(10), waits(100)
    assert 0 < ten < 12 * one


def test_a_failure_amid_many_that_wait_is_told_and_the_next_one_evaluates() -> None:
    def refuse(_arn: str) -> str:
        raise ValueError("no such region")

    def program() -> None:
        chain(20)()
        sqs.Queue("queue").arn.apply(refuse)

    with pytest.raises(ProgramError, match=r"^ValueError: no such region$"):
        evaluate(program, Echo())
    assert len(evaluate(chain(2), Echo()).resources) == 6


def test_an_unknown_stack_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"^There is no stack named 'nope': choose one of dev, prod\.$"):
        evaluate_stack("nope", Echo())
