"""The runs table. It is also the outbox: a queued row whose message was lost can be sent again."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import JSON, CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from service.automations.models import Automation
from service.core.database import Base, Identified
from service.core.logging import request_id

QUEUED: Final = "queued"
RUNNING: Final = "running"
ENDED: Final = ("succeeded", "failed", "timed_out", "output_limit", "out_of_memory", "error", "cancelled")
"""The statuses that a run keeps for ever."""

TRIGGERS: Final = ("item_updated", "manual", "rerun")

MAX_RUNNING_RUNS: Final = 5
"""Runs of one owner that run at the same time; the others wait in the order in which they were queued."""


def _one_of(column: str, values: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(repr(value) for value in values)})"


class Run(Identified, Base):
    """One execution of an automation: its code and event as they were when it was queued, and what came of it."""

    __tablename__ = "runs"
    __table_args__ = (
        CheckConstraint(_one_of("status", (QUEUED, RUNNING, *ENDED)), name="status_known"),
        CheckConstraint(_one_of("ending", ENDED), name="ending_known"),
        CheckConstraint(_one_of("trigger", TRIGGERS), name="trigger_known"),
        CheckConstraint("octet_length(code) BETWEEN 1 AND 65536", name="code_length"),
        CheckConstraint("char_length(code_sha256) = 64", name="code_sha256_length"),
        ForeignKeyConstraint(["automation_id", "owner_id"], [Automation.id, Automation.owner_id], ondelete="CASCADE"),
        Index(None, "automation_id", "created_at", "id"),
        Index(None, "owner_id", "created_at", "id"),
        Index(None, "rerun_of"),
        Index("ix_runs_unfinished_of_owner", "owner_id", postgresql_where=text("status IN ('queued', 'running')")),
        Index("ix_runs_unfinished", "status", "id", postgresql_where=text("status IN ('queued', 'running')")),
        Index("ix_runs_undestroyed", "id", postgresql_where=text("sandbox IS NOT NULL AND destroyed_at IS NULL")),
    )
    __mapper_args__ = {"eager_defaults": True}

    owner_id: Mapped[UUID]
    automation_id: Mapped[UUID]
    item_id: Mapped[UUID]
    """The item of the event. It may be gone: an automation that was moved to another one keeps its history."""

    rerun_of: Mapped[UUID | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"))
    """The run that this one repeats, with its code and event."""

    item_version: Mapped[int]
    trigger: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    code_sha256: Mapped[str] = mapped_column(Text)
    request_id: Mapped[str | None] = mapped_column(Text, default=request_id.get)
    """The request that queued the run, so that its lines in the log and those of the run are found together."""

    # json rather than jsonb: it keeps numbers and the order of keys exactly as the script left them.
    event: Mapped[dict[str, Any]] = mapped_column(JSON)

    status: Mapped[str] = mapped_column(Text, default=QUEUED, server_default=QUEUED)
    attempt: Mapped[int] = mapped_column(default=0, server_default="0")
    """How often a worker has taken the run. A worker that finds a later number has lost it."""

    claimed_until: Mapped[datetime | None]
    """Until when nobody else may take the run: while it is running, how long its worker may live; while it is queued
    again after a failure, how long it pauses."""

    sandbox: Mapped[str | None] = mapped_column(Text)
    """What the sandbox runner calls the run's sandbox."""

    ending: Mapped[str | None] = mapped_column(Text)
    """The status that a run whose script has ended takes once its sandbox is gone."""

    exit_code: Mapped[int | None]
    signal: Mapped[int | None]
    stdout: Mapped[str | None] = mapped_column(Text)
    stderr: Mapped[str | None] = mapped_column(Text)
    truncated: Mapped[dict[str, bool] | None] = mapped_column(JSON(none_as_null=True))
    result: Mapped[Any | None] = mapped_column(JSON(none_as_null=True))
    duration_ms: Mapped[int | None]
    reason: Mapped[str | None] = mapped_column(Text)

    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    destroyed_at: Mapped[datetime | None]
