"""Structured logs: one JSON object a line, each with the request or run it belongs to."""

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

from service.core.settings import get_settings

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request or message being served."""

_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """A record as one JSON object; whatever a call passes as `extra` becomes a field of it."""

    def __init__(self, stack: str) -> None:
        super().__init__()
        self._stack = stack

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "stack": self._stack,
        }
        if (current := request_id.get()) is not None:
            fields["request_id"] = current
        fields.update((key, value) for key, value in vars(record).items() if key not in _STANDARD_ATTRIBUTES)
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


def configure_logging() -> None:
    """Make the root logger write JSON to standard output, in place of whatever handlers it has."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter(get_settings().plinth_stack))
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.INFO)
    # slowapi warns of every refusal and Mangum tells every request; the gateway's access log has both.
    logging.getLogger("slowapi").setLevel(logging.ERROR)
    logging.getLogger("mangum").setLevel(logging.WARNING)
    # It tells where it found its credentials, each time.
    logging.getLogger("botocore").setLevel(logging.WARNING)
