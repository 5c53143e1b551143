"""A request with an idempotency key is done once and answered the same each time. Flushes; never commits.

The key is claimed, the request done and its answer kept in one transaction: a request that fails keeps nothing.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.orm import Session

from service.core.actor import Actor
from service.core.errors import ConflictError, InvalidInputError
from service.idempotency import repository
from service.users import owners

LIFETIME: Final = timedelta(hours=24)
"""How long an answer is kept."""

_FORGOTTEN_AT_ONCE = 100


@dataclass(frozen=True)
class Answer:
    """What a request was answered."""

    status: int
    headers: Mapping[str, str]
    body: Mapping[str, Any]


def fingerprint(operation: str, request: Mapping[str, Any]) -> str:
    """What tells a request from others: the operation and all that it was given, as JSON values."""
    canonical = json.dumps([operation, request], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def claim(session: Session, *, actor: Actor, key: str, fingerprint: str) -> Answer | None:
    """The answer that a request with the actor's key was given, or None where it is now to be done, and then kept.

    Raises InvalidInputError where the key was used for another request.
    """
    # Before anything else is locked. A second request with the key waits here for the first.
    owners.lock(session, actor)
    repository.forget_expired(session, actor, key, lifetime=LIFETIME, at_most=_FORGOTTEN_AT_ONCE)
    if repository.claim(session, actor, key, fingerprint=fingerprint):
        return None
    kept = repository.get(session, actor, key)
    if kept is None or kept.status is None:
        raise ConflictError("Another request with this Idempotency-Key has not ended yet: try again.")
    if kept.fingerprint != fingerprint:
        raise InvalidInputError("This Idempotency-Key was used for another request: use a new one.")
    return Answer(kept.status, kept.headers or {}, kept.body or {})


def keep(session: Session, *, actor: Actor, key: str, answer: Answer) -> None:
    """Keep the answer to the request that `claim` said is to be done."""
    repository.keep(session, actor, key, status=answer.status, headers=answer.headers, body=answer.body)
