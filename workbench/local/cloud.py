"""The local cloud as its handlers see it: API clients, addresses, and the folder of one stack."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workbench.local.processes import LOOPBACK


@dataclass
class Cloud:
    """One stack's local cloud while a program is applied to it."""

    folder: Path
    region: str
    account: str
    emulator_port: int
    database_port: int
    cache_port: int
    gateway_port: int
    _clients: dict[str, Any] = field(default_factory=dict[str, Any])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def gateway_url(self) -> str:
        """Where the stack's HTTP API answers on this machine."""
        return f"http://localhost:{self.gateway_port}"

    def client(self, service: str) -> Any:
        """The boto3 client of a service, on the emulator, with the rights of the account's root."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = emulator_client(service, self.emulator_port, self.region, self.account)
            return self._clients[service]


def emulator_client(service: str, port: int, region: str, account: str) -> Any:
    """A boto3 client on the emulator. Its access key is the account's number: so the emulator knows its root."""
    import boto3
    from botocore.config import Config

    return boto3.client(  # pyright: ignore[reportUnknownMemberType, reportCallIssue, reportArgumentType, reportUnknownVariableType]
        service,  # pyright: ignore[reportArgumentType]
        endpoint_url=f"http://{LOOPBACK}:{port}",
        region_name=region,
        aws_access_key_id=account,
        aws_secret_access_key="local",  # noqa: S106  # the emulator takes any
        config=Config(retries={"max_attempts": 0}, read_timeout=120, connect_timeout=2, max_pool_connections=32),
    )
