"""Queries over the answers kept for idempotency keys. Each user sees their own."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core.actor import Actor
from service.idempotency.models import IdempotentAnswer

_IDENTITY = (IdempotentAnswer.user_id, IdempotentAnswer.key)


def claim(session: Session, actor: Actor, key: str, *, fingerprint: str) -> bool:
    """Take the key for a request; False where it is taken. Waits for whoever is taking it at the same moment."""
    statement = insert(IdempotentAnswer).values(user_id=actor.user_id, key=key, fingerprint=fingerprint)
    return session.execute(statement.on_conflict_do_nothing().returning(IdempotentAnswer.key)).one_or_none() is not None


def get(session: Session, actor: Actor, key: str) -> IdempotentAnswer | None:
    """What is kept for the key."""
    statement = select(IdempotentAnswer).where(*_is(actor, key))
    return session.scalar(statement.execution_options(populate_existing=True))


def keep(
    session: Session, actor: Actor, key: str, *, status: int, headers: Mapping[str, str], body: Mapping[str, Any]
) -> None:
    """Complete a key that was claimed with its answer."""
    answer = {"status": status, "headers": dict(headers), "body": dict(body)}
    session.execute(update(IdempotentAnswer).where(*_is(actor, key)).values(answer))


def forget_expired(session: Session, actor: Actor, key: str, *, lifetime: timedelta, at_most: int) -> None:
    """Remove the key if it is older than that, and of all others that are, the oldest."""
    expired = IdempotentAnswer.created_at < func.now() - lifetime
    session.execute(delete(IdempotentAnswer).where(*_is(actor, key), expired))
    # Those of others too, for some of their owners never come back. Nobody waits for a row that somebody has locked.
    oldest = select(*_IDENTITY).where(expired).order_by(IdempotentAnswer.created_at).limit(at_most)
    session.execute(
        delete(IdempotentAnswer)
        .where(tuple_(*_IDENTITY).in_(oldest.with_for_update(skip_locked=True)))
        .execution_options(synchronize_session=False)
    )


def _is(actor: Actor, key: str) -> tuple[Any, Any]:
    return IdempotentAnswer.user_id == actor.user_id, IdempotentAnswer.key == key
