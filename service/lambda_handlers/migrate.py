"""The migrate function: brings the database's schema to a revision. The stack invokes it before new code serves."""

from collections.abc import Mapping
from typing import Any

from service.core.logging import configure_logging
from service.migrations.upgrade import upgrade

configure_logging()


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Upgrade to `revision` (default: head). A failure is raised, so that the invocation and the deployment fail."""
    upgraded = upgrade(revision=event.get("revision", "head"))
    return {"revision": upgraded.revision, "applied": list(upgraded.applied)}
