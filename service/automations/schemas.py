"""Automations as they travel: request and response bodies."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StringConstraints
from pydantic.json_schema import SkipJsonSchema

from service.automations.repository import AutomationSort
from service.core.filters import Flag
from service.core.pagination import PageQuery
from service.core.schema import Name, RequestBody, ResponseBody, storable

MAX_CODE_BYTES = 65536


def _fits(code: str) -> str:
    if len(code.encode()) > MAX_CODE_BYTES:
        raise ValueError(f"must have at most {MAX_CODE_BYTES} bytes in UTF-8")
    return code


Code = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_CODE_BYTES), AfterValidator(storable), AfterValidator(_fits)
]

_CODE = (
    "A Python script of 1 to 65536 bytes in UTF-8. It runs as `__main__` in a fresh interpreter with one global,"
    " `event`: a dict with `trigger`, `run_id`, and the item `before` and `after`. What it leaves in a global `result`"
    " (JSON-serialisable) comes back with its output."
)

_ITEM = "019dafc0-5b7e-7c11-9a3e-6f2d8e4b1a70"


class AutomationCreate(RequestBody):
    """A new automation."""

    name: Name = Field(examples=["Tell the barista"])
    item_id: UUID = Field(description="The item whose updates start it.", examples=[_ITEM])
    code: Code = Field(description=_CODE, examples=['print("Sending another update notification")'])
    enabled: StrictBool = Field(default=True, description="Whether updates of the item start it.", examples=[True])


class AutomationReplace(AutomationCreate):
    """All of an automation: left out, `enabled` becomes true."""


class AutomationPatch(RequestBody):
    """The fields to change. A field that is left out stays as it is."""

    # Defaults that are never read (only fields that were sent are), yet keep null from being a value.
    name: Name = Field(default_factory=str, examples=["Tell the barista"])
    item_id: UUID = Field(default_factory=lambda: UUID(int=0), examples=[_ITEM])
    code: Code = Field(default_factory=str, description=_CODE, examples=['print("Sending another notification")'])
    enabled: StrictBool = Field(default_factory=bool, examples=[False])


class AutomationsOfItemQuery(PageQuery):
    """The query parameters of the list of an item's automations."""

    sort: AutomationSort = Field(default="-created_at", description="The order; `-` before a field: descending.")
    name: Name | SkipJsonSchema[None] = Field(default=None, description="Only automations of exactly this name.")
    enabled: Flag | SkipJsonSchema[None] = Field(
        default=None, description="Only automations that are enabled, or that are not."
    )


class AutomationQuery(AutomationsOfItemQuery):
    """The query parameters of the list of automations."""

    item_id: UUID | SkipJsonSchema[None] = Field(default=None, description="Only automations of this item.")


class AutomationRead(ResponseBody):
    """An automation."""

    id: UUID
    item_id: UUID
    name: str = Field(examples=["Tell the barista"])
    code: str = Field(examples=['print("Sending another update notification")'])
    enabled: bool
    version: int = Field(description="1 when created, one more with each change.")
    created_at: datetime
    updated_at: datetime
