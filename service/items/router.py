"""The /items routes."""

from collections.abc import Sequence
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from service.auth.dependencies import AutomationsReader, ItemsReader, ItemsWriter
from service.automations import service as automations
from service.automations.models import Automation
from service.automations.schemas import AutomationRead, AutomationsOfItemQuery
from service.core.dependencies import SessionDependency
from service.core.entity_tags import ExpectedVersion, TagsDependency, entity_tag
from service.core.limits import limit
from service.core.pagination import Page, Slice
from service.core.problems import problems
from service.core.response_headers import headers
from service.idempotency.endpoints import idempotent
from service.items import service
from service.items.models import Item
from service.items.schemas import ItemCreate, ItemPatch, ItemQuery, ItemRead, ItemReplace, ItemUpdated
from service.runs.dispatch import send_after_commit
from service.runs.models import Run

router = APIRouter(prefix="/items", tags=["items"])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=ItemRead,
    responses={**headers(201, "ETag", "Location", "Idempotency-Replayed"), **problems(409, 413)},
)
@limit("POST /v1/items")
@idempotent()
def create_item(body: ItemCreate, actor: ItemsWriter, session: SessionDependency, response: Response) -> Item:
    """Create an item. Its owner may have 10,000."""
    item = service.create(session, actor=actor, name=body.name, description=body.description)
    response.headers["Location"] = f"/v1/items/{item.id}"
    response.headers["ETag"] = entity_tag(item)
    return item


@router.get("", response_model=Page[ItemRead])
@limit("GET /v1/items")
def list_items(
    parameters: Annotated[ItemQuery, Query()], actor: ItemsReader, session: SessionDependency
) -> Slice[Item]:
    """List items, newest first unless `sort` says otherwise."""
    return service.page(session, actor=actor, **parameters.model_dump())


@router.get(
    "/{item_id}", response_model=ItemRead, responses={**headers(200, "ETag"), **headers(304, "ETag"), **problems(404)}
)
@limit("GET /v1/items/{item_id}")
def read_item(item_id: UUID, actor: ItemsReader, session: SessionDependency, tags: TagsDependency) -> Item | Response:
    """Read an item."""
    return tags.answer(service.get(session, actor=actor, item_id=item_id))


@router.put("/{item_id}", responses={**headers(200, "ETag"), **problems(404, 409, 412, 413)})
@limit("PUT /v1/items/{item_id}")
def replace_item(
    item_id: UUID,
    body: ItemReplace,
    actor: ItemsWriter,
    session: SessionDependency,
    expected: ExpectedVersion,
    response: Response,
) -> ItemUpdated:
    """Replace an item and start its enabled automations.

    At most 5 of an owner's runs run at once, in the order in which they were queued. An owner has at most 50 that are
    queued or running: an update that would make more is refused whole, with a 429, and changes nothing.
    """
    changes = service.ItemChanges(name=body.name, description=body.description)
    item, runs = service.update(session, actor=actor, item_id=item_id, changes=changes, expected=expected)
    send_after_commit(session, runs)
    return _updated(item, runs, response)


@router.patch("/{item_id}", responses={**headers(200, "ETag"), **problems(404, 409, 412, 413)})
@limit("PATCH /v1/items/{item_id}")
def change_item(
    item_id: UUID,
    body: ItemPatch,
    actor: ItemsWriter,
    session: SessionDependency,
    expected: ExpectedVersion,
    response: Response,
) -> ItemUpdated:
    """Change some fields of an item and start its enabled automations.

    At most 5 of an owner's runs run at once, in the order in which they were queued. An owner has at most 50 that are
    queued or running: an update that would make more is refused whole, with a 429, and changes nothing.
    """
    changes = cast("service.ItemChanges", body.model_dump(exclude_unset=True))
    item, runs = service.update(session, actor=actor, item_id=item_id, changes=changes, expected=expected)
    send_after_commit(session, runs)
    return _updated(item, runs, response)


@router.delete("/{item_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 412))
@limit("DELETE /v1/items/{item_id}")
def delete_item(item_id: UUID, actor: ItemsWriter, session: SessionDependency, expected: ExpectedVersion) -> None:
    """Delete an item together with its automations and all their runs."""
    service.delete(session, actor=actor, item_id=item_id, expected=expected)


@router.get("/{item_id}/automations", response_model=Page[AutomationRead], responses=problems(404))
@limit("GET /v1/items/{item_id}/automations")
def list_automations_of_item(
    item_id: UUID,
    parameters: Annotated[AutomationsOfItemQuery, Query()],
    actor: AutomationsReader,
    session: SessionDependency,
) -> Slice[Automation]:
    """List the automations of an item, newest first unless `sort` says otherwise."""
    item = service.get(session, actor=actor, item_id=item_id)
    return automations.page(session, actor=actor, item_id=item.id, **parameters.model_dump())


def _updated(item: Item, runs: Sequence[Run], response: Response) -> ItemUpdated:
    response.headers["ETag"] = entity_tag(item)
    return ItemUpdated(**ItemRead.model_validate(item).model_dump(), runs=[run.id for run in runs])
