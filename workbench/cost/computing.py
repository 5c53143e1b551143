"""What runs code, and what brings it its work: functions, MicroVMs, queues and schedules."""

from collections.abc import Iterator

from workbench.cost.load import SECONDS
from workbench.cost.triggers import in_sandbox, interval_of, invocations, triggers
from workbench.cost.usage import Site, Usage, at, used
from workbench.cost.watching import logged
from workbench.diff.snapshot import Entry


def function(site: Site, entry: Entry) -> Iterator[Usage]:
    """A function's time, its invocations, traces and log, and the snapshot of one version."""
    gb = site.number(entry, "memorySize", 128) / 1024
    architecture = at(entry.inputs, "architectures.0") or "x86_64"
    time = "function time, arm64" if architecture == "arm64" else "function time, x86_64"
    traced = at(entry.inputs, "tracingConfig.mode") == "Active"
    group = at(entry.inputs, "loggingConfig.logGroup") or f"/aws/lambda/{entry.inputs.get('name', entry.name)}"
    before = 0.0
    for each in invocations(site, entry):
        seconds = min(each.seconds, site.number(entry, "timeout", 3))
        yield used("time", time, (each.count, "times"), (seconds, "s"), (gb, "GB"), loaded=each.loaded)
        yield used("invocations", "invocations", (each.count, "invocations"), loaded=each.loaded)
        if traced:
            recorded = _sampled(before + each.count) - _sampled(before)
            yield used("traces", "traces", (recorded, "traces"), loaded=each.loaded)
        if not in_sandbox(site, entry):
            logs = each.count * site.load.function_log_bytes / 1e9
            yield from logged(site, logs, group, loaded=each.loaded)
        before += each.count
    if at(entry.inputs, "snapStart.applyOn") == "PublishedVersions":
        yield used("snapshot", "snapshot", (gb, "GB"), (SECONDS, "s"))
        restores = site.load.requests * site.load.cold_starts
        yield used("snapshot restores", "snapshot restores", (restores, "starts"), (gb, "GB"), loaded=True)


def _sampled(invocations: float) -> float:
    """Traces that Lambda takes of them: one a second, and 5 % of the rest (AWS Lambda developer guide, X-Ray)."""
    return min(invocations, SECONDS) + 0.05 * max(0, invocations - SECONDS)


def image(site: Site, entry: Entry) -> Iterator[Usage]:
    """An image of MicroVMs, of which each run starts one of the baseline size."""
    load = site.load
    yield used("image", "MicroVM images", (_MICROVM_GB, "GB"))
    if in_sandbox(site, entry):
        time = ((load.runs, "runs"), (load.run_seconds, "s"))
        yield used("processors", "MicroVM processor", *time, (_MICROVM_CPUS, "vCPU"), loaded=True)
        yield used("memory", "MicroVM memory", *time, (_MICROVM_GB, "GB"), loaded=True)
    site.notes.append(
        f"{entry.name}: reading the image at each start, and bursts above the baseline, are not estimated."
    )


_MICROVM_GB = 2.0
_MICROVM_CPUS = 1.0


def schedule(site: Site, entry: Entry) -> Iterator[Usage]:
    """A schedule's invocations."""
    if entry.inputs.get("state") != "DISABLED":
        count = SECONDS / interval_of(site, entry)
        yield used("schedules", "scheduled invocations", (count, "invocations"))


def event_source(site: Site, entry: Entry) -> Iterator[Usage]:
    """A consumer of a queue: its polling, which never stops, and what a message takes."""
    found = triggers(site).consumers
    if entry not in found:
        site.notes.append(f"{entry.name}: only event sources that are queues are estimated.")
        return
    yield used("polling", "queue requests", (_POLLERS, "connections"), (SECONDS / _POLL_SECONDS, "requests"))
    runs = site.load.runs / len(found)
    yield used("messages", "queue requests", (runs, "messages"), (_REQUESTS_A_MESSAGE, "requests"), loaded=True)


_POLLERS = 5
"""Connections with which Lambda polls an idle queue (AWS Lambda developer guide, Using Lambda with Amazon SQS)."""

_POLL_SECONDS = 20

_REQUESTS_A_MESSAGE = 3
"""It is sent, taken and deleted."""
