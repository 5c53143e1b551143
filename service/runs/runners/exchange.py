"""What a worker and a `sandbox_lambda.server` say to each other over HTTP, whatever machine or container it runs in."""

import http.client
import json
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import closing

from service.runs.runners.answers import MOST_BYTES, outcome_of
from service.runs.runners.waiting import attempts
from service.runs.sandbox import RunOutcome, RunRequest, SandboxLostError, SandboxNotStartedError

Connect = Callable[[str], http.client.HTTPConnection]
"""A connection to a host, not opened yet."""


def wait_until_ready(name: str, host: str, *, connect: Connect, headers: Mapping[str, str], seconds: float) -> None:
    """Return once the server says that it may be sent a script. Raises SandboxNotStartedError, or SandboxLostError."""
    said = "nothing"
    for _ in attempts(seconds):
        try:
            with closing(connect(host)) as connection:
                connection.request("GET", "/", headers=headers)
                status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            said = repr(error)
            continue
        if status == http.client.OK:
            return
        if status == http.client.CONFLICT:
            raise SandboxLostError(f"{name} has been given a script before")
        said = f"status {status}"
    raise SandboxNotStartedError(f"{name} did not answer within {seconds:g} s: {said}")


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
    deadline = time.monotonic() + seconds
    with closing(connect(host)) as connection:
        try:
            connection.connect()
        except OSError as error:
            raise SandboxNotStartedError(f"{name} cannot be reached: {error!r}") from error
        try:
            connection.sock.settimeout(seconds)
            connection.request("POST", "/", body=body, headers={**headers, "Content-Type": "application/json"})
            response = connection.getresponse()
            answer = _read(response, deadline, seconds)
        except (OSError, http.client.HTTPException) as error:
            raise SandboxLostError(f"{name} was lost: {error!r}") from error
    if response.status in refusals:
        raise SandboxNotStartedError(f"{name} refused the script with status {response.status}")
    # Nothing else after the script was sent proves that it has not begun.
    if response.status != http.client.OK:
        raise SandboxLostError(f"{name} answered with status {response.status}: {answer[:200]!r}")
    return outcome_of(answer)


def _read(response: http.client.HTTPResponse, deadline: float, seconds: float) -> bytes:
    """The body, up to a byte more than an answer may have. Raises TimeoutError where it comes too slowly."""
    body = bytearray()
    while len(body) <= MOST_BYTES and (chunk := response.read1(65_536)):
        body += chunk
        if time.monotonic() > deadline:
            raise TimeoutError(f"the answer was not whole after {seconds:g} s")
    return bytes(body)
