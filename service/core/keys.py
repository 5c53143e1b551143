"""The secret keys of one environment: what access tokens are signed with, and what API keys are hashed with.

They are one JSON document in Secrets Manager, so that they are in no state file and can be replaced while the service
runs: `{"current": ID, "keys": {ID: SECRET, …}, "api_key_pepper": SECRET}`, each secret 32 bytes or more in base64.
"""

import base64
import binascii
import json
import logging
import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, Final, cast

from service.core import aws
from service.core.settings import get_settings

logger = logging.getLogger(__name__)

MIN_KEY_BYTES: Final = 32
"""As long as the digest of HMAC-SHA256 (RFC 7518, section 3.2)."""

_FEWEST_DIFFERENT_BYTES = 12
"""Of 32 random bytes, fewer than 24 are different once in a million times: this is what somebody typed."""

_KEPT_KEYS = 3
_FRESH_SECONDS = 300
_BETWEEN_FETCHES_SECONDS = 10


class UnusableKeysError(RuntimeError):
    """The keys are missing, malformed or weak: the message says which, and never shows one."""


@dataclass(frozen=True)
class KeyRing:
    """Signing keys by their id, the one that signs now, and the pepper of API keys."""

    current: str
    signing: Mapping[str, bytes] = field(repr=False)
    """Every key that a token may still be signed with."""

    api_key_pepper: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """The keys of a JSON document. Raises UnusableKeysError."""
        try:
            document = cast("dict[str, Any]", json.loads(text))
            current, keys, pepper = document["current"], document["keys"], document["api_key_pepper"]
            signing = {str(key_id): _decoded(f"key {key_id}", secret) for key_id, secret in keys.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnusableKeysError(
                f"The signing keys are not the JSON document that they should be: {error}"
            ) from None
        if not isinstance(current, str) or current not in signing:
            raise UnusableKeysError(f"The signing keys have no key with the id of the current one, {current!r}.")
        return cls(current, signing, _decoded("api_key_pepper", pepper))

    @classmethod
    def generate(cls) -> "KeyRing":
        """New random keys."""
        key_id = _new_key_id()
        return cls(key_id, {key_id: secrets.token_bytes(MIN_KEY_BYTES)}, secrets.token_bytes(MIN_KEY_BYTES))

    def rotated(self) -> "KeyRing":
        """The same with a new current key. Tokens of the two before it stay good; the pepper stays as it is."""
        key_id = _new_key_id()
        older = [known for known in self.signing if known != self.current]
        kept = [*older[-(_KEPT_KEYS - 2) :], self.current]
        signing = {known: self.signing[known] for known in kept}
        return replace(self, current=key_id, signing={**signing, key_id: secrets.token_bytes(MIN_KEY_BYTES)})

    def to_json(self) -> str:
        """The document that `parse` reads."""
        keys = {key_id: base64.b64encode(key).decode() for key_id, key in self.signing.items()}
        pepper = base64.b64encode(self.api_key_pepper).decode()
        return json.dumps({"current": self.current, "keys": keys, "api_key_pepper": pepper})


def key_ring() -> KeyRing:
    """The keys, at most five minutes old, or older where they cannot be fetched anew.

    Raises UnusableKeysError where there never were usable ones, which stops the start of whoever calls it there.
    """
    return _source().get(older_than=_FRESH_SECONDS)


def key_ring_with(key_id: str) -> KeyRing:
    """The keys, fetched anew where that key is not among them: it may be newer than they are."""
    ring = key_ring()
    return ring if key_id in ring.signing else _source().get(older_than=_BETWEEN_FETCHES_SECONDS)


def forget() -> None:
    """Drop what was fetched, so that the next use fetches it."""
    _source.cache_clear()


class _Source:
    """Where the keys come from, and what was read there last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: KeyRing | None = None
        self._asked_at = 0.0

    def get(self, *, older_than: float) -> KeyRing:
        with self._lock:
            now = time.monotonic()
            if self._known is None:
                self._known, self._asked_at = self._read(), now
            elif now - self._asked_at > older_than:
                self._asked_at = now
                self._known = self._read_or(self._known)
            return self._known

    def _read_or(self, known: KeyRing) -> KeyRing:
        try:
            return self._read()
        except UnusableKeysError as error:
            # What was good a moment ago is better than to refuse everybody.
            logger.error("the signing keys stay as they were: %s", error)
            return known

    def _read(self) -> KeyRing:
        settings = get_settings()
        if settings.signing_keys is not None:
            return KeyRing.parse(settings.signing_keys.get_secret_value())
        if settings.signing_keys_secret_arn is None:
            raise UnusableKeysError("Neither SIGNING_KEYS nor SIGNING_KEYS_SECRET_ARN is set: nothing to sign with.")
        return KeyRing.parse(_fetched(settings.signing_keys_secret_arn))


@lru_cache
def _source() -> _Source:
    return _Source()


def _fetched(secret_arn: str) -> str:
    try:
        return aws.secret_value(secret_arn)
    except Exception as error:
        # Whatever boto3 raises: it is imported only where it is used. Its errors name the secret, and hold none of it.
        reason = f"{type(error).__name__}: {error}"
        raise UnusableKeysError(f"The signing keys cannot be fetched from {secret_arn}. {reason}") from None


def _decoded(name: str, secret: Any) -> bytes:
    try:
        key = base64.b64decode(cast("str", secret), validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise UnusableKeysError(f"The signing keys' {name} is not base64.") from None
    if len(key) < MIN_KEY_BYTES:
        raise UnusableKeysError(f"The signing keys' {name} is weak: {len(key)} bytes of at least {MIN_KEY_BYTES}.")
    if len(set(key)) < _FEWEST_DIFFERENT_BYTES:
        raise UnusableKeysError(f"The signing keys' {name} is weak: it is not random.")
    return key


def _new_key_id() -> str:
    return f"{time.strftime('%Y%m%d', time.gmtime())}-{secrets.token_hex(4)}"
