"""Queries over users. Members see nobody but themselves."""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.core.actor import Actor, Role
from service.core.pagination import Order, Slice
from service.users.models import User

_LAST_ADMIN_LOCK = 0x706C696E7468
"""The advisory lock under which administrators become fewer. Nothing is locked after it."""


class Credentials(NamedTuple):
    """What signing in needs to know of a user."""

    user_id: UUID
    password_hash: str
    role: Role


def visible_to(actor: Actor) -> Select[User]:
    """The users that the actor may see without being an administrator: themselves."""
    return select(User).where(User.id == actor.user_id)


def get(session: Session, actor: Actor) -> User | None:
    """The actor's user."""
    return session.scalar(visible_to(actor))


def get_to_change(session: Session, user_id: UUID) -> User | None:
    """The user as it is now, locked until the transaction ends. See `lock`."""
    statement = select(User).where(User.id == user_id).with_for_update(key_share=True)
    return session.scalar(statement.execution_options(populate_existing=True))


def lock(session: Session, user_id: UUID) -> bool:
    """Lock the user's row until the transaction ends; False where there is no such user.

    Whoever counts what a user has, or deletes the user, takes this lock first: before items, automations and runs.
    """
    statement = select(User.id).where(User.id == user_id).with_for_update(key_share=True)
    return session.scalar(statement) is not None


def lock_credentials(session: Session, user_id: UUID) -> Credentials | None:
    """The same as `lock`, with the user's credentials as they are once locked."""
    statement = select(User.id, User.password_hash, User.role).where(User.id == user_id)
    row = session.execute(statement.with_for_update(key_share=True)).one_or_none()
    return None if row is None else Credentials(*row)


def credentials(session: Session, email: str) -> Credentials | None:
    """The credentials of the user with that address."""
    statement = select(User.id, User.password_hash, User.role).where(User.email == email)
    row = session.execute(statement).one_or_none()
    return None if row is None else Credentials(*row)


def by_email(session: Session, email: str) -> User | None:
    """The user with that address."""
    return session.scalar(select(User).where(User.email == email))


def add(session: Session, *, email: str, password_hash: str, role: Role) -> User | None:
    """A new user; None where the address is taken, even by somebody who took it this moment."""
    statement = insert(User).values(email=email, password_hash=password_hash, role=role)
    return session.scalar(statement.on_conflict_do_nothing(index_elements=[User.email]).returning(User))


def page(session: Session, *, limit: int, cursor: str | None) -> Slice[User]:
    """One page of everybody, newest first."""
    return Order(User).page_of(session, select(User), limit=limit, cursor=cursor)


def is_last_admin(session: Session, user_id: UUID) -> bool:
    """Whether nobody else is an administrator, nor stops being one until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(_LAST_ADMIN_LOCK)))
    others = select(User.id).where(User.role == "admin", User.id != user_id).limit(1)
    return session.scalar(others) is None


def set_password_hash(session: Session, user_id: UUID, password_hash: str) -> None:
    """Store another hash of the same password."""
    session.execute(update(User).where(User.id == user_id).values(password_hash=password_hash))
