"""Runs as they travel: response bodies."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from service.core.filters import Instant
from service.core.pagination import PageQuery
from service.core.schema import ResponseBody
from service.runs.repository import RunSort

RunStatus = Literal[
    "queued",
    "running",
    "succeeded",
    "failed",
    "timed_out",
    "output_limit",
    "out_of_memory",
    "error",
    "cancelled",
]

_ITEM = "0197f39f-1c2d-7a4b-8e6f-5d4c3b2a1908"

RunTrigger = Literal["item_updated", "manual", "rerun"]


class RunQuery(PageQuery):
    """The query parameters of the list of runs."""

    sort: RunSort = Field(default="-created_at", description="The order; `-` before a field: descending.")
    status: list[RunStatus] = Field(default=[], max_length=9, description="Only runs of these statuses.")
    trigger: RunTrigger | SkipJsonSchema[None] = Field(default=None, description="Only runs that were started so.")
    created_after: Instant | SkipJsonSchema[None] = Field(
        default=None, description="Only runs created after this time."
    )
    created_before: Instant | SkipJsonSchema[None] = Field(
        default=None, description="Only runs created before this time."
    )


class Truncated(ResponseBody):
    """What was cut because it was too large."""

    stdout: bool
    stderr: bool
    result: bool


class RunRead(ResponseBody):
    """A run of an automation."""

    id: UUID
    automation_id: UUID
    item_id: UUID
    item_version: int = Field(description="The version of the item that the run was queued for.")
    trigger: RunTrigger
    rerun_of: UUID | None = Field(description="The run that this one repeats; null where it repeats none, or one gone.")
    status: RunStatus = Field(
        description="`failed`: the script raised or exited with another code than 0. `error`: it could not be run, or"
        " its outcome was lost; `reason` says why."
    )
    reason: str | None = Field(description="Why a run ended as `error` or was cancelled.", examples=[None])
    code_sha256: str = Field(
        description="SHA-256 of the code that the run was queued with, in hexadecimal.",
        examples=["674cfbda21814c5f1cdf7b566d061e9392f4d89385f215371e6f87a63a636cb5"],
    )
    exit_code: int | None
    signal: int | None = Field(description="The signal that ended the script, where one did.")
    stdout: str | None = Field(examples=["Sending another update notification\n"])
    stderr: str | None = Field(examples=[""])
    truncated: Truncated | None
    result: Any | None = Field(description="What the script left in the global `result`.")
    duration_ms: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    destroyed_at: datetime | None = Field(description="When the sandbox of the run was confirmed to be gone.")


class RunDetails(RunRead):
    """A run of an automation, with what it was given."""

    code: str = Field(
        description="The code as it was when the run was queued.",
        examples=['print("Sending another update notification")'],
    )
    event: dict[str, Any] = Field(
        description="What the script finds in the global `event`.",
        examples=[
            {
                "trigger": "item_updated",
                "run_id": "0197f3a0-5b7e-7c3e-9d2f-3a5b8c1d4e6f",
                "before": {"id": _ITEM, "name": "Espresso machine", "description": None, "version": 1},
                "after": {"id": _ITEM, "name": "Espresso machine", "description": "Matte black", "version": 2},
            }
        ],
    )
