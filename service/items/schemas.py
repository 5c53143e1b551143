"""Items as they travel: request and response bodies."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from service.core.filters import Instant, SearchText
from service.core.pagination import PageQuery
from service.core.schema import Name, RequestBody, ResponseBody, storable
from service.items.repository import ItemSort

Description = Annotated[str, StringConstraints(max_length=2000), AfterValidator(storable)]


class ItemCreate(RequestBody):
    """A new item."""

    name: Name = Field(examples=["Espresso machine"])
    description: Description | None = Field(default=None, examples=["Silver dual boiler machine"])


class ItemReplace(ItemCreate):
    """All of an item: a description that is left out becomes null."""


class ItemPatch(RequestBody):
    """The fields to change. A field that is left out stays as it is; a null description removes it."""

    # A default that is never read (only fields that were sent are), yet keeps null from being a name.
    name: Name = Field(default_factory=str, examples=["Espresso machine"])
    description: Description | None = Field(default=None, examples=["Silver dual boiler machine"])


class ItemQuery(PageQuery):
    """The query parameters of the list of items."""

    sort: ItemSort = Field(default="-created_at", description="The order; `-` before a field: descending.")
    name: Name | SkipJsonSchema[None] = Field(default=None, description="Only items of exactly this name.")
    name_contains: SearchText | SkipJsonSchema[None] = Field(
        default=None, description="Only items with this in their name, upper or lower case."
    )
    created_after: Instant | SkipJsonSchema[None] = Field(
        default=None, description="Only items created after this time."
    )
    created_before: Instant | SkipJsonSchema[None] = Field(
        default=None, description="Only items created before this time."
    )
    updated_after: Instant | SkipJsonSchema[None] = Field(
        default=None, description="Only items updated after this time."
    )
    updated_before: Instant | SkipJsonSchema[None] = Field(
        default=None, description="Only items updated before this time."
    )


class ItemRead(ResponseBody):
    """An item."""

    id: UUID
    name: str = Field(examples=["Espresso machine"])
    description: str | None = Field(examples=["Silver dual boiler machine"])
    version: int = Field(description="1 when created, one more with each update.")
    created_at: datetime
    updated_at: datetime


class ItemUpdated(ItemRead):
    """An item after an update, with the runs that the update started."""

    runs: list[UUID] = Field(description="The runs that were queued, one for each enabled automation of the item.")
