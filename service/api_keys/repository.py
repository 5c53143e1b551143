"""Queries over API keys. The only place that decides which keys an actor can see."""

from datetime import timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Select, delete, func, or_, select, update
from sqlalchemy.orm import Session

from service.api_keys.models import ApiKey
from service.core.actor import Actor, Role
from service.core.pagination import Order, Slice
from service.users.models import User


class LiveKey(NamedTuple):
    """What a request with a key needs to know of it."""

    key_id: UUID
    user_id: UUID
    role: Role
    scopes: list[str]


def visible_to(actor: Actor) -> Select[ApiKey]:
    """The keys that the actor may see: their own."""
    return select(ApiKey).where(ApiKey.user_id == actor.user_id)


def page(session: Session, actor: Actor, *, limit: int, cursor: str | None) -> Slice[ApiKey]:
    """One page of the keys, newest first."""
    return Order(ApiKey).page_of(session, visible_to(actor), limit=limit, cursor=cursor)


def get(session: Session, actor: Actor, key_id: UUID) -> ApiKey | None:
    """The key as it is now. Lock its user first: under that lock keys are made and revoked."""
    statement = visible_to(actor).where(ApiKey.id == key_id)
    return session.scalar(statement.execution_options(populate_existing=True))


def get_live(session: Session, actor: Actor, key_id: UUID) -> ApiKey | None:
    """The same, unless it was revoked or has expired."""
    statement = visible_to(actor).where(ApiKey.id == key_id, _is_live())
    return session.scalar(statement.execution_options(populate_existing=True))


def revoke(session: Session, key_id: UUID) -> None:
    """From now on the key, those made with it, those made with these and so on are good for nothing."""
    made = select(ApiKey.id).where(ApiKey.id == key_id).cte("made", recursive=True)
    made = made.union(select(ApiKey.id).join(made, ApiKey.made_with == made.c.id))
    statement = update(ApiKey).where(ApiKey.id.in_(select(made.c.id)), ApiKey.revoked_at.is_(None))
    session.execute(statement.values(revoked_at=func.clock_timestamp()))


def live(session: Session, key_hash: str) -> LiveKey | None:
    """The key with that hash and its user, unless it was revoked or has expired."""
    statement = (
        select(ApiKey.id, ApiKey.user_id, User.role, ApiKey.scopes)
        .join(User, User.id == ApiKey.user_id)
        .where(ApiKey.key_hash == key_hash, _is_live())
    )
    row = session.execute(statement).one_or_none()
    return None if row is None else LiveKey(*row)


def count_live(session: Session, actor: Actor) -> int:
    """How many keys of the actor are good."""
    statement = select(func.count()).where(ApiKey.user_id == actor.user_id, _is_live())
    return session.scalar(statement) or 0


def forget_dead(session: Session, actor: Actor, *, keep: int) -> None:
    """Remove the actor's keys that were revoked or have expired, but for the newest so many."""
    dead = ApiKey.user_id == actor.user_id, ~_is_live()
    kept = select(ApiKey.id).where(*dead).order_by(ApiKey.id.desc()).limit(keep)
    session.execute(delete(ApiKey).where(*dead, ApiKey.id.not_in(kept)))


def note_use(session: Session, key_id: UUID, *, at_most_every: timedelta) -> bool:
    """Write that the key is in use, unless that was written a moment ago or is being written. Whether it was."""
    due = (
        select(ApiKey.id)
        .where(
            ApiKey.id == key_id,
            or_(ApiKey.last_used_at.is_(None), ApiKey.last_used_at < func.clock_timestamp() - at_most_every),
        )
        .with_for_update(key_share=True, skip_locked=True)
    )
    statement = update(ApiKey).where(ApiKey.id.in_(due)).values(last_used_at=func.clock_timestamp())
    return session.scalar(statement.returning(ApiKey.id)) is not None


def _is_live() -> ColumnElement[bool]:
    # coalesce, because an unknown would be neither live nor dead.
    not_expired = func.coalesce(ApiKey.expires_at > func.now(), True)
    return ApiKey.revoked_at.is_(None) & not_expired
