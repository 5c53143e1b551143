"""What can be done with automations, for any caller. Flushes; never commits."""

from typing import TypedDict
from uuid import UUID

from sqlalchemy.orm import Session

from service.automations import repository
from service.automations.models import Automation
from service.core.errors import NotFoundError
from service.core.pagination import Slice
from service.items import repository as items


class AutomationChanges(TypedDict, total=False):
    """The fields of an automation to change; an absent key stays as it is."""

    name: str
    item_id: UUID
    code: str
    enabled: bool


def create(session: Session, *, name: str, code: str, item_id: UUID, enabled: bool = True) -> Automation:
    """A new automation of the item. Raises NotFoundError where there is no such item."""
    _require_item(session, item_id)
    automation = Automation(name=name, code=code, item_id=item_id, enabled=enabled)
    session.add(automation)
    session.flush()
    return automation


def get(session: Session, *, automation_id: UUID) -> Automation:
    """The automation. Raises NotFoundError."""
    return _found(repository.get(session, automation_id), automation_id)


def page(
    session: Session, *, item_id: UUID | None = None, limit: int = 20, cursor: str | None = None
) -> Slice[Automation]:
    """One page of automations, of one item or of all, newest first."""
    return repository.page(session, item_id=item_id, limit=limit, cursor=cursor)


def update(session: Session, *, automation_id: UUID, changes: AutomationChanges) -> Automation:
    """Change the automation. Runs that are queued keep the code they were queued with. Raises NotFoundError."""
    if "item_id" in changes:
        _require_item(session, changes["item_id"])
    automation = _found(repository.get_to_change(session, automation_id), automation_id)
    for field, value in changes.items():
        setattr(automation, field, value)
    session.flush()
    return automation


def delete(session: Session, *, automation_id: UUID) -> None:
    """Remove the automation and its runs. Raises NotFoundError."""
    session.delete(_found(repository.get_to_change(session, automation_id), automation_id))
    session.flush()


def _require_item(session: Session, item_id: UUID) -> None:
    if items.get_to_refer_to(session, item_id) is None:
        raise NotFoundError("item", item_id)


def _found(automation: Automation | None, automation_id: UUID) -> Automation:
    if automation is None:
        raise NotFoundError("automation", automation_id)
    return automation
