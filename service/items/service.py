"""What can be done with items, for any caller: an endpoint, the shell, a test. Flushes; never commits."""

from collections.abc import Sequence
from typing import Final, TypedDict, Unpack
from uuid import UUID

from sqlalchemy.orm import Session

from service.core.actor import Actor
from service.core.errors import NotFoundError, QuotaExceededError
from service.core.pagination import DEFAULT_LIMIT, Slice
from service.core.preconditions import ANY_VERSION, Precondition
from service.items import repository
from service.items.models import Item
from service.items.repository import ItemFilters, ItemSort
from service.runs import service as runs
from service.runs.models import Run
from service.users import owners

MAX_ITEMS: Final = 10_000
"""Items of one owner."""


class ItemChanges(TypedDict, total=False):
    """The fields of an item to change; an absent key stays as it is."""

    name: str
    description: str | None


def create(session: Session, *, actor: Actor, name: str, description: str | None = None) -> Item:
    """A new item, at version 1. Raises QuotaExceededError where the actor has as many as one may have."""
    owners.lock(session, actor)
    if repository.count(session, actor) >= MAX_ITEMS:
        message = f"You have {MAX_ITEMS} items, the most that one may have: delete one first."
        raise QuotaExceededError(message)
    item = Item(owner_id=actor.user_id, name=name, description=description)
    session.add(item)
    session.flush()
    return item


def get(session: Session, *, actor: Actor, item_id: UUID) -> Item:
    """The item. Raises NotFoundError."""
    return _found(repository.get(session, actor, item_id), item_id)


def page(
    session: Session,
    *,
    actor: Actor,
    sort: ItemSort = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    **filters: Unpack[ItemFilters],
) -> Slice[Item]:
    """One page of the items that the filters leave. Raises InvalidInputError for a cursor of another list or order."""
    return repository.page(session, actor, sort=sort, limit=limit, cursor=cursor, **filters)


def update(
    session: Session, *, actor: Actor, item_id: UUID, changes: ItemChanges, expected: Precondition = ANY_VERSION
) -> tuple[Item, Sequence[Run]]:
    """Change the item, if it is as expected, and queue a run of each of its enabled automations.

    The caller commits both together and then sends the runs on their way (`service.runs.dispatch`).
    Raises NotFoundError, PreconditionFailedError, and QuotaExceededError where the actor would have too many
    unfinished runs: nothing is changed then.
    """
    owners.lock(session, actor)
    item = _found(repository.get_to_change(session, actor, item_id), item_id)
    expected.require("item", item.version)
    before = runs.snapshot(item)
    item.name = changes.get("name", item.name)
    item.description = changes.get("description", item.description)
    item.version += 1
    session.flush()
    return item, runs.queue_for_update(session, actor=actor, item=item, before=before)


def delete(session: Session, *, actor: Actor, item_id: UUID, expected: Precondition = ANY_VERSION) -> None:
    """Remove the item, its automations and their runs. Raises NotFoundError and PreconditionFailedError."""
    owners.lock(session, actor)
    item = _found(repository.get_to_change(session, actor, item_id), item_id)
    expected.require("item", item.version)
    session.delete(item)
    session.flush()


def _found(item: Item | None, item_id: UUID) -> Item:
    if item is None:
        raise NotFoundError("item", item_id)
    return item
