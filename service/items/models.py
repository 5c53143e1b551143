"""The items table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from service.core.database import Base, Identified
from service.users.models import User


class Item(Identified, Base):
    """Something whose changes matter. `version` counts them, from 1."""

    __tablename__ = "items"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        CheckConstraint("char_length(description) <= 2000", name="description_length"),
        CheckConstraint("version >= 1", name="version_counts"),
        # What automations refer to, so that nothing of theirs is another owner's.
        UniqueConstraint("id", "owner_id"),
        Index(None, "owner_id", "created_at", "id"),
        Index(None, "owner_id", "name", "id"),
        Index(None, "owner_id", "updated_at", "id"),
    )
    __mapper_args__ = {"eager_defaults": True}

    owner_id: Mapped[UUID] = mapped_column(ForeignKey(User.id, ondelete="CASCADE"))
    # By code point, so that the order of names is the same in every database.
    name: Mapped[str] = mapped_column(Text(collation="C"))
    description: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())
