"""The reaper function: on a schedule, clears up what lost workers left behind."""

from dataclasses import asdict

from service.core import database
from service.core.settings import get_settings
from service.lambda_handlers.invocation import Context, configure, observed
from service.runs.dispatch import wake
from service.runs.reap import reap
from service.runs.runners import sandbox_runner

_FUNCTION = "reaper"

configure()

_MARGIN_MILLISECONDS = 45_000
"""Kept of the function's time: the destruction of one sandbox may take most of it."""


def handler(event: object, context: Context) -> dict[str, int]:  # noqa: ARG001  The schedule has nothing to say.
    """Make one pass, and answer with what it did."""
    with observed(_FUNCTION, context):
        reaped = reap(
            sessions=database.session_factory(),
            sandbox=sandbox_runner(),
            max_attempts=get_settings().queue_max_receives,
            wake=wake,
            is_time_left=lambda: context.get_remaining_time_in_millis() > _MARGIN_MILLISECONDS,
        )
    return asdict(reaped)
