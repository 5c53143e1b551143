"""The automations table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Text, func
from sqlalchemy.orm import Mapped, mapped_column

from service.core.database import Base, Identified
from service.items.models import Item


class Automation(Identified, Base):
    """A Python script attached to an item."""

    __tablename__ = "automations"
    __table_args__ = (
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        CheckConstraint("octet_length(code) BETWEEN 1 AND 65536", name="code_length"),
        Index(None, "item_id", "id"),
    )
    __mapper_args__ = {"eager_defaults": True}

    item_id: Mapped[UUID] = mapped_column(ForeignKey(Item.id, ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True, server_default="true")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp(), onupdate=func.clock_timestamp())
