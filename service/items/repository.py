"""Queries over items. The only place that decides which items an actor can see."""

from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.core.actor import Actor
from service.core.filters import Conditions, narrowed
from service.core.pagination import Order, Slice
from service.items.models import Item

ItemSort = Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"]


class ItemFilters(TypedDict, total=False):
    """What a list of items may be narrowed to; an absent or null value narrows nothing."""

    name: str | None
    name_contains: str | None
    """Part of the name, upper or lower case."""

    created_after: datetime | None
    created_before: datetime | None
    updated_after: datetime | None
    updated_before: datetime | None


def visible_to(actor: Actor) -> Select[Item]:
    """The items that the actor may see: their own."""
    return select(Item).where(Item.owner_id == actor.user_id)


def get(session: Session, actor: Actor, item_id: UUID) -> Item | None:
    """The item, or None where there is none to see."""
    return session.scalar(visible_to(actor).where(Item.id == item_id))


def get_to_change(session: Session, actor: Actor, item_id: UUID) -> Item | None:
    """The item as it is now, locked until the transaction ends, so that versions count every change."""
    statement = visible_to(actor).where(Item.id == item_id).with_for_update(key_share=True)
    return session.scalar(statement.execution_options(populate_existing=True))


def count(session: Session, actor: Actor) -> int:
    """How many items the actor has."""
    return session.scalars(select(func.count()).select_from(visible_to(actor).subquery())).one()


def page(
    session: Session, actor: Actor, *, sort: ItemSort, limit: int, cursor: str | None, **filters: Unpack[ItemFilters]
) -> Slice[Item]:
    """One page of the items that the filters leave, in that order."""
    statement = narrowed(visible_to(actor), _CONDITIONS, filters)
    return Order(Item, sort).page_of(session, statement, limit=limit, cursor=cursor)


_CONDITIONS: Final[Conditions] = MappingProxyType(
    {
        "name": lambda value: Item.name == value,
        # The column's own collation knows the case of ASCII letters only.
        "name_contains": lambda value: Item.name.collate("default").icontains(value, autoescape=True),
        "created_after": lambda value: Item.created_at > value,
        "created_before": lambda value: Item.created_at < value,
        "updated_after": lambda value: Item.updated_at > value,
        "updated_before": lambda value: Item.updated_at < value,
    }
)
