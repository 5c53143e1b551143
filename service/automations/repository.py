"""Queries over automations. The only place that decides which automations a caller can see."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from service.automations.models import Automation
from service.core.pagination import Slice, newest_first


def visible() -> Select[Automation]:
    """The automations that the caller may see."""
    return select(Automation)


def get(session: Session, automation_id: UUID) -> Automation | None:
    """The automation, or None where there is none to see."""
    return session.scalar(visible().where(Automation.id == automation_id))


def get_to_change(session: Session, automation_id: UUID) -> Automation | None:
    """The automation, locked until the transaction ends."""
    return session.scalar(visible().where(Automation.id == automation_id).with_for_update(key_share=True))


def get_to_refer_to(session: Session, automation_id: UUID) -> Automation | None:
    """The automation, kept from being deleted until the transaction ends."""
    return session.scalar(visible().where(Automation.id == automation_id).with_for_update(read=True, key_share=True))


def enabled_of(session: Session, item_id: UUID) -> Sequence[Automation]:
    """The item's enabled automations, oldest first, kept from being deleted until the transaction ends."""
    statement = visible().where(Automation.item_id == item_id, Automation.enabled).order_by(Automation.id)
    return session.scalars(statement.with_for_update(read=True, key_share=True)).all()


def page(session: Session, *, item_id: UUID | None, limit: int, cursor: str | None) -> Slice[Automation]:
    """One page of the automations, of one item or of all, newest first."""
    statement = visible() if item_id is None else visible().where(Automation.item_id == item_id)
    return newest_first(session, statement, Automation.id, limit=limit, cursor=cursor, size=_size)


def _size(automation: Automation) -> int:
    return len(automation.code.encode())
