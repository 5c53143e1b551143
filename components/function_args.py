"""What a Python function takes, and what is refused before anything is made of it. Pure: no resource is made here."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from components.component import ComponentArgs, check_keys
from components.grants import Grant
from components.rules import Rule, check, demand, like, or_none, retention, several, truth, whole

DEFAULT_CONCURRENCY = 2
"""Invocations at once from a queue that says nothing else: the fewest that Lambda can be held to."""


class QueueSource(TypedDict):
    """A queue whose messages the function consumes. The right to do so comes with the queue's `receives()` grant."""

    name: str
    """What the queue is called in the stack: the end of the mapping's name."""

    queue_arn: pulumi.Input[str]
    """The queue."""

    batch_size: NotRequired[int]
    """Messages in one invocation, 1 to 10. Default 1: one message's time and memory are its own."""

    maximum_concurrency: NotRequired[int]
    """Invocations at once from this queue, 2 to 1000. Default 2. The rest waits in the queue."""


class Schedule(TypedDict):
    """A time at which the function is invoked, again and again."""

    name: str
    """What the schedule is called in the stack: the end of its name."""

    expression: str
    """When, as EventBridge Scheduler says it: `rate(1 minute)`, or `cron(0 3 * * ? *)` in UTC."""


class KeptVersion(TypedDict):
    """An older version of the function that goes on taking a share of the traffic."""

    version: pulumi.Input[str]
    """Its number, such as `"41"`: a version that was published before, with the role that the function has now."""

    share: float
    """How much of the traffic it keeps, above 0 and below 1: of 0.9, the version just published takes a tenth."""


class PythonFunctionArgs(ComponentArgs):
    code: pulumi.Archive
    """The function's own code (`components.packaging`)."""

    handler: str
    """Dotted path of the entry point, such as `service.lambda_handlers.api.handler`."""

    layers: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs of layer versions: what the code imports and does not bring. Default none."""

    grants: NotRequired[Sequence[Grant]]
    """All that the function may use. Its role, environment and connections are their union. Default nothing."""

    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Variables beside those of the grants. Default none."""

    vpc_id: NotRequired[pulumi.Input[str]]
    """The VPC to run in, together with `subnet_ids`. Default none."""

    subnet_ids: NotRequired[pulumi.Input[Sequence[str]]]
    """The subnets to run in, together with `vpc_id`. Default none."""

    queues: NotRequired[Sequence[QueueSource]]
    """Queues whose messages invoke the function. Default none."""

    schedules: NotRequired[Sequence[Schedule]]
    """Times at which the function is invoked. An invocation that fails is not repeated, nor one that comes a minute
    late: the next one makes up for it. Default none."""

    on_failure_queue_arn: NotRequired[pulumi.Input[str]]
    """The SQS queue that gets what would otherwise be lost: asynchronous invocations that failed for the last time,
    with their event and their error, and schedules that could not be delivered. The function may send there. What
    comes from `queues` is not meant: it has the dead-letter queue of its own queue. Default none."""

    keeps: NotRequired[KeptVersion | None]
    """Deploys gradually: an older version keeps a share of the traffic. First deploy with the version that the alias
    points to now; then look at the alarms, which tell versions apart by `ExecutedVersion`, and lessen the share or
    deploy what was there before; then take this away, and the new version has it all. Nothing moves by itself: with
    CodeDeploy somebody would have to start a deployment beside Pulumi's, and the alias would differ from the program
    while it runs. Both versions use one database, so the schema must suit both. Default none."""

    allows_recursion: NotRequired[bool]
    """Whether the function may send messages to a queue that invokes it. Lambda otherwise takes what goes around some
    sixteen times for an endless loop and drops it. Default false. Caution: the code must see to it that every chain
    ends."""

    memory_mb: NotRequired[int]
    """Memory in MB, 128 to 10240; processor time grows with it, one whole core at 1769. Default 512."""

    timeout_seconds: NotRequired[int]
    """Seconds before an invocation is stopped, 1 to 900. Default 20."""

    ephemeral_storage_mb: NotRequired[int]
    """MB of disk under /tmp, 512 to 10240. Default 512, which costs nothing and is all that `snap_start` allows."""

    reserved_concurrency: NotRequired[int | None]
    """Instances at most, taken out of what the account shares. 0 stops the function. Default none: it shares."""

    log_retention_days: NotRequired[int]
    """Days that log lines are kept; one of the values CloudWatch knows. Default 30."""

    snap_start: NotRequired[bool]
    """Whether new instances start from a snapshot of the initialised one. Default false. Caution: what is made at
    import is shared by all of them, random seeds and connections included."""

    tracing: NotRequired[bool]
    """Whether Lambda records traces of sampled invocations in X-Ray, and the code adds its own steps. Default true."""


