"""What surrounds every invocation of a function: fields of its log lines, its metrics and its trace."""

import gc
from collections.abc import Generator
from contextlib import contextmanager
from typing import Protocol

from service.core import metrics, tracing
from service.core.logging import configure_logging, invocation

_COLLECTION_THRESHOLDS = (10_000, 10, 10)
"""Of Python's three generations. A request makes some thousand objects, and few that only a collection would free."""

_cold = True


class Context(Protocol):
    """What is used of Lambda's context object."""

    def get_remaining_time_in_millis(self) -> int:
        """How long this invocation may still take."""
        ...


def configure() -> None:
    """Set up logs and traces, once, as the function starts."""
    configure_logging()
    tracing.configure_tracing()


def started() -> None:
    """The function is initialised. What was made until now stays, and a collection need not visit it.

    So no page of a snapshot is copied either, only because a collection passed through it.
    """
    gc.freeze()
    gc.set_threshold(*_COLLECTION_THRESHOLDS)


@contextmanager
def observed(function: str, context: object) -> Generator[None]:
    """One invocation of that function, from the first line to the last."""
    global _cold
    cold, _cold = _cold, False
    if cold:
        started()
    fields: dict[str, object] = {"function_request_id": getattr(context, "aws_request_id", None), "cold_start": cold}
    token = invocation.set(fields)
    try:
        with metrics.collected(), tracing.traced(function, cold_start=int(cold)):
            if cold:
                metrics.add("ColdStart")
            yield
    finally:
        invocation.reset(token)
