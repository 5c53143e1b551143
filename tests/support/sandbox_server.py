"""The sandbox's server in a process of its own on this machine, as the image of a MicroVM or container starts it."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager

from workbench.local.processes import free_port

PROGRAM = """
from sandbox_lambda.server import server
listening = server(("127.0.0.1", 0))
print(listening.server_port, flush=True)
listening.serve_forever()
"""


@contextmanager
def sandbox_server() -> Generator[int]:
    """The port of a server that has not been used."""
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", PROGRAM], stdout=subprocess.PIPE, env={"PATH": os.defpath}, text=True
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def connection_to(port: int) -> http.client.HTTPConnection:
    """A connection to a server on this machine."""
    return http.client.HTTPConnection("127.0.0.1", port, timeout=5)


ONCE = """
import sys
from sandbox_lambda import server
server.SHORTEST_LIFE_SECONDS, server._UNCOLLECTED_SECONDS = map(float, sys.argv[2:])
server.serve_once(("127.0.0.1", int(sys.argv[1])))
"""


@contextmanager
def sandbox_container(
    port: int | None = None, *, shortest_life: float = 0, uncollected: float = 3600
) -> Generator[tuple[int, subprocess.Popen[bytes]]]:
    """A server that ends after one script, in a process in the container's place: its port, and the process."""
    port = port or free_port()
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", ONCE, str(port), str(shortest_life), str(uncollected)], env={"PATH": os.defpath}
    )
    try:
        while process.poll() is None and not _listens(port):
            time.sleep(0.01)
        yield port, process
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
