"""What can be done with API keys, for any caller. Flushes; never commits."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from service.api_keys import repository, secret
from service.api_keys.models import ApiKey
from service.core import keys
from service.core.actor import SCOPES, Actor
from service.core.errors import (
    InvalidInputError,
    MissingScopeError,
    NotFoundError,
    QuotaExceededError,
    UnauthenticatedError,
)
from service.core.pagination import DEFAULT_LIMIT, Slice
from service.users import owners

MAX_LIVE_KEYS: Final = 50
"""Keys of one user that are good at the same time."""

_KEPT_DEAD_KEYS = 100
_USE_NOTED_EVERY = timedelta(minutes=1)
_MOST_REMEMBERED_USES = 1000

_noted: dict[UUID, float] = {}


@dataclass(frozen=True)
class NewKey:
    """A key that was just made: the only moment when all of it is known."""

    key: str
    stored: ApiKey


def create(
    session: Session,
    *,
    actor: Actor,
    name: str,
    scopes: Collection[str] | None = None,
    expires_at: datetime | None = None,
) -> NewKey:
    """A new key, allowed what its maker's credential is allowed, or less.

    A key made with a key expires no later than that one, and is revoked with it. Raises MissingScopeError,
    InvalidInputError for an expiry that is past or too late, QuotaExceededError.
    """
    allowed = _allowed(actor, scopes)
    owners.lock(session, actor)
    expires_at = _expiry(expires_at, _maker(session, actor))
    if repository.count_live(session, actor) >= MAX_LIVE_KEYS:
        message = f"A user has at most {MAX_LIVE_KEYS} API keys that are good: revoke one first."
        raise QuotaExceededError(message)
    repository.forget_dead(session, actor, keep=_KEPT_DEAD_KEYS)
    key = secret.new()
    stored = ApiKey(
        user_id=actor.user_id,
        made_with=actor.api_key_id,
        name=name,
        prefix=key[: secret.SHOWN_CHARACTERS],
        key_hash=secret.digest(key, pepper=keys.key_ring().api_key_pepper),
        scopes=sorted(allowed),
        expires_at=expires_at,
    )
    session.add(stored)
    session.flush()
    return NewKey(key, stored)


def page(session: Session, *, actor: Actor, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Slice[ApiKey]:
    """One page of the actor's keys, newest first, revoked and expired ones included."""
    return repository.page(session, actor, limit=limit, cursor=cursor)


def revoke(session: Session, *, actor: Actor, api_key_id: UUID) -> None:
    """From now on the key is refused, and so is every key that was made with it, or with one of those.

    Revoking it again changes nothing. Raises NotFoundError.
    """
    owners.lock(session, actor)
    if repository.get(session, actor, api_key_id) is None:
        raise NotFoundError("API key", api_key_id)
    repository.revoke(session, api_key_id)


def note_use(session: Session, *, api_key_id: UUID) -> bool:
    """Keep when the key was last used, to the minute. True where that was written: commit it at once.

    A key's row that stays locked until the end of a request would make requests with that key wait for each other.
    """
    now = time.monotonic()
    if now - _noted.get(api_key_id, -_USE_NOTED_EVERY.total_seconds()) < _USE_NOTED_EVERY.total_seconds():
        return False
    if len(_noted) >= _MOST_REMEMBERED_USES:
        _noted.clear()
    _noted[api_key_id] = now
    return repository.note_use(session, api_key_id, at_most_every=_USE_NOTED_EVERY)


def _allowed(actor: Actor, asked: Collection[str] | None) -> Collection[str]:
    if asked is None:
        return actor.scopes
    unknown = sorted(set(asked) - set(SCOPES))
    if unknown or not asked:
        raise InvalidInputError(f"The scopes of a key are one or more of: {', '.join(SCOPES)}.")
    missing = sorted(set(asked) - actor.scopes)
    if missing:
        raise MissingScopeError(missing)
    return set(asked)


def _maker(session: Session, actor: Actor) -> ApiKey | None:
    """The key in use, if one is. Raises UnauthenticatedError where it was revoked since it was checked."""
    if actor.api_key_id is None:
        return None
    maker = repository.get_live(session, actor, actor.api_key_id)
    if maker is None:
        raise UnauthenticatedError("The API key has expired or was revoked.", error="invalid_token")
    return maker


def _expiry(asked: datetime | None, maker: ApiKey | None) -> datetime | None:
    if asked is not None and asked <= datetime.now(UTC):
        raise InvalidInputError("expires_at is past.")
    latest = None if maker is None else maker.expires_at
    if latest is None or asked is None:
        return asked or latest
    if asked > latest:
        raise InvalidInputError(f"A key made with a key expires no later than that one: {latest.isoformat()}.")
    return asked
