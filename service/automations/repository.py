"""Queries over automations. The only place that decides which automations an actor can see."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, Literal, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.automations.models import Automation
from service.core.actor import Actor
from service.core.filters import Conditions, narrowed
from service.core.pagination import Order, Slice

AutomationSort = Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"]


class AutomationFilters(TypedDict, total=False):
    """What a list of automations may be narrowed to; an absent or null value narrows nothing."""

    item_id: UUID | None
    enabled: bool | None
    name: str | None


def visible_to(actor: Actor) -> Select[Automation]:
    """The automations that the actor may see: their own."""
    return select(Automation).where(Automation.owner_id == actor.user_id)


def get(session: Session, actor: Actor, automation_id: UUID) -> Automation | None:
    """The automation, or None where there is none to see."""
    return session.scalar(visible_to(actor).where(Automation.id == automation_id))


def get_to_change(session: Session, actor: Actor, automation_id: UUID) -> Automation | None:
    """The automation as it is now, locked until the transaction ends."""
    statement = visible_to(actor).where(Automation.id == automation_id).with_for_update(key_share=True)
    return session.scalar(statement.execution_options(populate_existing=True))


def enabled_of(session: Session, actor: Actor, item_id: UUID) -> Sequence[Automation]:
    """The item's enabled automations, oldest first."""
    statement = visible_to(actor).where(Automation.item_id == item_id, Automation.enabled).order_by(Automation.id)
    return session.scalars(statement).all()


def count_of(session: Session, actor: Actor, item_id: UUID) -> int:
    """How many automations the item has."""
    of_item = visible_to(actor).where(Automation.item_id == item_id)
    return session.scalars(select(func.count()).select_from(of_item.subquery())).one()


def page(
    session: Session,
    actor: Actor,
    *,
    sort: AutomationSort,
    limit: int,
    cursor: str | None,
    **filters: Unpack[AutomationFilters],
) -> Slice[Automation]:
    """One page of the automations that the filters leave, in that order."""
    statement = narrowed(visible_to(actor), _CONDITIONS, filters)
    return Order(Automation, sort).page_of(session, statement, limit=limit, cursor=cursor, size=_size)


_CONDITIONS: Final[Conditions] = MappingProxyType(
    {
        "item_id": lambda value: Automation.item_id == value,
        "enabled": lambda value: Automation.enabled == value,
        "name": lambda value: Automation.name == value,
    }
)


def _size(automation: Automation) -> int:
    return len(automation.code.encode())
