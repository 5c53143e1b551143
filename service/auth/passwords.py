"""Passwords: which ones are accepted, and how they are kept (argon2id)."""

import base64
import secrets
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from service.core.errors import InvalidInputError
from service.core.schema import storable

if TYPE_CHECKING:
    from pwdlib import PasswordHash

MIN_LENGTH: Final = 12
MAX_LENGTH: Final = 128


@dataclass(frozen=True)
class Work:
    """What one argon2id hash costs."""

    passes: int
    memory_kib: int
    lanes: int


# RFC 9106's choice where memory is scarce (section 4). On a 512 MB Lambda function it takes about half a second.
work = Work(passes=3, memory_kib=65536, lanes=4)

_HASH_BYTES = 32
_SALT_BYTES = 16
_OBVIOUS = frozenset(
    {
        "123456789012",
        "1234567890123",
        "abcdefghijkl",
        "administrator",
        "changeme1234",
        "correcthorsebatterystaple",
        "iloveyou1234",
        "letmeinletmein",
        "password1234",
        "passwordpassword",
        "qwertyuiop12",
        "qwertyuiop123",
        "qwertyuiopasdf",
        "welcome12345",
    }
)


@dataclass(frozen=True)
class Verdict:
    """What checking a password against a stored hash found."""

    matches: bool
    better_hash: str | None = None
    """What to store instead, where the stored hash was made with other work than is asked for now."""


def hashed(password: str) -> str:
    """What to store of a password."""
    return _hasher(work).hash(_normal(password))


def verdict(password: str, stored: str | None) -> Verdict:
    """Whether the stored hash is that password's. None, or what is no hash, matches nothing and takes as long."""
    usable = _is_possible(password)
    known = usable and stored is not None and stored.startswith("$argon2id$")
    against = stored if known and stored is not None else _hash_of_nothing(work)
    matches, better = _hasher(work).verify_and_update(_normal(password) if usable else "", against)
    return Verdict(matches and known, better if matches and known else None)


def require_acceptable(password: str, *, email: str) -> None:
    """Raises InvalidInputError for a password that is too short, too long, cannot be kept or is obvious.

    There are no rules of composition (NIST SP 800-63B, section 3.1.1.2).
    """
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInputError(f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.")
    try:
        storable(password)
    except ValueError as error:
        raise InvalidInputError(f"A password {error}.") from None
    simple = _normal(password).strip().casefold()
    if simple in _OBVIOUS or len(set(simple)) == 1 or simple in (email.casefold(), email.partition("@")[0].casefold()):
        raise InvalidInputError("That password is among the first that anybody would try: choose another.")


@lru_cache
def _hasher(cost: Work) -> "PasswordHash":
    # Only the routes that see a password need it, and few requests are theirs.
    from pwdlib import PasswordHash
    from pwdlib.hashers.argon2 import Argon2Hasher

    argon2 = Argon2Hasher(
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=_HASH_BYTES,
        salt_len=_SALT_BYTES,
    )
    return PasswordHash((argon2,))


@lru_cache
def _hash_of_nothing(cost: Work) -> str:
    """A hash as costly to check as any other, which no password has: its digest is random."""
    salt, digest = (_unpadded(secrets.token_bytes(size)) for size in (_SALT_BYTES, _HASH_BYTES))
    return f"$argon2id$v=19$m={cost.memory_kib},t={cost.passes},p={cost.lanes}${salt}${digest}"


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).rstrip(b"=").decode()


def _is_possible(password: str) -> bool:
    try:
        return len(storable(password)) <= MAX_LENGTH
    except ValueError:
        return False


def _normal(password: str) -> str:
    # Two keyboards may compose one character differently.
    return unicodedata.normalize("NFKC", password)
