"""The tables of sessions: each sign-in begins one, and its refresh tokens follow each other within it."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.core.database import Base, Identified
from service.users.models import User


class AuthSession(Identified, Base):
    """A family of refresh tokens: all that follow from one sign-in. Ended, none of them is good any more."""

    __tablename__ = "auth_sessions"
    __table_args__ = (
        CheckConstraint("end_reason IN ('logout', 'reuse', 'password_changed')", name="end_reason_known"),
        CheckConstraint("(ended_at IS NULL) = (end_reason IS NULL)", name="end_has_reason"),
        Index(None, "user_id"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime]
    """When the user has to sign in again, however often the session was refreshed."""

    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str | None] = mapped_column(Text)


class RefreshToken(Identified, Base):
    """One refresh token of a session. It is good once; a second use ends the session."""

    __tablename__ = "refresh_tokens"
    __table_args__ = (
        CheckConstraint("char_length(token_hash) = 64", name="token_hash_length"),
        UniqueConstraint("token_hash"),
        Index(None, "session_id"),
    )

    session_id: Mapped[UUID] = mapped_column(ForeignKey(AuthSession.id, ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime | None]
