"""What things are called on AWS, where a name must be known before the thing exists. Pure but for the stack's name."""

import hashlib
import re

import pulumi

_DIGEST = 8
"""Hexadecimal digits that tell shortened names apart."""


def physical_name(name: str, limit: int = 64) -> str:
    """`<project>-<stack>-<name>` for the stack being evaluated, within `limit` characters.

    64 is the shortest limit among functions, roles, queues and log groups (AWS Lambda, IAM and SQS quotas).
    """
    return bounded(f"{pulumi.get_project()}-{pulumi.get_stack()}-{name}", limit)


def bounded(name: str, limit: int) -> str:
    """`name` in lower-case letters, digits and single hyphens, at most `limit` long.

    A name that already is so stays as it is. Any other ends in a digest of itself, so that two names never become one.
    """
    clean = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if clean == name and len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    kept = clean[: limit - _DIGEST - 1].rstrip("-")
    return f"{kept}-{digest}".strip("-")


def route_name(route_key: str) -> str:
    """The part of a child's name that stands for a route: `GET /v1/items/{item_id}` is `get-v1-items-item_id`."""
    return re.sub(r"[^a-z0-9_]+", "-", route_key.lower()).strip("-") or "root"
