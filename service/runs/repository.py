"""Queries over runs. The only place that decides which runs a caller can see."""

import json
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from service.core.pagination import Slice, newest_first
from service.runs.models import Run


def visible() -> Select[Run]:
    """The runs that the caller may see."""
    return select(Run)


def get(session: Session, run_id: UUID) -> Run | None:
    """The run, or None where there is none to see."""
    return session.scalar(visible().where(Run.id == run_id))


def get_to_change(session: Session, run_id: UUID) -> Run | None:
    """The run as it is now, locked until the transaction ends."""
    statement = visible().where(Run.id == run_id).with_for_update()
    return session.scalar(statement.execution_options(populate_existing=True))


def page(session: Session, *, automation_id: UUID, limit: int, cursor: str | None) -> Slice[Run]:
    """One page of an automation's runs, newest first."""
    statement = visible().where(Run.automation_id == automation_id)
    return newest_first(session, statement, Run.id, limit=limit, cursor=cursor, size=_size)


def now(session: Session) -> datetime:
    """The database's clock: workers on different machines compare leases by it."""
    return session.scalars(select(func.clock_timestamp())).one()


def _size(run: Run) -> int:
    texts = (run.stdout or "", run.stderr or "", json.dumps(run.result, ensure_ascii=False))
    return sum(len(text.encode()) for text in texts)
