"""What invokes the functions of a stack, and how often."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench.cost.load import SECONDS
from workbench.cost.usage import Site, at
from workbench.diff.snapshot import Entry

FUNCTION = "aws:lambda/function:Function"
SCHEDULE = "aws:scheduler/schedule:Schedule"
SOURCE = "aws:lambda/eventSourceMapping:EventSourceMapping"
_ALIAS = "aws:lambda/alias:Alias"
_QUEUE = "aws:sqs/queue:Queue"
_SANDBOX = "plinth:index:SandboxFunction"

_REQUESTED = (
    ("aws:apigatewayv2/integration:Integration", "integrationUri"),
    ("aws:lambda/functionUrl:FunctionUrl", "functionName"),
)
"""What hands requests to a function, and the input that names it."""


@dataclass(frozen=True)
class Invocations:
    """How often a function is invoked in a month for one reason, and for how long each time."""

    count: float
    seconds: float
    loaded: bool
    """Whether that is so under load alone."""


def invocations(site: Site, function: Entry) -> Iterator[Invocations]:
    """All that invokes a function. Requests are spread evenly over the functions that serve any, and so are runs."""
    load = site.load
    if in_sandbox(site, function):
        yield Invocations(load.runs, load.run_seconds, loaded=True)
        return
    found = triggers(site)
    for schedule, target in found.scheduled:
        if target is function:
            yield Invocations(SECONDS / interval_of(site, schedule), load.scheduled_seconds, loaded=False)
    if function.urn in found.serving:
        yield Invocations(load.requests / len(found.serving), load.request_seconds, loaded=True)
    if function.urn in found.working:
        yield Invocations(load.runs / len(found.working), load.worker_seconds, loaded=True)


def in_sandbox(site: Site, entry: Entry) -> bool:
    """Whether a resource runs untrusted code, one run at a time."""
    return site.inside(entry, _SANDBOX)


@dataclass(frozen=True)
class Triggers:
    """What invokes the functions of one stack."""

    scheduled: Sequence[tuple[Entry, Entry]]
    """The schedules that are on, each with the function that it invokes."""
    consumers: Sequence[Entry]
    """What takes messages from queues for functions."""
    serving: frozenset[str]
    """The URNs of the functions that serve requests."""
    working: frozenset[str]
    """The URNs of those that messages go to."""


@lru_cache(maxsize=1)
def triggers(site: Site) -> Triggers:
    """Finds them all."""
    consumers = _consumers(site)
    requesting = [(each, key) for type_, key in _REQUESTED for each in site.of_type(type_)]
    return Triggers(
        scheduled=[
            (schedule, function)
            for schedule in site.of_type(SCHEDULE)
            if schedule.inputs.get("state") != "DISABLED"
            for function in _led(site, schedule, "target")
        ],
        consumers=consumers,
        serving=_urns(function for each, key in requesting for function in _led(site, each, key)),
        working=_urns(function for each in consumers for function in _led(site, each, "functionName")),
    )


def _consumers(site: Site) -> list[Entry]:
    return [
        each
        for each in site.of_type(SOURCE)
        if each.inputs.get("enabled") is not False
        and (site.made_of(each, "eventSourceArn", _QUEUE) or ":sqs:" in str(each.inputs.get("eventSourceArn")))
    ]


def interval_of(site: Site, schedule: Entry) -> float:
    """Seconds from one invocation to the next. A daily one is assumed where the expression is no rate."""
    expression = str(at(schedule.inputs, "scheduleExpression"))
    rate = re.fullmatch(r"rate\((\d{1,6}) (minute|hour|day)s?\)", expression)
    if rate is None or rate[1].strip("0") == "":
        site.notes.append(f"{schedule.name}: only rates are understood as schedules; one invocation a day is assumed.")
        return _UNITS["day"]
    return int(rate[1]) * _UNITS[rate[2]]


_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}


def _led(site: Site, entry: Entry, key: str) -> Iterator[Entry]:
    """The functions that an input leads to, itself or by an alias."""
    yield from site.made_of(entry, key, FUNCTION)
    for alias in site.made_of(entry, key, _ALIAS):
        yield from site.made_of(alias, "functionName", FUNCTION)


def _urns(functions: Iterable[Entry]) -> frozenset[str]:
    return frozenset(function.urn for function in functions)
