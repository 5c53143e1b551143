"""The application for an ASGI server outside of Lambda: `uvicorn service.asgi:create --factory`.

Behind a proxy FORWARDED_ALLOW_IPS names it, by address or network: only what a named proxy says of where a request
comes from is believed. Without one, clients are told by the address of their connection.
"""

import logging
import os

from fastapi import FastAPI

from service.core import keys
from service.core.logging import configure_logging
from service.main import create_app

_LOGGERS = ("uvicorn", "uvicorn.error", "uvicorn.access")


def create() -> FastAPI:
    """The application, its logs and its keys. A weak or missing key stops the start, and not the first request."""
    for proxy in os.environ.get("FORWARDED_ALLOW_IPS", "").split(","):
        if "*" in proxy or proxy.strip().endswith("/0"):
            raise RuntimeError(
                f"FORWARDED_ALLOW_IPS={proxy.strip()} lets any client say that it is another: name the proxies."
            )
    configure_logging()
    for name in _LOGGERS:
        # The server has its own idea of a log, which is no JSON.
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    keys.key_ring()
    return create_app()
