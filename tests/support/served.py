"""The service as a process of its own, serving HTTP on a loopback port."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

from tests.support.folders import server_folder
from workbench.local.processes import LOOPBACK, Command, Processes
from workbench.local.servers import fetch
from workbench.project import ROOT

UNLIMITED = "tests.support.unlimited_service:create_app"
"""The application that counts nobody's requests."""


@contextmanager
def served(*, application: str = "service.main:create_app", **environment: str) -> Generator[str]:
    """Serve the application that a factory makes, with those environment variables; its address."""
    command = Command(
        name="service",
        arguments=lambda port: [sys.executable, "-m", "uvicorn", application, "--factory", "--port", str(port)],
        ready=lambda port: fetch(port, "/health/live")[0] == 200,
        environment=environment,
        directory=ROOT,
    )
    with server_folder() as folder:
        running, _started = Processes(folder).ensure(command)
        yield f"http://{LOOPBACK}:{running.port}"
