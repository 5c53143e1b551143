"""Rules about functions: runtimes with support, one architecture, limits that fit, and no message lost."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, cast

from policies.model import UNKNOWN, Resource, Rule, Stack, Violation

RUNTIMES = {
    "python3.12": date(2028, 10, 31),
    "python3.13": date(2029, 6, 30),
    "python3.14": date(2029, 6, 30),
}
"""The runtimes that functions may have, and when AWS ends their support (Lambda developer guide, "Lambda runtimes",
table of supported runtimes)."""

ARCHITECTURE = "arm64"
"""A fifth cheaper than x86_64 a GB-second, and what packages are built for."""

WARNING = timedelta(days=180)
"""How long before the end of a runtime's support a stack is told."""

LONGEST_TIMEOUT_SECONDS = 300
UNRESERVED = 100
ACCOUNT_CONCURRENCY = 1000
"""Lambda's default quota of instances, of which it keeps 100 for functions that reserve none (Lambda quotas)."""

_FUNCTION = "aws:lambda/function:Function"
_MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
_QUEUE = "aws:sqs/queue:Queue"
_SANDBOX = "plinth:index:SandboxFunction"


def _supported_runtimes(stack: Stack) -> Iterator[Violation]:
    for function, runtime in _runtimes(stack):
        if runtime not in RUNTIMES:
            yield Violation(function, f"has the runtime {runtime}: choose {', '.join(RUNTIMES)}")
        elif stack.today > RUNTIMES[runtime]:
            yield Violation(function, f"has the runtime {runtime}, whose support ended on {RUNTIMES[runtime]}")


def _lasting_runtimes(stack: Stack) -> Iterator[Violation]:
    for function, runtime in _runtimes(stack):
        if runtime in RUNTIMES and stack.today <= RUNTIMES[runtime] < stack.today + WARNING:
            yield Violation(function, f"has the runtime {runtime}, whose support ends on {RUNTIMES[runtime]}")


def _runtimes(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for function in stack.of_type(_FUNCTION):
        runtime = function.value("runtime")
        if runtime is not UNKNOWN and function.value("packageType") != "Image":
            yield function, str(runtime)


def _one_architecture(stack: Stack) -> Iterator[Violation]:
    for resource in stack.of_type(_FUNCTION):
        architectures = resource.value("architectures")
        if architectures not in ([ARCHITECTURE], UNKNOWN, [UNKNOWN]):
            given = ", ".join(map(str, cast("list[Any]", architectures or ["x86_64, by default"])))
            yield Violation(resource, f"runs on {given}")


def _fitting_limits(stack: Stack) -> Iterator[Violation]:
    total = 0
    functions = [*stack.of_type(_FUNCTION)]
    for function in functions:
        timeout = function.value("timeout")
        if timeout is None:
            yield Violation(function, "has no timeout of its own")
        elif timeout is not UNKNOWN and timeout > LONGEST_TIMEOUT_SECONDS:
            yield Violation(function, f"may take {timeout:g} seconds, more than {LONGEST_TIMEOUT_SECONDS}")
        reserved = function.value("reservedConcurrentExecutions")
        if reserved == 0 and not function.within(_SANDBOX):
            yield Violation(function, "never runs: reservedConcurrentExecutions is 0")
        # The provider says -1 where nothing is reserved.
        total += max(0, reserved) if isinstance(reserved, (int, float)) else 0
    if total > ACCOUNT_CONCURRENCY - UNRESERVED:
        largest = max(functions, key=lambda each: _number(each.value("reservedConcurrentExecutions")))
        yield Violation(
            largest,
            f"and the others reserve {total:g} instances, more than the {ACCOUNT_CONCURRENCY - UNRESERVED} that an "
            "account may reserve",
        )
    yield from _visible_too_soon(stack)


def _number(value: Any) -> float:
    return value if isinstance(value, (int, float)) else 0


def _visible_too_soon(stack: Stack) -> Iterator[Violation]:
    """AWS asks for six times the function's timeout (Lambda developer guide, "Using Lambda with Amazon SQS")."""
    for mapping, queue in _queue_sources(stack):
        visible = queue.value("visibilityTimeoutSeconds")
        for function in _consumers(stack, mapping):
            timeout = function.value("timeout")
            if UNKNOWN not in (visible, timeout) and _number(visible or 30) < 6 * _number(timeout or 3):
                yield Violation(
                    queue,
                    f"shows a message again after {_number(visible or 30):g} seconds, less than six times the "
                    f"{_number(timeout or 3):g} of {function.name}",
                )


def _queue_sources(stack: Stack) -> Iterator[tuple[Resource, Resource]]:
    for mapping in stack.of_type(_MAPPING):
        for queue in stack.of_type(_QUEUE):
            if mapping.refers("eventSourceArn", queue):
                yield mapping, queue


def _consumers(stack: Stack, mapping: Resource) -> Iterator[Resource]:
    """The functions that a mapping invokes, by themselves or by an alias."""
    for target in stack.referred(mapping, "functionName"):
        if target.type == _FUNCTION:
            yield target
        elif target.type == "aws:lambda/alias:Alias":
            functions = stack.referred(target, "functionName")
            yield from (function for function in functions if function.type == _FUNCTION)


def _dead_letters(stack: Stack) -> Iterator[Violation]:
    redriven = [*stack.of_type("aws:sqs/redrivePolicy:RedrivePolicy")]
    seen: set[str] = set()
    for _mapping, queue in _queue_sources(stack):
        if queue.urn in seen:
            continue
        seen.add(queue.urn)
        policies = [queue.value("redrivePolicy")]
        policies += [each.value("redrivePolicy") for each in redriven if each.refers("queueUrl", queue)]
        if not any(_redrives(policy) for policy in policies):
            yield Violation(queue, "has no queue behind it for messages that keep failing")


def _redrives(policy: Any) -> bool:
    if policy is UNKNOWN:
        return True
    try:
        parsed = json.loads(policy) if isinstance(policy, str) else policy
    except ValueError:
        return False
    return isinstance(parsed, dict) and bool(cast("dict[str, Any]", parsed).get("deadLetterTargetArn"))


RULES = (
    Rule(
        name="supported-runtimes",
        description="Functions have a runtime that AWS supports.",
        remedy="Change PYTHON in components/packaging.py, and try the service with it.",
        check=_supported_runtimes,
    ),
    Rule(
        name="lasting-runtimes",
        description="Functions have a runtime that AWS supports for another half year.",
        remedy="Plan the next Python: PYTHON in components/packaging.py.",
        check=_lasting_runtimes,
        is_advisory=True,
    ),
    Rule(
        name="one-architecture",
        description="Functions run on arm64.",
        remedy="Give architectures=['arm64'], and packages built for it.",
        check=_one_architecture,
    ),
    Rule(
        name="fitting-limits",
        description="Functions end within five minutes, reserve no more than an account has, and finish with a message "
        "before others see it again.",
        remedy="Lower timeout or reserved_concurrency; give the queue six times the timeout as "
        "visibility_timeout_seconds.",
        check=_fitting_limits,
    ),
    Rule(
        name="dead-letters",
        description="Behind every queue that invokes a function there is one for messages that keep failing.",
        remedy="Use WorkQueue, or give the queue a redrive_policy.",
        check=_dead_letters,
    ),
)
