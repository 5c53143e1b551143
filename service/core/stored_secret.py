"""A secret in Secrets Manager that may not have a value yet, for the one function that stores what others only read."""

from functools import cached_property
from typing import Any, Protocol

from service.core import aws


class Stored(Protocol):
    """A text that is kept somewhere."""

    def read(self) -> str | None:
        """The present text; None where there never was one."""
        ...

    def write(self, value: str) -> None:
        """Make this the present text."""
        ...


class StoredSecret:
    """The present value of the secret with that ARN."""

    def __init__(self, arn: str) -> None:
        self._arn = arn

    def read(self) -> str | None:
        """The value; None where none was ever stored."""
        try:
            return self._client.get_secret_value(SecretId=self._arn).get("SecretString")
        except self._client.exceptions.ResourceNotFoundException:
            return None

    def write(self, value: str) -> None:
        """Make this the present value. The one before it stays in the secret as its previous version."""
        self._client.put_secret_value(SecretId=self._arn, SecretString=value)

    @cached_property
    def _client(self) -> Any:
        return aws.client("secretsmanager", read_timeout=5, attempts=3)
