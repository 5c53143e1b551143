"""A container for each run: of a few that wait, each alone on a network with the worker, one is sent a script and ends.

Whoever runs the containers starts each again, as it was before its first script: compose.yaml has Docker do so. What
keeps a script in is what a container is, which shares its kernel with everything else on the machine.
"""

import http.client
import random
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import UUID

from service.runs.runners.exchange import ANSWER_SECONDS, ask, send
from service.runs.runners.waiting import attempts
from service.runs.sandbox import RunOutcome, RunRequest, SandboxNotDestroyedError, SandboxNotStartedError

LIFE_HEADER: Final = "Sandbox-Life"
"""As `sandbox_lambda.server` has it: names one life of a container, from a start to an end."""

RUN_HEADER: Final = "Sandbox-Run"
"""As `sandbox_lambda.server` has it: tells the run that a life was given to from one that came too late for it."""

_CREATE_SECONDS: Final = 60.0
_RUN_SECONDS: Final = 120.0
_DESTROY_SECONDS: Final = 30.0
"""Longer than a container stays so that Docker starts it again at once."""

_CONNECT_SECONDS: Final = 5.0

_REFUSALS: Final = (HTTPStatus.CONFLICT, HTTPStatus.GONE)
"""What only the server itself can have said: it is the first process of its container, which ends with it."""


class Container:
    """A SandboxRunner over containers at fixed addresses (`host:port`), each of which runs one script a life.

    A sandbox is named after its address, its life and its run: workers that do not know of each other may be given the
    same life, whose script is the first that comes. One that nobody asks to end does so by itself.
    """

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = tuple(addresses)
        self._lock = threading.Lock()
        self._taken: set[str] = set()

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:  # noqa: ARG002
        """Wait for a container that has run nothing yet."""
        for _ in attempts(_CREATE_SECONDS):
            for address in random.sample(self._addresses, len(self._addresses)):
                life = _unused_life(address)
                if life is not None and self._take(f"{address}/{life}"):
                    return f"{address}/{life}/{run_id}"
        raise SandboxNotStartedError(
            f"none of the {len(self._addresses)} sandbox containers was free within {_CREATE_SECONDS:g} s"
        )

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """Send the script, once, to that life of that container and to no other."""
        address, headers = _parts(sandbox)
        return send(
            sandbox, address, request, connect=_connect, headers=headers, seconds=_RUN_SECONDS, refusals=_REFUSALS
        )

    def destroy(self, sandbox: str) -> bool:
        """Have the container end, until it is down, or another life of it answers, or it says that it is another's."""
        address, headers = _parts(sandbox)
        for _ in attempts(_DESTROY_SECONDS):
            if _is_over(address, headers):
                with self._lock:
                    self._taken.discard(f"{address}/{headers[LIFE_HEADER]}")
                return True
        raise SandboxNotDestroyedError(f"{sandbox} still exists {_DESTROY_SECONDS:g} s after it was told to end")

    def expired(self, now: datetime) -> Iterator[str]:  # noqa: ARG002
        """None: a container whose script has ended does not wait long to be asked."""
        return iter(())

    def _take(self, life: str) -> bool:
        """Whether no other run of this process has it. One of another process is told by the container."""
        with self._lock:
            if life in self._taken:
                return False
            self._taken.add(life)
            return True


def _parts(sandbox: str) -> tuple[str, Mapping[str, str]]:
    """The address, and the headers of a request that is for that sandbox alone."""
    address, life, run = sandbox.split("/")
    return address, {LIFE_HEADER: life, RUN_HEADER: run}


def _connect(address: str) -> http.client.HTTPConnection:
    return http.client.HTTPConnection(address, timeout=_CONNECT_SECONDS)


def _unused_life(address: str) -> str | None:
    """The name of the container's life, if it may be sent a script; None also where it is down."""
    try:
        status, life = _asked(address, "GET", {})
    except (OSError, http.client.HTTPException):
        return None
    return life if status == HTTPStatus.OK else None


def _is_over(address: str, headers: Mapping[str, str]) -> bool:
    try:
        status, answering = _asked(address, "DELETE", headers)
    except ConnectionRefusedError:
        return True
    except socket.gaierror as error:
        # Only a container that is up has an address. That nobody could say proves nothing.
        return error.errno == socket.EAI_NONAME
    except (OSError, http.client.HTTPException):
        return False
    return answering is not None and (answering != headers[LIFE_HEADER] or status == HTTPStatus.CONFLICT)


def _asked(address: str, method: str, headers: Mapping[str, str]) -> tuple[int, str | None]:
    """The status of the answer, and the life that gave it."""
    answer = ask(address, method, connect=_connect, headers=headers, seconds=ANSWER_SECONDS)
    return answer.status, answer.getheader(LIFE_HEADER)