_NAME = like(r"[a-z][a-z0-9-]*", "lower-case letters, digits and hyphens, a letter first")

HANDLER = like(
    r"(?=.{3,128}$)[A-Za-z_]\w*(\.[A-Za-z_]\w*)+",
    "a dotted path that ends in the function's name, such as 'service.lambda_handlers.api.handler'",
)
"""What Lambda takes as the entry point of Python code."""

_RULES = {
    "handler": HANDLER,
    "layers": several(0, 5, "five layers at most"),
    "subnet_ids": several(1, 16, "1 to 16 subnets"),
    "allows_recursion": truth(),
    "memory_mb": whole(128, 10_240),
    "timeout_seconds": whole(1, 900),
    "ephemeral_storage_mb": whole(512, 10_240),
    "reserved_concurrency": or_none(whole(0, 100_000)),
    "log_retention_days": retention(),
    "snap_start": truth(),
    "tracing": truth(),
}
"""The quotas of Lambda (Developer Guide: Lambda quotas; API reference: VpcConfig)."""

_QUEUE_RULES = {"name": _NAME, "batch_size": whole(1, 10), "maximum_concurrency": whole(2, 1000)}
"""More than 10 messages would also need a time to wait for them, with which none is taken up at once."""

_EXPRESSION = like(
    r"rate\((1 (minute|hour|day)|([2-9]|[1-9]\d+) (minutes|hours|days))\)|cron\([^ )]+( [^ )]+){5}\)",
    "rate(1 minute), rate(2 hours) or alike, or cron() with six fields such as cron(0 3 * * ? *)",
)
_SCHEDULE_RULES = {"name": _NAME, "expression": _EXPRESSION}

_KEPT_RULES: Mapping[str, Rule] = {
    "version": like(r"[1-9]\d*", "the number of a published version, in quotes, such as '41'"),
    "share": (lambda value: type(value) is float and 0 < value < 1, "a number above 0 and below 1, such as 0.9"),
}

_LAMBDAS_OWN_VARIABLES = frozenset(
    (
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    )
)
"""What Lambda sets itself and lets nobody set (Developer Guide: Defined runtime environment variables)."""


def check_function(label: str, args: PythonFunctionArgs) -> None:
    """Refuses before anything is registered what Lambda would refuse half-way through, and what would lose messages.

    Raises ValueError, which begins with `label` and says what to give.
    """
    check(label, args, _RULES)
    if ("vpc_id" in args) != ("subnet_ids" in args):
        raise ValueError(f"{label}: give vpc_id and subnet_ids together, or neither.")
    queues, schedules, reserved = args.get("queues", ()), args.get("schedules", ()), args.get("reserved_concurrency")
    _check_each(f"{label}, queues", queues, QueueSource, _QUEUE_RULES)
    _check_each(f"{label}, schedules", schedules, Schedule, _SCHEDULE_RULES)
    wanted = sum(source.get("maximum_concurrency", DEFAULT_CONCURRENCY) for source in queues)
    if reserved and reserved < wanted:
        raise ValueError(
            f"{label}: reserved_concurrency is {reserved}: give {wanted} or more, as many as its queues may use at "
            "once, since a message that finds no instance is delivered in vain and ends among the dead letters."
        )
    if args.get("snap_start") and args.get("ephemeral_storage_mb", 512) > 512:
        raise ValueError(
            f"{label}: ephemeral_storage_mb is {args.get('ephemeral_storage_mb')}: leave it out, or snap_start, since "
            "Lambda takes snapshots of functions with 512 MB only."
        )
    if (kept := args.get("keeps")) is not None:
        check_keys(f"{label}, keeps", KeptVersion, kept)
        check(f"{label}, keeps", kept, _KEPT_RULES)


def _check_each(label: str, given: Sequence[Mapping[str, Any]], kind: Any, rules: Mapping[str, Rule]) -> None:
    names: set[str] = set()
    for entry in given:
        check_keys(label, kind, entry)
        check(label, entry, rules)
        demand(entry["name"] not in names, label, "name", entry["name"], "each a name of its own")
        names.add(entry["name"])


def check_variables(label: str, variables: Mapping[str, pulumi.Input[str]]) -> None:
    """Raises ValueError for an environment variable that Lambda would not take."""
    for name in variables:
        if name in _LAMBDAS_OWN_VARIABLES or re.fullmatch(r"[A-Za-z]\w+", name) is None:
            raise ValueError(
                f"{label}: Lambda does not take an environment variable {name!r}: give it a name of letters, digits "
                "and underscores, a letter first, that Lambda does not set itself."
            )
