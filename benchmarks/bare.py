"""The baseline of a request: the read of an item with FastAPI, SQLAlchemy and Mangum and nothing else."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, FastAPI, HTTPException
from mangum import Mangum
from pydantic import BaseModel, ConfigDict
from sqlalchemy import DateTime, Uuid, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker


class Base(DeclarativeBase):
    """The declarative base."""

    type_annotation_map = {datetime: DateTime(timezone=True), UUID: Uuid(as_uuid=True)}


class Item(Base):
    """The service's table of items."""

    __tablename__ = "items"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    description: Mapped[str | None]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ItemRead(BaseModel):
    """An item."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str
    description: str | None
    version: int
    created_at: datetime
    updated_at: datetime


engine = create_engine(
    os.environ["DATABASE_URL"],
    pool_size=1,
    max_overflow=0,
    pool_pre_ping=True,
    pool_recycle=600,
    connect_args={"prepare_threshold": None},
)
sessions = sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


def get_session() -> Iterator[Session]:
    """A session that commits when the request is done."""
    with sessions() as session:
        yield session
        session.commit()


@app.get("/v1/items/{item_id}", response_model=ItemRead)
def read_item(item_id: UUID, session: Annotated[Session, Depends(get_session, scope="function")]) -> Any:
    """Read an item."""
    item = session.scalar(select(Item).where(Item.id == item_id))
    if item is None:
        raise HTTPException(404)
    return item


handler = Mangum(app, lifespan="off")
