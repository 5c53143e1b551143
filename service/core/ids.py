"""Identifiers: UUIDv7, whose order is the order of creation."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new identifier, later in order than any made before it in this process."""
    return uuid7()
