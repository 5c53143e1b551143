"""Refresh tokens as text: random, recognisable to whoever finds one where it should not be, and stored as a hash."""

import hashlib
import re
import secrets
from typing import Final

PREFIX: Final = "plinth_rt_"

_RANDOM_BYTES = 32
_SHAPE = re.compile(PREFIX + r"[A-Za-z0-9_-]{43}")


def new() -> str:
    """A new token: 256 random bits."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def is_well_formed(token: str) -> bool:
    """Whether `new` could have made it."""
    return _SHAPE.fullmatch(token) is not None


def digest(token: str) -> str:
    """What is stored. The token is as random as a key, so that no slower hash protects it better."""
    return hashlib.sha256(token.encode()).hexdigest()
