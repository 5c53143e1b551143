"""Reads what a sandbox answered.

Untrusted code may have written any of it. What is read here can misreport that one run and do nothing else: sizes and
ranges are checked, and no answer can have a script started again.
"""

import json
import math
import signal
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from service.runs.sandbox import RunOutcome, SandboxLostError

MOST_BYTES: Final = 1 << 20
"""More than the longest answer that the runner gives. Nothing beyond is read."""

_STATUSES: Final = ("succeeded", "failed", "timed_out", "output_limit", "out_of_memory")
_TEXT_CHARACTERS: Final = 65_536
_REASON_CHARACTERS: Final = 500
_DURATION_MS: Final = 15 * 60 * 1000
_PROTECTIONS: Final = 20

_REASONS: Final[Mapping[str, str]] = {
    "timed_out": "the script was still running when its time was over",
    "output_limit": "the script wrote more than it may",
    "out_of_memory": "the script needed more memory than it may use",
}
_ENDED_BY_THE_RUNTIME: Final = "the script ended the sandbox's own process"


def outcome_of(body: bytes) -> RunOutcome:
    """What the sandbox's handler answered. Raises SandboxLostError for anything but its contract."""
    answer = _parsed(body)
    status, truncated = answer.get("status"), answer.get("truncated")
    if status not in _STATUSES or not isinstance(truncated, dict):
        _malformed(body)
    exit_code = _integer(answer, "exit_code", 255, body)
    ended_by = _integer(answer, "signal", 127, body)
    return RunOutcome(
        status=status,
        exit_code=exit_code,
        signal=ended_by,
        stdout=_text(answer, "stdout", body),
        stderr=_text(answer, "stderr", body),
        stdout_truncated=bool(cast("Any", truncated).get("stdout")),
        stderr_truncated=bool(cast("Any", truncated).get("stderr")),
        result_truncated=bool(cast("Any", truncated).get("result")),
        result=answer.get("result"),
        duration_ms=_integer(answer, "duration_ms", _DURATION_MS, body),
        reason=None if status == "succeeded" else _reason(answer, status, exit_code, ended_by, body),
        protections=_protections(answer.get("protections")),
    )


def failure_of(body: bytes) -> RunOutcome:
    """What Lambda said in place of an answer, where the script is to blame for it.

    Raises SandboxLostError where nothing tells, and also where the function is said to be broken: a script that talks
    to the runtime's API can say that, too, and would be started again.
    """
    failure = _parsed(body)
    kind, message = str(failure.get("errorType")), str(failure.get("errorMessage"))
    if "Task timed out" in message:
        return RunOutcome(status="timed_out", reason=_REASONS["timed_out"])
    if "signal: killed" in message or kind == "Runtime.OutOfMemory":
        return RunOutcome(status="out_of_memory", reason=_REASONS["out_of_memory"])
    if "Runtime exited" in message:
        # Nothing but the script runs there that could end the runtime.
        return RunOutcome(status="failed", reason=_ENDED_BY_THE_RUNTIME)
    raise SandboxLostError(f"{kind}: {message}"[:_REASON_CHARACTERS])


def _parsed(body: bytes) -> Mapping[str, Any]:
    if len(body) > MOST_BYTES:
        _malformed(body)
    try:
        answer = json.loads(body, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        _malformed(body)
    return cast("Mapping[str, Any]", answer) if isinstance(answer, dict) else _malformed(body)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is beyond a float")
    return number


def _integer(answer: Mapping[str, Any], key: str, most: int, body: bytes) -> int | None:
    value = answer.get(key)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most):
        return value
    return _malformed(body)


def _text(answer: Mapping[str, Any], key: str, body: bytes) -> str:
    value = answer.get(key)
    return value if isinstance(value, str) and len(value) <= _TEXT_CHARACTERS else _malformed(body)


def _reason(answer: Mapping[str, Any], status: str, exit_code: int | None, ended_by: int | None, body: bytes) -> str:
    reason = answer.get("reason")
    if reason is None:
        return _REASONS.get(status) or _failure(exit_code, ended_by)
    return reason if isinstance(reason, str) and len(reason) <= _REASON_CHARACTERS else _malformed(body)


def _failure(exit_code: int | None, ended_by: int | None) -> str:
    if ended_by is None:
        return "the script failed" if exit_code is None else f"the script ended with exit code {exit_code}"
    try:
        return f"signal {ended_by} ({signal.Signals(ended_by).name}) ended the script"
    except ValueError:
        return f"signal {ended_by} ended the script"


def _protections(value: object) -> Mapping[str, Any] | None:
    """Flags and small numbers by name; None for anything else: they go to logs and are worth no failure."""
    if not isinstance(value, dict) or len(cast("dict[Any, Any]", value)) > _PROTECTIONS:
        return None
    protections = cast("dict[str, object]", value)
    told = all(
        name.isidentifier() and len(name) <= 40 and isinstance(held, int) and abs(held) < 1000
        for name, held in protections.items()
    )
    return protections if told else None


def _malformed(body: bytes) -> NoReturn:
    raise SandboxLostError(f"the sandbox's answer is not of its contract: {body[:200]!r}")
