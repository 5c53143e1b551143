"""What the resource policies of queues, topics and buckets have alike: nothing goes in or out in the clear."""

import json
from typing import Any


def tls_only(service: str, *resources: str) -> str:
    """The policy of a resource that says only how it is used: who may use it, the roles of the account say."""
    return json.dumps({"Version": "2012-10-17", "Statement": [denied_in_the_clear(f"{service}:*", *resources)]})


def denied_in_the_clear(action: str, *resources: str) -> dict[str, Any]:
    """The statement that denies an action without TLS to everybody."""
    return {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resources[0] if len(resources) == 1 else list(resources),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
