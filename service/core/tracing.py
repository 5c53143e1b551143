"""Traces for X-Ray: what an invocation spent its time on.

Nothing is imported or patched for it outside Lambda or where POWERTOOLS_TRACE_DISABLED says so. The X-Ray SDK brings
much of botocore: where tracing is on, it is imported as the function starts, and no request waits for it.
"""

import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from service.core.settings import service_name

_YES = ("1", "y", "yes", "t", "true", "on")
_BEGUN = "plinth.subsegment"
"""The mark of a connection whose statement is being traced."""

_tracer: Any = None


def configure_tracing() -> None:
    """Start to trace, if this is a Lambda function that has tracing."""
    global _tracer
    disabled = os.environ.get("POWERTOOLS_TRACE_DISABLED", "").lower() in _YES
    if _tracer is not None or disabled or not os.environ.get("LAMBDA_TASK_ROOT"):
        return
    from aws_lambda_powertools.tracing import Tracer

    tracer = Tracer(service=service_name(), auto_patch=False)
    if not tracer.disabled:
        _tracer = tracer
        _trace_statements()


@contextmanager
def traced(name: str, **annotations: str | int) -> Generator[None]:
    """Trace the block as one subsegment, found by its annotations. An error that leaves the block is a fault in it."""
    if _tracer is None:
        yield
        return
    subsegment = _tracer.provider.begin_subsegment(name)
    for key, value in annotations.items():
        annotate(key, value)
    try:
        yield
    except Exception as error:
        # Its kind alone: the text of an error can hold what a user entrusted to us.
        annotate("error", type(error).__name__)
        if subsegment is not None:
            subsegment.add_fault_flag()
        raise
    finally:
        _tracer.provider.end_subsegment()


def annotate(key: str, value: str | int) -> None:
    """Annotate the subsegment being traced."""
    if _tracer is not None:
        _tracer.put_annotation(key=key, value=value)


def _trace_statements() -> None:
    from sqlalchemy import Engine, event

    # Errors are told of statements too that were never begun (a value is missing) or had ended (a row is unreadable).
    def begin(connection: Any, _cursor: Any, _statement: str, _parameters: Any, _context: Any, _many: bool) -> None:
        connection.info[_BEGUN] = True
        _tracer.provider.begin_subsegment("database", namespace="remote")

    def end(connection: Any, *_: Any) -> None:
        if connection.info.pop(_BEGUN, False):
            _tracer.provider.end_subsegment()

    def fail(context: Any) -> None:
        if context.connection is not None and not context.connection.invalidated:
            end(context.connection)

    event.listen(Engine, "before_cursor_execute", begin)
    event.listen(Engine, "after_cursor_execute", end)
    event.listen(Engine, "handle_error", fail)
