"""API keys as text: random, recognisable to whoever finds one where it should not be, and stored as a keyed hash."""

import hashlib
import hmac
import re
import secrets
import string
import zlib
from typing import Final

PREFIX: Final = "plinth_"

SHOWN_CHARACTERS: Final = 12
"""How much of a key its owner still sees later: the prefix and about 30 of its 214 random bits."""

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_CHARACTERS = 36
_CHECKSUM_CHARACTERS = 6
_SHAPE = re.compile(PREFIX + rf"[0-9A-Za-z]{{{_RANDOM_CHARACTERS + _CHECKSUM_CHARACTERS}}}")


def new() -> str:
    """A new key."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Whether `new` could have made it: a mistyped key is refused without asking the database."""
    if _SHAPE.fullmatch(key) is None:
        return False
    return _checksum(key[:-_CHECKSUM_CHARACTERS]) == key[-_CHECKSUM_CHARACTERS:]


def digest(key: str, *, pepper: bytes) -> str:
    """What is stored: of no use to whoever reads the database without the pepper."""
    return hmac.new(pepper, key.encode(), hashlib.sha256).hexdigest()


def _checksum(body: str) -> str:
    rest, characters = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM_CHARACTERS):
        rest, digit = divmod(rest, len(_ALPHABET))
        characters = _ALPHABET[digit] + characters
    return characters
