"""The MicroVM's server in a process of its own on this machine, as the image starts it in a MicroVM."""

import http.client
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

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
