"""The service without its per-client limits, as an application factory for a server of its own."""

from fastapi import FastAPI

from service import main
from service.core.limits import limiter


def create_app() -> FastAPI:
    """The application, counting nobody's requests."""
    limiter.enabled = False
    return main.create_app()
