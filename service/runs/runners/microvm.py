"""An AWS Lambda MicroVM for each run: started from an image, sent one script over HTTPS, terminated.

No execution role, no logs, and a network connector that leads nowhere: without any, a MicroVM reaches the internet.
"""

import http.client
import math
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from botocore.exceptions import BotoCoreError, ClientError

from service.core import aws
from service.runs.runners.exchange import Connect, send, wait_until_ready
from service.runs.runners.waiting import attempts
from service.runs.sandbox import RunOutcome, RunRequest, SandboxNotDestroyedError, SandboxNotStartedError

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
        headers = {_TOKEN_HEADER: token}
        wait_until_ready(sandbox, host, connect=self._connect, headers=headers, seconds=_START_SECONDS)
        return send(sandbox, host, request, connect=self._connect, headers=headers, seconds=_RUN_SECONDS)

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
