"""Structured logs: one JSON object a line, from this code and from every library, with the request it belongs to."""

import json
import logging
import os
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from service.core.settings import get_settings, service_name

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request being served, or of the request or message that a run comes from."""

invocation: ContextVar[dict[str, object] | None] = ContextVar("invocation", default=None)
"""What every line says of the present invocation of a Lambda function."""


def configure_logging() -> None:
    """Make the root logger write JSON to standard output, in place of whatever handlers it has.

    POWERTOOLS_LOG_LEVEL, or the level set for the function, says how much; the default is INFO.
    """
    settings = get_settings()
    handler = logging.StreamHandler(sys.stdout)
    service = service_name()
    # Said here, as powertools would also take LOG_LEVEL, which means many things to many programs.
    powertools = Logger(service=service, level=os.environ.get("POWERTOOLS_LOG_LEVEL", "INFO"), logger_handler=handler)
    handler.setFormatter(JsonFormatter(service=service, stack=settings.plinth_stack))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(powertools.log_level)
    # slowapi warns of every refusal and Mangum tells every request; the gateway's access log has both.
    logging.getLogger("slowapi").setLevel(logging.ERROR)
    logging.getLogger("mangum").setLevel(logging.WARNING)
    # It tells where it found its credentials, each time.
    logging.getLogger("botocore").setLevel(logging.WARNING)


class JsonFormatter(LambdaPowertoolsFormatter):
    """A record as one JSON object; whatever a call passes as `extra` becomes a field of it.

    No value that PostgreSQL names in an error is shown: a row that it refused can hold anything a user entrusted to us.
    """

    def __init__(self, *, service: str, stack: str) -> None:
        # Powertools leaves the type of further fields open.
        base: Any = super()
        base.__init__(
            # What is not ASCII is escaped: a path can hold lone surrogates, which no stream takes.
            json_serializer=partial(json.dumps, default=str),
            # A message that happens to be JSON stays the text that it is.
            json_deserializer=str,
            use_rfc3339=True,
            utc=True,
            serialize_stacktrace=False,
            service=service,
            stack=stack,
        )

    def serialize(self, log: Any) -> str:
        """The record's fields as JSON, with those of the request and of the invocation."""
        fields: dict[str, object] = {**log, **(invocation.get() or {})}
        # Python's own name for whichever task wrote the line, which says nothing of it.
        fields.pop("taskName", None)
        if (current := request_id.get()) is not None:
            fields.setdefault("request_id", current)
        return super().serialize(cast("Any", fields))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        """The traceback, without the values in it."""
        text = super().formatException(ei)
        for detail in _details(ei[1]):
            text = text.replace(detail, "[not shown]")
        return text


def _details(error: BaseException | None) -> Iterator[str]:
    """What PostgreSQL says of values in the error and in those that led to it: "Failing row contains (…)"."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        detail = getattr(getattr(error, "diag", None), "message_detail", None)
        if isinstance(detail, str) and detail:
            yield detail
        error = error.__cause__ or error.__context__
