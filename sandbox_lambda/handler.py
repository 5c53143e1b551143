"""The Lambda entry point: a request in, an outcome out. It believes the worker, never the script."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Protocol, cast

from sandbox_lambda import runner

_MARGIN_SECONDS = 1.5
"""Kept from the function's own time to end the script, clean up and answer."""

_LEAST_SECONDS = 0.5

# The limits that a request may set, with the least value under which an interpreter can start at all.
_LEAST: Mapping[str, float] = {
    "wall_seconds": 0.1,
    "cpu_seconds": 1,
    "memory_mb": 64,
    "output_bytes": 0,
    "result_bytes": 0,
}


class Context(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int: ...


def handle(event: object, context: Context) -> dict[str, Any]:
    """Run `{"code", "event", "limits"?}` and describe how it ended.

    Raises ValueError for a malformed request and RuntimeError where no time is left: neither is the script's doing.
    """
    code, data, wanted = _parse(event)
    left = context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
    if left < _LEAST_SECONDS:
        raise RuntimeError(f"Too little of the function's time is left to run a script: {left:.1f} s after clean-up.")
    limits = runner.Limits(**wanted)
    limits = replace(limits, wall_seconds=min(limits.wall_seconds, left))
    return asdict(runner.run(code, data, limits))


def _parse(event: object) -> tuple[str, dict[str, Any], dict[str, Any]]:
    request = _mapping(event, "The request")
    if unknown := sorted(request.keys() - {"code", "event", "limits"}):
        raise ValueError(f"The request has unknown keys: {', '.join(unknown)}.")
    code = request.get("code")
    if not isinstance(code, str):
        raise ValueError(f"`code` must be a string, not {type(code).__name__}.")
    data = _mapping(request.get("event"), "`event`")
    wanted = _mapping({} if request.get("limits") is None else request["limits"], "`limits`")
    for name, value in wanted.items():
        _check_limit(name, value)
    return code, data, wanted


def _mapping(value: object, title: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{title} must be an object, not {type(value).__name__}.")
    return cast("dict[str, Any]", value)


def _check_limit(name: str, value: object) -> None:
    if name not in _LEAST:
        raise ValueError(f"`limits` has no {name!r}; it has {', '.join(_LEAST)}.")
    kinds = (int, float) if name == "wall_seconds" else (int,)
    if isinstance(value, bool) or not isinstance(value, kinds) or not _LEAST[name] <= value < float("inf"):
        kind = "number" if name == "wall_seconds" else "whole number"
        raise ValueError(f"`limits.{name}` must be a {kind} of at least {_LEAST[name]}, not {value!r}.")
