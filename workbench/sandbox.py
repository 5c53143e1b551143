"""Runs a script on this machine under the limits and the hardening of the service's sandbox, and tells how it ended.

The runner is a process of its own, as on Lambda: what it gives up and what a script does to it never meets the command.
"""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, TextIO, cast

from workbench.errors import UserError
from workbench.local.interrupts import interruptible, uninterrupted
from workbench.project import ROOT

MAX_CODE_BYTES = 65_536
"""What the API takes of an automation's code."""

MAX_EVENT_BYTES = 1_000_000
"""Far more than two items can be."""

LIMITS: Mapping[str, tuple[str, float, float, float]] = {
    "wall_seconds": ("--timeout", 10.0, 0.1, 900),
    "cpu_seconds": ("--cpu", 5, 1, 900),
    "memory_mb": ("--memory", 256, 64, 10_240),
}
"""The limits that can be set: the option, the service's own value, and a range, up to what Lambda could give."""

_ITEM = {
    "id": "0197f39f-1c2d-7a4b-8e6f-5d4c3b2a1908",
    "name": "Espresso machine",
    "description": "Silver dual boiler machine",
    "version": 1,
}

EVENT: Mapping[str, Any] = {
    "trigger": "manual",
    "run_id": "0197f3a0-5b7e-7c3e-9d2f-3a5b8c1d4e6f",
    "before": _ITEM,
    "after": _ITEM,
}
"""What a script is given unless told otherwise: the event of a run that was started by hand, of an example item."""

PROTECTIONS: Mapping[str, tuple[str, str, str]] = {
    "own_user": (
        "a uid of its own",
        "A script can signal and inspect no process but its own, and process limits bind it alone.",
        "Lambda gives a function one uid. The run has a virtual machine to itself instead, used once.",
    ),
    "closed_to_inspection": (
        "a closed runner",
        "The runner's memory, environment and descriptors cannot be read by a script of the same uid.",
        "The function's environment holds the credentials of a role that may do nothing.",
    ),
    "orphans_found": (
        "orphans found",
        "Processes that leave the script's session are found and ended with it.",
        "The sandbox is destroyed after the run, with every process in it.",
    ),
    "seccomp": (
        "seccomp",
        "System calls that scripts do not need are refused: sockets, tracing, namespaces, what outlives a process.",
        "Reported to be refused inside Lambda. The network has no way out, and Firecracker stands before the kernel.",
    ),
    "landlock": (
        "Landlock",
        "Files can be read only where an interpreter needs it, and written only in temporary folders.",
        "Reported to be absent from Lambda. A function's files hold nothing but the runner and public packages.",
    ),
    "exit_notice": (
        "exit notice",
        "The end of a script is noticed at once, and not by looking every few milliseconds.",
        "It makes runs shorter, not safer.",
    ),
    "copied_interpreter": (
        "copied interpreter",
        "Python lies where other users may not look, so runs start from a copy that they can read and not change.",
        "Everybody may read Lambda's Python, so none is made.",
    ),
}
"""What hardens a run: its title, what it means, and what the boundary on AWS is instead."""

_PATIENCE_SECONDS = 30
"""On top of the script's own time: the runner is given it to clean up and to answer."""

# A carriage return is among them: it would let a script write over what stands before it.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

_LONGEST_SUMMARY = 1_000


def code_of(file: str) -> str:
    """The script in a file, or on standard input for `-`. Raises UserError for what the API would not take either."""
    source = "Standard input" if file == "-" else file
    code = _text(_content(file, MAX_CODE_BYTES, source), source)
    if not code or "\0" in code:
        reason = "holds a NUL character" if code else "is empty"
        raise UserError(f"{source} {reason}: no automation can have that code.")
    return code


def event_of(given: str | None) -> Mapping[str, Any]:
    """The event that `--event` gives, as JSON or as a file with JSON in it. Raises UserError where it is neither."""
    if given is None:
        return EVENT
    inline = given.lstrip().startswith("{")
    source = "--event" if inline else given
    text = given if inline else _text(_content(given, MAX_EVENT_BYTES, source), source)
    try:
        event = json.loads(text, parse_constant=_refuse)
        json.dumps(event, allow_nan=False)  # a number too large for a float has become infinite
    except RecursionError:
        raise UserError(f"{source} nests too deep.") from None
    except ValueError as error:
        raise UserError(f"{source} is no valid JSON: {error}.") from None
    if not isinstance(event, dict):
        raise UserError(f"{source} must hold a JSON object: a script finds it in the global `event`.")
    return cast("dict[str, Any]", event)


