"""Where AWS's own services answer over IPv6, and how an SDK is told.

`AWS_USE_DUALSTACK_ENDPOINT` would tell it of all services at once. But it leaves the host's name to the SDK, which on
Lambda is as old as AWS has it there, and older ones look for Secrets Manager where it is not.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class DualStackService(NamedTuple):
    """A service that answers over IPv6 and IPv4 at one address."""

    variable: str
    """The environment variable that tells SDKs its address (AWS SDKs and Tools reference, "Service-specific
    endpoints")."""

    host: str
    """Its host's name, with the region left open."""


SERVICES: Mapping[str, DualStackService] = {
    # Amazon EventBridge user guide, "Dual-stack service endpoints".
    "events": DualStackService("AWS_ENDPOINT_URL_EVENTBRIDGE", "events.{region}.api.aws"),
    # AWS KMS developer guide, "Dual-stack endpoint support".
    "kms": DualStackService("AWS_ENDPOINT_URL_KMS", "kms.{region}.api.aws"),
    # AWS Lambda developer guide, "Understanding Lambda function invocation methods".
    "lambda": DualStackService("AWS_ENDPOINT_URL_LAMBDA", "lambda.{region}.api.aws"),
    # AWS Secrets Manager user guide, "Access AWS Secrets Manager": its names differ from those of the other services.
    "secretsmanager": DualStackService("AWS_ENDPOINT_URL_SECRETS_MANAGER", "secretsmanager.{region}.amazonaws.com"),
    # AWS General Reference, "Amazon Simple Queue Service endpoints and quotas".
    "sqs": DualStackService("AWS_ENDPOINT_URL_SQS", "sqs.{region}.api.aws"),
    # AWS IAM user guide, "Dual-stack endpoint support".
    "sts": DualStackService("AWS_ENDPOINT_URL_STS", "sts.{region}.api.aws"),
}
"""The services known to, by the names of their interface endpoints. One that is not here may have no such address."""


def addresses(region: str, services: Sequence[str]) -> dict[str, str]:
    """The environment variables with which SDKs call these services over IPv6."""
    known = [SERVICES[service] for service in services]
    return {service.variable: f"https://{service.host.format(region=region)}" for service in known}
