"""What a worker and a `sandbox_lambda.server` say to each other over HTTP, whatever machine or container it runs in."""

import http.client
import json
import socket
import threading
from collections.abc import Callable, Collection, Generator, Mapping
from contextlib import closing, contextmanager, suppress

from service.runs.runners.answers import MOST_BYTES, outcome_of
from service.runs.runners.waiting import attempts
from service.runs.sandbox import RunOutcome, RunRequest, SandboxLostError, SandboxNotStartedError

Connect = Callable[[str], http.client.HTTPConnection]
"""A connection to a host, not opened yet."""

ANSWER_SECONDS = 10.0
"""For an answer that needs no script to end."""


def wait_until_ready(name: str, host: str, *, connect: Connect, headers: Mapping[str, str], seconds: float) -> None:
    """Return once the server says that it may be sent a script. Raises SandboxNotStartedError, or SandboxLostError."""
    said = "nothing"
    for _ in attempts(seconds):
        try:
            status = ask(host, "GET", connect=connect, headers=headers, seconds=ANSWER_SECONDS).status
        except (OSError, http.client.HTTPException) as error:
            said = repr(error)
            continue
        if status == http.client.OK:
            return
        if status == http.client.CONFLICT:
            raise SandboxLostError(f"{name} has been given a script before")
        said = f"status {status}"
    raise SandboxNotStartedError(f"{name} did not answer within {seconds:g} s: {said}")


def ask(
    host: str, method: str, *, connect: Connect, headers: Mapping[str, str], seconds: float
) -> http.client.HTTPResponse:
    """The answer to a request without a body, of which only the head can be read. Raises OSError or HTTPException."""
    with closing(connect(host)) as connection:
        connection.connect()
        with _cut_after(seconds, connection.sock):
            connection.request(method, "/", headers=dict(headers))
            return connection.getresponse()


def send(
    name: str,
    host: str,
    request: RunRequest,
    *,
    connect: Connect,
    headers: Mapping[str, str],
    seconds: float,
    refusals: Collection[int] = (),
) -> RunOutcome:
    """Send the script, once, and wait for its end.

    Raises SandboxLostError, or SandboxNotStartedError where nothing was sent or the answer is one of the `refusals`:
    statuses by which the server says that it has not begun.
    """
    body = json.dumps({"code": request.code, "event": request.event})
    with closing(connect(host)) as connection:
        try:
            connection.connect()
        except OSError as error:
            raise SandboxNotStartedError(f"{name} cannot be reached: {error!r}") from error
        try:
            connection.sock.settimeout(seconds)
            with _cut_after(seconds, connection.sock):
                connection.request("POST", "/", body=body, headers={**headers, "Content-Type": "application/json"})
                response = connection.getresponse()
                answer = response.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            raise SandboxLostError(f"{name} was lost: {error!r}") from error
    if response.status in refusals:
        raise SandboxNotStartedError(f"{name} refused the script with status {response.status}")
    # Nothing else after the script was sent proves that it has not begun.
    if response.status != http.client.OK:
        raise SandboxLostError(f"{name} answered with status {response.status}: {answer[:200]!r}")
    return outcome_of(answer)


@contextmanager
def _cut_after(seconds: float, connected: socket.socket) -> Generator[None]:
    """Raises TimeoutError at the end of a block that took longer, which then finds the connection at its end.

    The timeouts of a socket begin anew with each byte: by itself none of them ends an answer that trickles.
    """
    is_over = threading.Event()

    def cut() -> None:
        is_over.set()
        with suppress(OSError):
            # Not that of a TLS socket, which is no thread's but the reader's.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except (OSError, http.client.HTTPException):
        if not is_over.is_set():
            raise
    finally:
        timer.cancel()
    if is_over.is_set():
        raise TimeoutError(f"the answer was not whole after {seconds:g} s")
