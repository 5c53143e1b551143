"""Queries over items. The only place that decides which items a caller can see."""

from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.core.pagination import Slice, newest_first
from service.items.models import Item


def visible() -> Select[Item]:
    """The items that the caller may see."""
    return select(Item)


def get(session: Session, item_id: UUID) -> Item | None:
    """The item, or None where there is none to see."""
    return session.scalar(visible().where(Item.id == item_id))


def get_to_change(session: Session, item_id: UUID) -> Item | None:
    """The item, locked until the transaction ends, so that versions count every change."""
    return session.scalar(visible().where(Item.id == item_id).with_for_update(key_share=True))


def get_to_refer_to(session: Session, item_id: UUID) -> Item | None:
    """The item, kept from being deleted until the transaction ends."""
    return session.scalar(visible().where(Item.id == item_id).with_for_update(read=True, key_share=True))


def page(session: Session, *, limit: int, cursor: str | None) -> Slice[Item]:
    """One page of the items, newest first."""
    return newest_first(session, visible(), Item.id, limit=limit, cursor=cursor)