def limits_of(**given: float | None) -> Mapping[str, float]:
    """The limits, by the runner's names for them: the service's where none is given. Raises UserError out of range."""
    limits = {name: default for name, (_, default, _, _) in LIMITS.items()}
    for name, value in given.items():
        option, _, least, most = LIMITS[name]
        if value is None:
            continue
        if not least <= value <= most:
            raise UserError(f"{option} is {value:g}: give {least:g} to {most:g}.")
        limits[name] = value
    return limits


def run(code: str, event: Mapping[str, Any], limits: Mapping[str, float]) -> Mapping[str, Any]:
    """How the script ended, as the sandbox's handler answers the service. Raises UserError where the sandbox failed.

    Interrupted, it takes the script down with everything that it started, and raises KeyboardInterrupt.
    """
    with interruptible():
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox_lambda"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # Not the caller's folder: a module in it could take the place of one of the runner's.
            cwd=ROOT,
            env={name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ},
            # Out of the terminal's reach: Ctrl-C asks this command, which asks the runner, which then cleans up.
            start_new_session=True,
        )
        request = json.dumps({"code": code, "event": event, "limits": limits}).encode()
        try:
            answer, said = process.communicate(request, timeout=limits["wall_seconds"] + _PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            raise UserError("The sandbox gave no answer, and was ended.") from None
        finally:
            _end(process)
    if process.returncode:
        told = said.decode(errors="replace").strip().rpartition("\n")[2]
        raise UserError(escaped(told) or f"The sandbox ended without an answer: exit status {process.returncode}.")
    return json.loads(answer)


def show(outcome: Mapping[str, Any], out: TextIO, err: TextIO) -> None:
    """Print what the script printed, each stream where it belongs, and on `err` how it ended.

    To a pipe the text goes as it is. A terminal gets no control characters but tabs and line ends.
    """
    _write(out, outcome["stdout"], ends=out.isatty())
    out.flush()
    _write(err, outcome["stderr"], ends=True)
    for line in _summary(outcome):
        _write(err, escaped(line), ends=True)


def protections() -> Mapping[str, Any]:
    """What hardened a run on this machine just now."""
    return run("pass", {}, limits_of())["protections"]


def held(value: bool | int) -> str:
    """A protection's value in words: some are versions."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"yes, version {value}" if value else "no"


def escaped(text: str) -> str:
    """The text with its control characters spelt out, so that none reaches a terminal."""
    return _CONTROLS.sub(lambda found: ascii(found.group())[1:-1], text)


def _content(file: str, most: int, source: str) -> bytes:
    try:
        with open(0 if file == "-" else file, "rb", closefd=file != "-") as stream:
            content = stream.read(most + 1)
    except OSError as error:
        raise UserError(f"{source} cannot be read: {error.strerror}.") from None
    if len(content) > most:
        raise UserError(f"{source} is longer than {most:,} bytes.")
    return content


def _text(content: bytes, source: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UserError(f"{source} is not text in UTF-8.") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _end(process: subprocess.Popen[bytes]) -> None:
    """Have the runner clean up, if it still runs. Killed, it would take its script along, but leave its files."""
    if process.poll() is not None:
        return
    with uninterrupted():
        process.send_signal(signal.SIGINT)
        try:
            process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def _write(stream: TextIO, text: str, *, ends: bool) -> None:
    if stream.isatty():
        text = escaped(text)
    if ends and text and not text.endswith("\n"):
        text += "\n"
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _summary(outcome: Mapping[str, Any]) -> list[str]:
    if outcome["status"] == "succeeded":
        lines = [f"succeeded in {outcome['duration_ms']} ms"]
        if outcome["result"] is not None:
            result = json.dumps(outcome["result"], ensure_ascii=False)
            cut = result[:_LONGEST_SUMMARY] + "… (--json prints all of it)"
            lines[0] += f"; result: {result if len(result) <= _LONGEST_SUMMARY else cut}"
    else:
        lines = [f"{outcome['status']}: {outcome['reason']}"]
    for stream in ("stdout", "stderr"):
        if outcome["truncated"][stream]:
            lines.append(f"{stream} is cut short: it had more than is kept")
    if outcome["truncated"]["result"]:
        lines.append("the result is left out: it is larger or deeper than is kept")
    return lines
