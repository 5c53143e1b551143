"""What can be done with automations, for any caller. Flushes; never commits."""

from typing import Final, TypedDict, Unpack
from uuid import UUID

from sqlalchemy.orm import Session

from service.automations import repository
from service.automations.models import Automation
from service.automations.repository import AutomationFilters, AutomationSort
from service.core.actor import Actor
from service.core.errors import NotFoundError, QuotaExceededError
from service.core.pagination import DEFAULT_LIMIT, Slice
from service.core.preconditions import ANY_VERSION, Precondition
from service.items import repository as items
from service.users import owners

MAX_AUTOMATIONS_OF_ITEM: Final = 10
"""An update of the item starts a run of each."""


class AutomationChanges(TypedDict, total=False):
    """The fields of an automation to change; an absent key stays as it is."""

    name: str
    item_id: UUID
    code: str
    enabled: bool


def create(session: Session, *, actor: Actor, name: str, code: str, item_id: UUID, enabled: bool = True) -> Automation:
    """A new automation of the item, at version 1.

    Raises NotFoundError where there is no such item, and QuotaExceededError where it has all that it may have.
    """
    owners.lock(session, actor)
    _require_item(session, actor, item_id)
    _require_room(session, actor, item_id)
    automation = Automation(owner_id=actor.user_id, name=name, code=code, item_id=item_id, enabled=enabled)
    session.add(automation)
    session.flush()
    return automation


def get(session: Session, *, actor: Actor, automation_id: UUID) -> Automation:
    """The automation. Raises NotFoundError."""
    return _found(repository.get(session, actor, automation_id), automation_id)


def page(
    session: Session,
    *,
    actor: Actor,
    sort: AutomationSort = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    **filters: Unpack[AutomationFilters],
) -> Slice[Automation]:
    """One page of the automations that the filters leave.

    Raises InvalidInputError for a cursor of another list or order.
    """
    return repository.page(session, actor, sort=sort, limit=limit, cursor=cursor, **filters)


def update(
    session: Session,
    *,
    actor: Actor,
    automation_id: UUID,
    changes: AutomationChanges,
    expected: Precondition = ANY_VERSION,
) -> Automation:
    """Change the automation, if it is as expected. Runs that are queued keep the code they were queued with.

    Raises NotFoundError, PreconditionFailedError, and QuotaExceededError where it would be one too many of its item.
    """
    owners.lock(session, actor)
    target = changes.get("item_id")
    if target is not None:
        _require_item(session, actor, target)
    automation = _found(repository.get_to_change(session, actor, automation_id), automation_id)
    expected.require("automation", automation.version)
    if target is not None and target != automation.item_id:
        _require_room(session, actor, target)
    for field, value in changes.items():
        setattr(automation, field, value)
    automation.version += 1
    session.flush()
    return automation


def delete(session: Session, *, actor: Actor, automation_id: UUID, expected: Precondition = ANY_VERSION) -> None:
    """Remove the automation and its runs. Raises NotFoundError and PreconditionFailedError."""
    owners.lock(session, actor)
    automation = _found(repository.get_to_change(session, actor, automation_id), automation_id)
    expected.require("automation", automation.version)
    session.delete(automation)
    session.flush()


def _require_item(session: Session, actor: Actor, item_id: UUID) -> None:
    if items.get(session, actor, item_id) is None:
        raise NotFoundError("item", item_id)


def _require_room(session: Session, actor: Actor, item_id: UUID) -> None:
    if repository.count_of(session, actor, item_id) >= MAX_AUTOMATIONS_OF_ITEM:
        message = f"The item has {MAX_AUTOMATIONS_OF_ITEM} automations, the most it may have: delete one first."
        raise QuotaExceededError(message)


def _found(automation: Automation | None, automation_id: UUID) -> Automation:
    if automation is None:
        raise NotFoundError("automation", automation_id)
    return automation
