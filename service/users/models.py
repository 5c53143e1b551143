"""The users table."""

from datetime import datetime
from typing import Final

from sqlalchemy import CheckConstraint, Index, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from service.core.actor import Role
from service.core.database import Base, Identified

MAX_EMAIL_LENGTH: Final = 254
"""Characters of an address that mail servers carry (RFC 5321, section 4.5.3.1.3, less the angle brackets)."""


class User(Identified, Base):
    """Somebody who can sign in. The address is kept in lower case, so that nobody registers it twice."""

    __tablename__ = "users"
    __table_args__ = (
        CheckConstraint(f"char_length(email) BETWEEN 3 AND {MAX_EMAIL_LENGTH}", name="email_length"),
        CheckConstraint("email = lower(email)", name="email_lower"),
        CheckConstraint("role IN ('member', 'admin')", name="role_known"),
        UniqueConstraint("email"),
        Index(None, "created_at", "id"),
    )
    __mapper_args__ = {"eager_defaults": True}

    email: Mapped[str] = mapped_column(Text)
    password_hash: Mapped[str] = mapped_column(Text)
    role: Mapped[Role] = mapped_column(Text, default="member", server_default="member")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())
