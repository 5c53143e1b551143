"""The automations table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, Text, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from service.core.database import Base, Identified
from service.items.models import Item


class Automation(Identified, Base):
    """A Python script attached to an item of the same owner. `version` counts its changes, from 1."""

    __tablename__ = "automations"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        CheckConstraint("octet_length(code) BETWEEN 1 AND 65536", name="code_length"),
        CheckConstraint("version >= 1", name="version_counts"),
        ForeignKeyConstraint(["item_id", "owner_id"], [Item.id, Item.owner_id], ondelete="CASCADE"),
        UniqueConstraint("id", "owner_id"),
        Index(None, "item_id", "id"),
        Index(None, "owner_id", "created_at", "id"),
        Index(None, "owner_id", "name", "id"),
        Index(None, "owner_id", "updated_at", "id"),
    )
    __mapper_args__ = {"eager_defaults": True}

    owner_id: Mapped[UUID]
    item_id: Mapped[UUID]
    # By code point, so that the order of names is the same in every database.
    name: Mapped[str] = mapped_column(Text(collation="C"))
    code: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True, server_default="true")
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())
