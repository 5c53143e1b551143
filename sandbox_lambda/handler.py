"""The Lambda entry point: a request in, an outcome out. It believes the worker, never the script."""

from typing import Any, Protocol

from sandbox_lambda import request, runner

_MARGIN_SECONDS = 1.5
"""Kept from the function's own time to end the script, clean up and answer."""

_LEAST_SECONDS = 0.5


class Context(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int: ...


def handle(event: object, context: Context) -> dict[str, Any]:
    """Run `{"code", "event", "limits"?}` and describe how it ended.

    Raises ValueError for a malformed request and RuntimeError where no time is left: neither is the script's doing.
    """
    asked = request.parse(event)
    left = context.get_remaining_time_in_millis() / 1000 - _MARGIN_SECONDS
    if left < _LEAST_SECONDS:
        raise RuntimeError(f"Too little of the function's time is left to run a script: {left:.1f} s after clean-up.")
    limits = asked.limits._replace(wall_seconds=min(asked.limits.wall_seconds, left))
    return runner.run(asked.code, asked.event, limits).document()
