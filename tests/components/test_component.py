"""What every component has from its base: arguments that are checked, children that can be adjusted, grants."""

import re
from typing import Any, NotRequired

import pulumi
import pytest
from pulumi_aws import sqs

from components.component import Component, ComponentArgs, handed_out
from components.grants import Grant, allow
from tests.support.evaluation import deploy, inputs, resource
from workbench.evaluate import ProgramError
from workbench.manifest import Manifest

QUEUE = "aws:sqs/queue:Queue"


class PairArgs(ComponentArgs):
    delay: int
    """Seconds that messages are delayed."""

    size: NotRequired[int]
    """Largest message in bytes."""


class Pair(Component):
    """Two queues."""

    def __init__(self, name: str, args: PairArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        for part in ("first", "second"):
            sqs.Queue(
                f"{name}-{part}",
                delay_seconds=args["delay"],
                tags={"part": part},
                opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
            )
        self.register_outputs({})


class Nest(Component):
    """A queue, and a pair of them that has an adjustment of its own."""

    def __init__(self, name: str, args: PairArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, args, opts)
        inside = pulumi.ResourceOptions(parent=self)
        sqs.Queue(name, delay_seconds=1, opts=inside)
        pair = f"{name}-pair"
        Pair(pair, {"delay": 2, "adjust": {f"{pair}-first": {"delay_seconds": 3, "max_message_size": 3}}}, inside)
        self.register_outputs({})


def paired(args: Any, opts: pulumi.ResourceOptions | None = None) -> Manifest:
    return deploy(lambda: Pair("pair", args, opts))


def refused(args: Any, message: str, component: Any = Pair) -> None:
    with pytest.raises(ProgramError, match=f"^{re.escape('ValueError: ' + message)}"):
        deploy(lambda: component("pair", args))


def test_an_adjustment_replaces_inputs_of_one_child_and_leaves_the_rest() -> None:
    manifest = paired({"delay": 5, "adjust": {"pair-first": {"tags": {"kept": "no"}, "fifo_queue": True}}})
    assert inputs(manifest, QUEUE, "pair-first") == {"delaySeconds": 5, "fifoQueue": True, "tags": {"kept": "no"}}
    assert inputs(manifest, QUEUE, "pair-second") == {"delaySeconds": 5, "tags": {"part": "second"}}


def test_an_adjusted_child_keeps_its_options() -> None:
    manifest = paired({"delay": 5, "adjust": {"pair-first": {"delay_seconds": 6}}})
    first = resource(manifest, QUEUE, "pair-first")
    assert (first.parent, first.protect, first.retain_on_delete) == (
        "urn:pulumi:test::plinth::plinth:index:Pair::pair",
        True,
        True,
    )


def test_an_adjustment_may_take_an_input_away() -> None:
    manifest = paired({"delay": 5, "adjust": {"pair-first": {"tags": None}}})
    assert inputs(manifest, QUEUE, "pair-first") == {"delaySeconds": 5}


def test_an_adjustment_may_name_inputs_as_other_languages_do() -> None:
    manifest = paired({"delay": 5, "adjust": {"pair-first": {"kmsDataKeyReusePeriodSeconds": 60}}})
    assert inputs(manifest, QUEUE, "pair-first")["kmsDataKeyReusePeriodSeconds"] == 60


def test_an_adjustment_may_be_an_output_of_another_resource() -> None:
    def program() -> None:
        other = sqs.Queue("other")
        adjust = {"pair-first": {"redrive_policy": pulumi.Output.json_dumps({"to": other.arn})}}
        Pair("pair", {"delay": 5, "adjust": adjust})

    first = resource(deploy(program), QUEUE, "pair-first")
    assert first.inputs["redrivePolicy"] == '{"to": "arn:aws:sqs:eu-central-1:111111111111:other"}'
    assert first.dependencies == ["urn:pulumi:test::plinth::aws:sqs/queue:Queue::other"]


def test_an_adjustment_of_no_child_is_refused_with_the_nearest_name() -> None:
    refused(
        {"delay": 5, "adjust": {"pair-frist": {"delay_seconds": 6}}},
        "Pair 'pair': adjust names 'pair-frist', which is none of its children: did you mean 'pair-first'?",
    )


def test_an_adjustment_of_no_child_is_refused_with_all_names_where_none_is_near() -> None:
    refused(
        {"delay": 5, "adjust": {"topic": {"delay_seconds": 6}}},
        "Pair 'pair': adjust names 'topic', which is none of its children: it has pair-first, pair-second.",
    )


def test_an_adjustment_of_no_input_is_refused_with_the_nearest_name() -> None:
    refused(
        {"delay": 5, "adjust": {"pair-first": {"delay_second": 6}}},
        "Pair 'pair': adjust gives 'pair-first' the input 'delay_second', which aws:sqs/queue:Queue does not have: "
        "did you mean 'delay_seconds'?",
    )


@pytest.mark.parametrize("given", ["pair-first", {"pair-first": "delay"}, {1: {}}, [1]])
def test_adjustments_of_another_shape_are_refused(given: Any) -> None:
    refused(
        {"delay": 5, "adjust": given},
        f"Pair 'pair': adjust is {given!r}: give the names of children, each with the inputs to replace.",
    )


def test_the_adjustment_of_the_outer_component_wins() -> None:
    adjust = {"nest": {"delay_seconds": 7}, "nest-pair-first": {"delay_seconds": 8}}
    manifest = deploy(lambda: Nest("nest", {"delay": 0, "adjust": adjust}))
    assert inputs(manifest, QUEUE, "nest") == {"delaySeconds": 7}
    assert inputs(manifest, QUEUE, "nest-pair-first") == {
        "delaySeconds": 8,
        "maxMessageSize": 3,
        "tags": {"part": "first"},
    }
    assert inputs(manifest, QUEUE, "nest-pair-second") == {"delaySeconds": 2, "tags": {"part": "second"}}


def test_a_component_inside_is_not_adjusted_itself() -> None:
    refused(
        {"delay": 0, "adjust": {"pair-pair": {"delay": 9}}},
        "Nest 'pair': adjust names 'pair-pair', which is none of its children",
        Nest,
    )


def test_an_adjustment_comes_after_the_transformations_of_the_caller() -> None:
    def slower(child: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        return pulumi.ResourceTransformationResult(
            {**child.props, "delay_seconds": 100, "fifo_queue": True}, child.opts
        )

    opts = pulumi.ResourceOptions(transformations=[slower])
    manifest = paired({"delay": 5, "adjust": {"pair-first": {"delay_seconds": 6}}}, opts)
    assert inputs(manifest, QUEUE, "pair-first") == {"delaySeconds": 6, "fifoQueue": True, "tags": {"part": "first"}}
    assert inputs(manifest, QUEUE, "pair-second")["delaySeconds"] == 100


def test_what_a_component_was_given_stays_as_it_was() -> None:
    args: PairArgs = {"delay": 5, "adjust": {"pair-first": {"delay_seconds": 6}}}
    opts = pulumi.ResourceOptions(protect=False)
    paired(args, opts)
    assert args == {"delay": 5, "adjust": {"pair-first": {"delay_seconds": 6}}}
    assert opts.transformations is None


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"delay": 5, "sise": 1}, "Pair 'pair' has no argument 'sise': did you mean 'size'?"),
        ({"delay": 5, "colour": 1}, "Pair 'pair' has no argument 'colour': it has adjust, delay, size."),
        ({"size": 5}, "Pair 'pair': give it delay."),
    ],
)
def test_arguments_are_those_that_the_component_has(args: Any, message: str) -> None:
    refused(args, message)


def test_grants_are_handed_out_by_the_use_they_are_for() -> None:
    def program() -> None:
        queue = sqs.Queue("jobs")
        grant = Grant(environment={"URL": queue.url}, statements=[allow(["sqs:SendMessage"], queue.arn)])
        pulumi.export("grants", handed_out(sends=grant, rests=Grant()))

    assert deploy(program).outputs == {
        "grants": {
            "rests": {},
            "sends": {
                "environment": {"URL": "${aws:sqs/queue:Queue::jobs.url}"},
                "statements": [
                    {
                        "actions": ["sqs:SendMessage"],
                        "resources": ["arn:aws:sqs:eu-central-1:111111111111:jobs"],
                    }
                ],
            },
        },
    }
