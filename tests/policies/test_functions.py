"""Functions have runtimes with support, one architecture, and limits that fit each other."""

import json
from datetime import date
from typing import Any

import pytest

from components.packaging import ARCHITECTURE, RUNTIME
from policies.functions import ARCHITECTURE as WANTED
from policies.functions import RUNTIMES
from policies.model import UNKNOWN, Resource
from tests.support.policies import made, said

FUNCTION = "aws:lambda/function:Function"
QUEUE = "aws:sqs/queue:Queue"
REDRIVE = json.dumps({"deadLetterTargetArn": "arn", "maxReceiveCount": 5})


def function(name: str = "one", **inputs: Any) -> Resource:
    return made(FUNCTION, name, {"timeout": 20, **inputs})


@pytest.mark.parametrize(
    ("inputs", "today", "expected"),
    [
        ({"runtime": "python3.13"}, date(2029, 6, 30), []),
        ({"runtime": UNKNOWN}, date(2029, 6, 30), []),
        ({"packageType": "Image"}, date(2029, 6, 30), []),
        (
            {"runtime": "python3.13"},
            date(2029, 7, 1),
            ["one has the runtime python3.13, whose support ended on 2029-06-30"],
        ),
        (
            {"runtime": "python3.9"},
            date(2026, 1, 1),
            ["one has the runtime python3.9: choose python3.12, python3.13, python3.14"],
        ),
        ({}, date(2026, 1, 1), ["one has the runtime None: choose python3.12, python3.13, python3.14"]),
    ],
)
def test_runtimes_are_supported(inputs: dict[str, Any], today: date, expected: list[str]) -> None:
    assert said("supported-runtimes", function(**inputs), today=today) == expected


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2029, 1, 1), []),
        (date(2029, 1, 2), ["one has the runtime python3.13, whose support ends on 2029-06-30"]),
        (date(2029, 6, 30), ["one has the runtime python3.13, whose support ends on 2029-06-30"]),
        (date(2029, 7, 1), []),
    ],
)
def test_half_a_year_before_the_end_a_stack_is_told(today: date, expected: list[str]) -> None:
    assert said("lasting-runtimes", function(runtime="python3.13"), today=today) == expected


def test_a_runtime_without_support_is_not_about_to_lose_it() -> None:
    assert said("lasting-runtimes", function(runtime="python3.9"), function("two", runtime=UNKNOWN)) == []


def test_what_packages_are_built_for_is_allowed() -> None:
    assert RUNTIME in RUNTIMES
    assert ARCHITECTURE == WANTED


@pytest.mark.parametrize(
    ("architectures", "expected"),
    [
        (["arm64"], []),
        (UNKNOWN, []),
        ([UNKNOWN], []),
        (["x86_64"], ["one runs on x86_64"]),
        (None, ["one runs on x86_64, by default"]),
    ],
)
def test_functions_run_on_one_architecture(architectures: Any, expected: list[str]) -> None:
    assert said("one-architecture", function(architectures=architectures)) == expected


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({"timeout": 300}, []),
        ({"timeout": UNKNOWN, "reservedConcurrentExecutions": UNKNOWN}, []),
        ({"timeout": 301}, ["one may take 301 seconds, more than 300"]),
        ({"timeout": None}, ["one has no timeout of its own"]),
        ({"reservedConcurrentExecutions": -1}, []),
        ({"reservedConcurrentExecutions": 900}, []),
        ({"reservedConcurrentExecutions": 0}, ["one never runs: reservedConcurrentExecutions is 0"]),
    ],
)
def test_limits_are_sane(inputs: dict[str, Any], expected: list[str]) -> None:
    assert said("fitting-limits", function(**inputs)) == expected


def test_a_template_of_sandboxes_never_runs() -> None:
    template = made(
        FUNCTION, "t", {"timeout": 5, "reservedConcurrentExecutions": 0}, inside="plinth:index:SandboxFunction"
    )
    assert said("fitting-limits", template) == []


def test_functions_reserve_no_more_than_an_account_has() -> None:
    functions = [function("a", reservedConcurrentExecutions=300), function("b", reservedConcurrentExecutions=601.0)]
    assert said("fitting-limits", *functions) == [
        "b and the others reserve 901 instances, more than the 900 that an account may reserve"
    ]


def consumed(queue: Resource, consumer: Resource, *, by_alias: bool = True) -> list[Resource]:
    alias = made("aws:lambda/alias:Alias", "alias", functionName=consumer)
    target = alias if by_alias else consumer
    mapping = made(
        "aws:lambda/eventSourceMapping:EventSourceMapping", "mapping", eventSourceArn=queue, functionName=target
    )
    return [queue, consumer, alias, mapping]


@pytest.mark.parametrize("by_alias", [True, False])
@pytest.mark.parametrize(
    ("visible", "timeout", "expected"),
    [
        (120, 20, []),
        (UNKNOWN, 20, []),
        (120, UNKNOWN, []),
        (119, 20, ["queue shows a message again after 119 seconds, less than six times the 20 of worker"]),
        (None, 5, []),
        (18, None, ["worker has no timeout of its own"]),
        (
            17,
            None,
            [
                "worker has no timeout of its own",
                "queue shows a message again after 17 seconds, less than six times the 3 of worker",
            ],
        ),
        (None, 20, ["queue shows a message again after 30 seconds, less than six times the 20 of worker"]),
    ],
)
def test_a_message_stays_hidden_until_it_is_done(
    visible: Any, timeout: Any, by_alias: bool, expected: list[str]
) -> None:
    queue = made(QUEUE, "queue", {"visibilityTimeoutSeconds": visible, "redrivePolicy": REDRIVE})
    worker = function("worker", timeout=timeout)
    assert said("fitting-limits", *consumed(queue, worker, by_alias=by_alias)) == expected


@pytest.mark.parametrize(
    ("redrive", "passes"),
    [(REDRIVE, True), (json.loads(REDRIVE), True), (UNKNOWN, True), (None, False), ("{}", False), ("no JSON", False)],
)
def test_behind_every_consumed_queue_is_another(redrive: Any, passes: bool) -> None:
    queue, unconsumed = made(QUEUE, "queue", {"redrivePolicy": redrive}), made(QUEUE, "unconsumed")
    found = said("dead-letters", *consumed(queue, function()), unconsumed)
    assert found == ([] if passes else ["queue has no queue behind it for messages that keep failing"])


def test_the_queue_behind_may_be_named_by_a_resource_of_its_own() -> None:
    queue = made(QUEUE, "queue")
    policy = made("aws:sqs/redrivePolicy:RedrivePolicy", "policy", {"redrivePolicy": REDRIVE}, queueUrl=queue)
    assert said("dead-letters", *consumed(queue, function()), policy) == []
