"""Identifiers: UUIDv7, whose order is the order of creation."""

from uuid import UUID

from uuid_utils import reseed_rng
from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new identifier, later in order than any made before it in this process."""
    return uuid7()


def reseed() -> None:
    """Forget the random numbers that a copy of this process would use too."""
    reseed_rng()
