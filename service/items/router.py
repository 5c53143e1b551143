"""The /items routes."""

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from fastapi import APIRouter, Response, status

from service.automations import service as automations
from service.automations.models import Automation
from service.automations.schemas import AutomationRead
from service.core.dependencies import PageParameters, SessionDependency
from service.core.limits import limit
from service.core.pagination import Page, Slice
from service.core.problems import problems
from service.items import service
from service.items.models import Item
from service.items.schemas import ItemCreate, ItemPatch, ItemRead, ItemReplace, ItemUpdated
from service.runs.dispatch import send_after_commit
from service.runs.models import Run

router = APIRouter(prefix="/items", tags=["items"])


@router.post("", status_code=status.HTTP_201_CREATED, response_model=ItemRead, responses=problems(413))
@limit("POST /v1/items")
def create_item(body: ItemCreate, session: SessionDependency, response: Response) -> Item:
    """Create an item."""
    item = service.create(session, name=body.name, description=body.description)
    response.headers["Location"] = f"/v1/items/{item.id}"
    return item


@router.get("", response_model=Page[ItemRead])
@limit("GET /v1/items")
def list_items(parameters: PageParameters, session: SessionDependency) -> Slice[Item]:
    """List items, newest first."""
    return service.page(session, limit=parameters.limit, cursor=parameters.cursor)


@router.get("/{item_id}", response_model=ItemRead, responses=problems(404))
@limit("GET /v1/items/{item_id}")
def read_item(item_id: UUID, session: SessionDependency) -> Item:
    """Read an item."""
    return service.get(session, item_id=item_id)


@router.put("/{item_id}", responses=problems(404, 413))
@limit("PUT /v1/items/{item_id}")
def replace_item(item_id: UUID, body: ItemReplace, session: SessionDependency) -> ItemUpdated:
    """Replace an item and start its enabled automations."""
    changes = service.ItemChanges(name=body.name, description=body.description)
    item, runs = service.update(session, item_id=item_id, changes=changes)
    send_after_commit(session, runs)
    return _updated(item, runs)


@router.patch("/{item_id}", responses=problems(404, 413))
@limit("PATCH /v1/items/{item_id}")
def change_item(item_id: UUID, body: ItemPatch, session: SessionDependency) -> ItemUpdated:
    """Change some fields of an item and start its enabled automations."""
    changes = cast("service.ItemChanges", body.model_dump(exclude_unset=True))
    item, runs = service.update(session, item_id=item_id, changes=changes)
    send_after_commit(session, runs)
    return _updated(item, runs)


@router.delete("/{item_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404))
@limit("DELETE /v1/items/{item_id}")
def delete_item(item_id: UUID, session: SessionDependency) -> None:
    """Delete an item together with its automations and all their runs."""
    service.delete(session, item_id=item_id)


@router.get("/{item_id}/automations", response_model=Page[AutomationRead], responses=problems(404))
@limit("GET /v1/items/{item_id}/automations")
def list_automations_of_item(
    item_id: UUID, parameters: PageParameters, session: SessionDependency
) -> Slice[Automation]:
    """List the automations of an item, newest first."""
    item = service.get(session, item_id=item_id)
    return automations.page(session, item_id=item.id, limit=parameters.limit, cursor=parameters.cursor)


def _updated(item: Item, runs: Sequence[Run]) -> ItemUpdated:
    return ItemUpdated(**ItemRead.model_validate(item).model_dump(), runs=[run.id for run in runs])
