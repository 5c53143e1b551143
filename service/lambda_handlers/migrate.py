"""The migrate function: brings the database's schema to a revision, and rotates secrets on request.

The stack invokes it before new code serves. It alone logs in as the database's administrator and stores secrets.
"""

from collections.abc import Mapping
from typing import Any

from service.lambda_handlers.invocation import configure, observed
from service.migrations.upgrade import ROTATED, rotate, upgrade

_FUNCTION = "migrate"

configure()


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Upgrade to `revision` (default: head), or replace what `rotate` names, one of `ROTATED`.

    A failure is raised, so that the invocation and the deployment fail.
    """
    with observed(_FUNCTION, context):
        return _rotated(event["rotate"]) if "rotate" in event else _upgraded(event.get("revision", "head"))


def _upgraded(revision: str) -> dict[str, Any]:
    upgraded = upgrade(revision=revision)
    return {"revision": upgraded.revision, "applied": list(upgraded.applied)}


def _rotated(what: Any) -> dict[str, Any]:
    if what not in tuple(ROTATED):
        raise ValueError(f"There is nothing to rotate by the name {what!r}: give {' or '.join(ROTATED)}.")
    rotate(what)
    return {"rotated": what}
