"""The API keys table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from service.core.database import Base, Identified
from service.users.models import User


class ApiKey(Identified, Base):
    """A key of a user's programs. The key itself is nowhere: only a keyed hash of it."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        CheckConstraint("char_length(key_hash) = 64", name="key_hash_length"),
        UniqueConstraint("key_hash"),
        Index(None, "user_id", "created_at", "id"),
        Index(None, "made_with"),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    made_with: Mapped[UUID | None] = mapped_column(ForeignKey("api_keys.id", ondelete="SET NULL"))
    """The key that was sent to make this one. A key that somebody stole is revoked together with all that it made."""

    name: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text)
    """The beginning of the key, by which its owner recognises it."""

    key_hash: Mapped[str] = mapped_column(Text)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    """To the minute: a key in constant use is not written at each request."""

    revoked_at: Mapped[datetime | None]
