"""What can be done with items, for any caller: an endpoint, the shell, a test. Flushes; never commits."""

from collections.abc import Sequence
from typing import TypedDict
from uuid import UUID

from sqlalchemy.orm import Session

from service.core.errors import NotFoundError
from service.core.pagination import Slice
from service.items import repository
from service.items.models import Item
from service.runs import service as runs
from service.runs.models import Run


class ItemChanges(TypedDict, total=False):
    """The fields of an item to change; an absent key stays as it is."""

    name: str
    description: str | None


def create(session: Session, *, name: str, description: str | None = None) -> Item:
    """A new item, at version 1."""
    item = Item(name=name, description=description)
    session.add(item)
    session.flush()
    return item


def get(session: Session, *, item_id: UUID) -> Item:
    """The item. Raises NotFoundError."""
    return _found(repository.get(session, item_id), item_id)


def page(session: Session, *, limit: int = 20, cursor: str | None = None) -> Slice[Item]:
    """One page of items, newest first."""
    return repository.page(session, limit=limit, cursor=cursor)


def update(session: Session, *, item_id: UUID, changes: ItemChanges) -> tuple[Item, Sequence[Run]]:
    """Change the item and queue a run of each of its enabled automations. Raises NotFoundError.

    The caller commits both together and then sends the runs on their way (`service.runs.dispatch`).
    """
    item = _found(repository.get_to_change(session, item_id), item_id)
    before = runs.snapshot(item)
    item.name = changes.get("name", item.name)
    item.description = changes.get("description", item.description)
    item.version += 1
    session.flush()
    return item, runs.queue_for_update(session, item=item, before=before)


def delete(session: Session, *, item_id: UUID) -> None:
    """Remove the item, its automations and their runs. Raises NotFoundError."""
    session.delete(_found(repository.get_to_change(session, item_id), item_id))
    session.flush()


def _found(item: Item | None, item_id: UUID) -> Item:
    if item is None:
        raise NotFoundError("item", item_id)
    return item
