"""AWS clients with bounded waits. boto3 comes with the Lambda runtime and is imported at the first client only."""

import threading
from typing import Any

_making = threading.Lock()


def client(service: str, *, read_timeout: float, attempts: int) -> Any:
    """A boto3 client that connects within 2 seconds and makes at most so many attempts at each call."""
    # A fifth of a second, which most requests need not wait for.
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=2,
        read_timeout=read_timeout,
        retries={"mode": "standard", "total_max_attempts": attempts},
    )
    # The stubs describe only the services that they were installed for.
    untyped: Any = boto3
    # boto3 makes clients from one session that threads must not share.
    with _making:
        return untyped.client(service, config=config)


def secret_value(arn: str) -> str:
    """The present text of a secret in Secrets Manager. Raises what boto3 raises."""
    secrets = client("secretsmanager", read_timeout=5, attempts=3)
    return secrets.get_secret_value(SecretId=arn)["SecretString"]
