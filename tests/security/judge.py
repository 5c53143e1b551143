"""Says what is wrong with the report of a case: nothing, where the runner kept its promise."""

import re
import signal
from collections.abc import Iterator, Mapping
from typing import Any

from sandbox_lambda.runner import Limits
from tests.security.attack import Attack, End, Weakness
from tests.security.guard import Guard, Report

_INNOCENT = {
    "status": "succeeded",
    "exit_code": 0,
    "signal": None,
    "reason": None,
    "stdout": "fine\n",
    "stderr": "",
    "result": {
        "folder": [],
        "note": 42,
        "pipe": "pipe",
        "child": 7,
        "said": ["thread"],
        "temporary": True,
    },
    "truncated": {"stdout": False, "stderr": False, "result": False},
}


def complaints(attack: Attack, guard: Guard, report: Report) -> list[str]:
    """What differs from the promise that holds under the guard's protections."""
    weakness = attack.weakness(guard.protections)
    if weakness is not None and weakness.kills_the_runner:
        return [] if report.died else ["the runner lives, stronger than the table says"]
    return list(_complaints(attack, weakness, guard.reported, report))


def _complaints(
    attack: Attack, weakness: Weakness | None, protections: Mapping[str, Any], report: Report
) -> Iterator[str]:
    if report.died:
        yield f"the runner's process {report.died}"
        return
    if report.error:
        yield f"the runner raised {report.error}"
    ends = (weakness and weakness.ends) or attack.ends
    if report.outcome:
        yield from differences(ends, attack.limits, report.outcome, got=bool(weakness and weakness.loot))
        if report.outcome["protections"] != protections:
            yield f"the run had the protections {report.outcome['protections']}, not {protections}"
    if report.then:
        found = report.then["result"]
        if bool(found) != bool(weakness and weakness.left) or report.then["status"] != "succeeded":
            yield f"the next run found {found!r}, having {report.then['status']}: {report.then['stderr']}"
    yield from innocent_complaints(report.innocent)
    changed = set(weakness.changed if weakness else ())
    if set(report.changed) != changed:
        shown = {name: change for name, change in report.changed.items() if name not in changed}
        yield f"changed is {sorted(report.changed)}, not {sorted(changed)}: {shown}"
    if bool(report.contacts) != bool(weakness and weakness.contacts):
        yield f"the listeners contacted were {report.contacts}"
    stolen = tuple(weakness.stolen if weakness else ())
    if report.stolen != stolen:
        yield f"the secrets stolen were {report.stolen}, not {stolen}"


def innocent_complaints(outcome: Mapping[str, Any] | None) -> Iterator[str]:
    """What differs from how an innocent run ends."""
    if outcome is None:
        return
    for name, value in _INNOCENT.items():
        if outcome[name] != value:
            yield f"the innocent run's {name} was {outcome[name]!r}, not {value!r}"


def differences(
    ends: End, limits: Mapping[str, Any], outcome: Mapping[str, Any], *, got: bool = False
) -> Iterator[str]:
    """What differs from how a run must end. `got`: its result must tell of something that it got."""
    if outcome["status"] not in ends.status.split("|"):
        yield f"status was {outcome['status']}, not {ends.status}"
    for name in ("exit_code", "signal"):
        if name in outcome and getattr(ends, name) not in (None, outcome[name]):
            yield f"{name} was {outcome[name]}, not {getattr(ends, name)}"
    if got:
        if not outcome["result"]:
            yield "it got nothing, less than the table says"
    elif not _fits(ends.result, outcome["result"]):
        yield f"result was {outcome['result']!r}, not {ends.result!r}"
    for name in ("stdout", "stderr"):
        if not _fits(getattr(ends, name), outcome[name]):
            yield f"{name} was {outcome[name][-1500:]!r}, not {getattr(ends, name)!r}"
    truncated = tuple(name for name, cut in outcome["truncated"].items() if cut)
    if truncated != ends.truncated and "|" not in ends.status:
        yield f"truncated was {truncated}, not {ends.truncated}"
    if outcome["reason"] not in (reasons := _reasons(outcome, limits)):
        yield f"reason was {outcome['reason']!r}, not one of {reasons}"


def _fits(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, re.Pattern):
        return wanted.fullmatch(found if isinstance(found, str) else str(found)) is not None
    return bool(wanted == found)


def _reasons(outcome: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str | None]:
    """What the owner of the script may be told, given how it ended."""
    limits = Limits(**wanted)
    match outcome["status"]:
        case "succeeded":
            return [None]
        case "timed_out":
            return [
                f"the script was still running after {limits.wall_seconds:g} s",
                f"the script used up its {limits.cpu_seconds} s of processor time",
            ]
        case "output_limit":
            cut = [name for name in ("stdout", "stderr") if outcome["truncated"][name]]
            return [f"the script wrote more than {limits.output_bytes:,} bytes to {name}" for name in cut]
        case "out_of_memory":
            return [f"the script needed more than {limits.memory_mb} MB of memory"]
        case _ if outcome["exit_code"] is None:
            numbers = [signal.Signals(outcome["signal"])] if "signal" in outcome else list(signal.Signals)
            return [f"signal {number.value} ({number.name}) ended the script" for number in numbers]
        case _:
            return [f"the script ended with exit code {outcome['exit_code']}"]
