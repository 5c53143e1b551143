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


class RunsOfAutomationQuery(PageQuery):
    """The query parameters of the list of an automation's runs."""

    sort: RunSort = Field(default="-created_at", description="The order; `-` before a field: descending.")
    status: list[RunStatus] = Field(default=[], max_length=9, description="Only runs of these statuses.")
    trigger: RunTrigger | SkipJsonSchema[None] = Field(default=None, description="Only runs that were started so.")
    created_after: Instant | SkipJsonSchema[None] = Field(
        default=None, description="Only runs created after this time."
    )
    created_before: Instant | SkipJsonSchema[None] = Field(
        default=None, description="Only runs created before this time."
    )


class RunQuery(RunsOfAutomationQuery):
    """The query parameters of the list of runs."""

    automation_id: UUID | SkipJsonSchema[None] = Field(default=None, description="Only runs of this automation.")
    item_id: UUID | SkipJsonSchema[None] = Field(
        default=None, description="Only runs that were queued for this item, which may be gone."
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
        description="`failed`: the script raised, exited with another code than 0, or was ended by a signal."
        " `timed_out`: it used up its time or its processor time. `output_limit`, `out_of_memory`: it printed or needed"
        " more than it may. `error`: it could not be run, or its outcome was lost. `reason` says more."
    )
    reason: str | None = Field(
        description="Why the run ended otherwise than by succeeding: the exit code, the signal, the limit that was met,"
        " what failed around the script, or that the run was cancelled. Null where it succeeded.",
        examples=["the script ended with exit code 3"],
    )
    code_sha256: str = Field(
        description="SHA-256 of the code that the run was queued with, in hexadecimal.",
        examples=["674cfbda21814c5f1cdf7b566d061e9392f4d89385f215371e6f87a63a636cb5"],
    )
    exit_code: int | None = Field(description="Null where the script did not end by itself, or never began.")
    signal: int | None = Field(description="The signal that ended the script, where one did.")
    stdout: str | None = Field(
        description="What the script printed, up to 65536 bytes.", examples=["Sending another update notification\n"]
    )
    stderr: str | None = Field(description="The same of its standard error.", examples=[""])
    truncated: Truncated | None
    result: Any | None = Field(description="What the script left in the global `result`.")
    duration_ms: int | None = Field(description="From the start of the script's interpreter to its end.")
    created_at: datetime = Field(description="When the run was queued.")
    started_at: datetime | None = Field(description="When its sandbox was ready.")
    finished_at: datetime | None = Field(
        description="When the script had ended, or the run without it. The final `status` follows once the sandbox is"
        " destroyed."
    )
    destroyed_at: datetime | None = Field(
        description="When the platform had confirmed that the run's sandbox is gone. Null until then, where there was"
        " none, and in stacks with the isolation `tenant`: there the platform takes it away by itself and tells nobody."
    )


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
