"""Items as they travel: request and response bodies."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StringConstraints

from service.core.schema import Name, RequestBody, ResponseBody, storable

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
    description: Description | None = None


class ItemRead(ResponseBody):
    """An item."""

    id: UUID
    name: str
    description: str | None
    version: int = Field(description="1 when created, one more with each update.")
    created_at: datetime
    updated_at: datetime


class ItemUpdated(ItemRead):
    """An item after an update, with the runs that the update started."""

    runs: list[UUID] = Field(description="The runs that were queued, one for each enabled automation of the item.")
