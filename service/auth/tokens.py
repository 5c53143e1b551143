"""Access tokens: JWTs signed with the environment's current key, good for a quarter of an hour."""

import base64
import json
import time
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import jwt

from service.core import keys
from service.core.settings import get_settings

LIFETIME_SECONDS: Final = 15 * 60

_ALGORITHM = "HS256"
_REQUIRED = ["iss", "aud", "sub", "jti", "iat", "exp", "sid", "scope"]
_LEEWAY_SECONDS = 5


class InvalidTokenError(Exception):
    """The token is not one of ours, or no longer good."""


@dataclass(frozen=True)
class Claims:
    """What an access token says."""

    user_id: UUID
    session_id: UUID
    scopes: frozenset[str]


def issue(claims: Claims) -> str:
    """A token for `LIFETIME_SECONDS` from now."""
    ring = keys.key_ring()
    now = int(time.time())
    document: dict[str, Any] = {
        **_parties(),
        "sub": str(claims.user_id),
        "sid": str(claims.session_id),
        "jti": uuid4().hex,
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "scope": " ".join(sorted(claims.scopes)),
    }
    return jwt.encode(document, ring.signing[ring.current], algorithm=_ALGORITHM, headers={"kid": ring.current})


def read(token: str) -> Claims:
    """The claims of a token whose signature, parties and times are right. Raises InvalidTokenError."""
    try:
        key_id = _key_id(token)
        key = keys.key_ring_with(key_id).signing.get(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise InvalidTokenError
        parties = _parties()
        claims = jwt.decode(
            token,
            key,
            algorithms=[_ALGORITHM],
            issuer=parties["iss"],
            audience=parties["aud"],
            leeway=_LEEWAY_SECONDS,
            options={"require": _REQUIRED},
        )
        return Claims(UUID(claims["sub"]), UUID(claims["sid"]), frozenset(claims["scope"].split()))
    except (jwt.InvalidTokenError, ValueError, AttributeError, TypeError, RecursionError):
        raise InvalidTokenError from None


def _key_id(token: str) -> Any:
    # PyJWT's own way to a header takes the whole token apart, as `decode` then does once more.
    header = token.partition(".")[0]
    return json.loads(base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))).get("kid")


def _parties() -> dict[str, str]:
    # Two environments never accept each other's tokens, even if somebody gave them the same keys.
    stack = get_settings().plinth_stack
    return {"iss": f"urn:plinth:{stack}", "aud": f"urn:plinth:{stack}:api"}
