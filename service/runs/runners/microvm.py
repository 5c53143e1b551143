"""An AWS Lambda MicroVM for each run: started from an image, sent one script over HTTPS, terminated.

No execution role, no logs, and a network connector that leads nowhere: without any, a MicroVM reaches the internet.
"""

import http.client
import json
import math
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from service.core import aws
from service.runs.runners.answers import MOST_BYTES, outcome_of
from service.runs.runners.waiting import attempts
from service.runs.sandbox import (
    RunOutcome,
    RunRequest,
    SandboxLostError,
    SandboxNotDestroyedError,
    SandboxNotStartedError,
)

LONGEST_LIFE: Final = timedelta(minutes=15)
"""After this Lambda terminates a MicroVM whatever became of its worker, which lives no longer itself."""

PORT: Final = 8080
"""Where `sandbox_lambda.server` listens inside, and where Lambda sends requests that name no port."""

_SHORTEST_LIFE: Final = timedelta(minutes=1)
_START_SECONDS: Final = 60.0
_RUN_SECONDS: Final = 120.0
_DESTROY_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 5.0

_TOKEN_HEADER: Final = "X-aws-proxy-auth"  # noqa: S105
_TOKEN_MINUTES: Final = math.ceil(_START_SECONDS / 60) + 1

Connect = Callable[[str], http.client.HTTPConnection]


def microvms() -> Any:
    """A client of the MicroVMs' control plane. It may repeat calls: none of them hands over a script."""
    return aws.client("lambda-microvms", read_timeout=15, attempts=6)


def https(host: str) -> http.client.HTTPConnection:
    """A connection that checks the certificate and follows no redirect."""
    return http.client.HTTPSConnection(host, timeout=_CONNECT_SECONDS, context=ssl.create_default_context())


