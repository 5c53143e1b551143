"""Queries over sessions and their refresh tokens."""

from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from service.auth.models import AuthSession, RefreshToken
from service.core.actor import Role
from service.users.models import User

EndReason = Literal["logout", "reuse", "password_changed"]


class TokenState(NamedTuple):
    """What a refresh token is worth now."""

    token_id: UUID
    session_id: UUID
    used: bool
    session_is_live: bool
    scopes: list[str]
    role: Role


# Made once: every request with an access token asks it.
_ROLE_IN_LIVE_SESSION = (
    select(User.role)
    .join(AuthSession, AuthSession.user_id == User.id)
    .where(
        AuthSession.id == bindparam("session_id"),
        User.id == bindparam("user_id"),
        AuthSession.ended_at.is_(None),
        AuthSession.expires_at > func.now(),
    )
)


def role_in_live_session(session: Session, *, session_id: UUID, user_id: UUID) -> Role | None:
    """The role of the session's user now; None where the session has ended or the user is gone."""
    return session.scalar(_ROLE_IN_LIVE_SESSION, {"session_id": session_id, "user_id": user_id})


def make_room(session: Session, *, user_id: UUID, keep: int) -> None:
    """Remove the user's sessions that are over, and of the live ones all but the newest so many."""
    kept = (
        select(AuthSession.id)
        .where(
            AuthSession.user_id == user_id,
            AuthSession.ended_at.is_(None),
            AuthSession.expires_at > func.now(),
        )
        .order_by(AuthSession.id.desc())
        .limit(keep)
    )
    session.execute(delete(AuthSession).where(AuthSession.user_id == user_id, AuthSession.id.not_in(kept)))


def add_session(session: Session, *, user_id: UUID, scopes: list[str], expires_at: datetime) -> UUID:
    """The id of a new session."""
    added = AuthSession(user_id=user_id, scopes=scopes, expires_at=expires_at)
    session.add(added)
    session.flush()
    return added.id


def add_token(session: Session, *, session_id: UUID, token_hash: str) -> None:
    """A refresh token of the session."""
    session.add(RefreshToken(session_id=session_id, token_hash=token_hash))
    session.flush()


def user_of_token(session: Session, token_hash: str) -> UUID | None:
    """Whose refresh token it is."""
    statement = (
        select(AuthSession.user_id)
        .join(RefreshToken, RefreshToken.session_id == AuthSession.id)
        .where(RefreshToken.token_hash == token_hash)
    )
    return session.scalar(statement)


def state_of_token(session: Session, token_hash: str) -> TokenState | None:
    """What the refresh token is worth. Lock its user first: it may be used this moment."""
    statement = (
        select(
            RefreshToken.id,
            AuthSession.id,
            RefreshToken.used_at.is_not(None),
            AuthSession.ended_at.is_(None) & (AuthSession.expires_at > func.now()),
            AuthSession.scopes,
            User.role,
        )
        .join(AuthSession, AuthSession.id == RefreshToken.session_id)
        .join(User, User.id == AuthSession.user_id)
        .where(RefreshToken.token_hash == token_hash)
    )
    row = session.execute(statement).one_or_none()
    return None if row is None else TokenState(*row)


def note_use(session: Session, token_id: UUID) -> None:
    """From now on the refresh token is used up."""
    statement = update(RefreshToken).where(RefreshToken.id == token_id)
    session.execute(statement.values(used_at=func.clock_timestamp()))


def end_session(session: Session, session_id: UUID, *, reason: EndReason) -> None:
    """End the session, unless it has ended."""
    statement = update(AuthSession).where(AuthSession.id == session_id, AuthSession.ended_at.is_(None))
    session.execute(statement.values(ended_at=func.clock_timestamp(), end_reason=reason))


def end_sessions(session: Session, *, user_id: UUID, but: UUID | None, reason: EndReason) -> None:
    """End every session of the user that has not ended, but that one."""
    statement = update(AuthSession).where(AuthSession.user_id == user_id, AuthSession.ended_at.is_(None))
    if but is not None:
        statement = statement.where(AuthSession.id != but)
    session.execute(statement.values(ended_at=func.clock_timestamp(), end_reason=reason))
