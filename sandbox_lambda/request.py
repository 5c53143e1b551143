"""What the sandbox is asked to do: the one place where a request is read and checked."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

from sandbox_lambda.outcome import Limits

# The limits that a request may set, with the least value under which an interpreter can start at all.
_LEAST: Mapping[str, float] = {
    "wall_seconds": 0.1,
    "cpu_seconds": 1,
    "memory_mb": 64,
    "output_bytes": 0,
    "result_bytes": 0,
}


class Request(NamedTuple):
    """A script, its event, and the limits: what the request says of them, and the usual ones for the rest."""

    code: str
    event: dict[str, Any]
    limits: Limits


def parse(body: object) -> Request:
    """Check a request as it came out of JSON. Raises ValueError, in words, for anything but what is agreed."""
    request = _mapping(body, "The request")
    if unknown := sorted(request.keys() - {"code", "event", "limits"}):
        raise ValueError(f"The request has unknown keys: {', '.join(unknown)}.")
    code = request.get("code")
    if not isinstance(code, str):
        raise ValueError(f"`code` must be a string, not {type(code).__name__}.")
    data = _mapping(request.get("event"), "`event`")
    wanted = _mapping({} if request.get("limits") is None else request["limits"], "`limits`")
    for name, value in wanted.items():
        _check_limit(name, value)
    return Request(code, data, Limits(**wanted))


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