class MicroVm:
    """A SandboxRunner that starts a MicroVM for each run.

    The server in the image says that it is ready before it is sent the script, and takes one script only. A MicroVM
    that nobody terminates ends at its maximum duration.
    """

    def __init__(self, image: str, egress_connector: str, client: Any, *, connect: Connect = https) -> None:
        self._image = image
        self._egress_connector = egress_connector
        self._client = client
        self._connect = connect

    def create(self, run_id: UUID, *, expires_at: datetime) -> str:
        """Start the MicroVM. Lambda may still be preparing it when this returns."""
        life = min(max(expires_at - datetime.now(UTC), _SHORTEST_LIFE), LONGEST_LIFE)
        try:
            started = self._client.run_microvm(
                imageIdentifier=self._image,
                maximumDurationInSeconds=math.ceil(life.total_seconds()),
                egressNetworkConnectors=[self._egress_connector],
                logging={"disabled": {}},
                # Another attempt at the run expires later, and must not be given this one's MicroVM.
                clientToken=f"{run_id}-{int(expires_at.timestamp())}",
            )
        except (ClientError, BotoCoreError) as error:
            raise SandboxNotStartedError(f"starting a MicroVM of {self._image} failed: {error}") from error
        return started["microvmId"]

    def run(self, sandbox: str, request: RunRequest) -> RunOutcome:
        """Send the script, once, as soon as the MicroVM's server answers."""
        try:
            host = self._host(sandbox)
            token = self._client.create_microvm_auth_token(
                microvmIdentifier=sandbox, expirationInMinutes=_TOKEN_MINUTES, allowedPorts=[{"port": PORT}]
            )["authToken"][_TOKEN_HEADER]
        except (ClientError, BotoCoreError, KeyError) as error:
            raise SandboxNotStartedError(f"{sandbox} cannot be reached: {error!r}") from error
        self._wait_for_the_server(sandbox, host, token)
        return self._send(sandbox, host, token, request)

    def destroy(self, sandbox: str) -> bool:
        """Terminate the MicroVM until Lambda says that it is terminated, or no longer knows it."""
        try:
            for _ in attempts(_DESTROY_SECONDS):
                if self._is_terminated(sandbox):
                    return True
        except (ClientError, BotoCoreError) as error:
            raise SandboxNotDestroyedError(f"terminating {sandbox} failed: {error}") from error
        raise SandboxNotDestroyedError(f"{sandbox} still exists {_DESTROY_SECONDS:g} s after its termination")

    def expired(self, now: datetime) -> Iterator[str]:
        """The MicroVMs of the image that outlived every maximum duration that they are given."""
        try:
            for page in self._client.get_paginator("list_microvms").paginate(imageIdentifier=self._image):
                for found in page["items"]:
                    if found["state"] != "TERMINATED" and found["startedAt"] + LONGEST_LIFE <= now:
                        yield found["microvmId"]
        except (ClientError, BotoCoreError) as error:
            raise SandboxNotDestroyedError(f"listing the MicroVMs failed: {error}") from error

    def _host(self, name: str) -> str:
        """Where the MicroVM answers, once it runs."""
        state = "unknown"
        for _ in attempts(_START_SECONDS):
            try:
                found = self._client.get_microvm(microvmIdentifier=name)
            except self._client.exceptions.ResourceNotFoundException:
                # What was started a moment ago may not be known everywhere.
                continue
            state = found["state"]
            if state == "RUNNING":
                return _host_of(found["endpoint"])
            if state != "PENDING":
                raise SandboxNotStartedError(f"{name} is {state}: {found.get('stateReason')}")
        raise SandboxNotStartedError(f"{name} did not run within {_START_SECONDS:g} s: its state is {state}")

    def _wait_for_the_server(self, name: str, host: str, token: str) -> None:
        said = "nothing"
        for _ in attempts(_START_SECONDS):
            try:
                with closing(self._connect(host)) as connection:
                    connection.request("GET", "/", headers={_TOKEN_HEADER: token})
                    status = connection.getresponse().status
            except (OSError, http.client.HTTPException) as error:
                said = repr(error)
                continue
            if status == http.client.OK:
                return
            if status == http.client.CONFLICT:
                raise SandboxLostError(f"{name} has been given a script before")
            said = f"status {status}"
        raise SandboxNotStartedError(f"{name} did not answer within {_START_SECONDS:g} s: {said}")

    def _send(self, name: str, host: str, token: str, request: RunRequest) -> RunOutcome:
        body = json.dumps({"code": request.code, "event": request.event})
        headers = {_TOKEN_HEADER: token, "Content-Type": "application/json"}
        deadline = time.monotonic() + _RUN_SECONDS
        with closing(self._connect(host)) as connection:
            try:
                connection.connect()
            except OSError as error:
                raise SandboxNotStartedError(f"{name} cannot be reached: {error!r}") from error
            try:
                connection.sock.settimeout(_RUN_SECONDS)
                connection.request("POST", "/", body=body, headers=headers)
                response = connection.getresponse()
                answer = _read(response, deadline)
            except (OSError, http.client.HTTPException) as error:
                raise SandboxLostError(f"{name} was lost: {error!r}") from error
        # Nothing after the script was sent proves that it has not begun, no status either.
        if response.status != http.client.OK:
            raise SandboxLostError(f"{name} answered with status {response.status}: {answer[:200]!r}")
        return outcome_of(answer)

    def _is_terminated(self, name: str) -> bool:
        """Have the MicroVM terminated; whether Lambda says that it is."""
        try:
            self._client.terminate_microvm(microvmIdentifier=name)
            return self._client.get_microvm(microvmIdentifier=name)["state"] == "TERMINATED"
        except self._client.exceptions.ResourceNotFoundException:
            return True
        except self._client.exceptions.ConflictException:
            return False


def _host_of(endpoint: str) -> str:
    """Host and port of the endpoint, which AWS gives with or without a scheme."""
    address = urlsplit(endpoint if "://" in endpoint else f"https://{endpoint}")
    if address.scheme != "https" or not address.hostname:
        raise SandboxNotStartedError(f"a MicroVM's endpoint must be an HTTPS address, not {endpoint!r}")
    return address.netloc


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The body, up to a byte more than an answer may have. Raises TimeoutError where it comes too slowly."""
    body = bytearray()
    while len(body) <= MOST_BYTES and (chunk := response.read1(65_536)):
        body += chunk
        if time.monotonic() > deadline:
            raise TimeoutError(f"the answer was not whole after {_RUN_SECONDS:g} s")
    return bytes(body)
