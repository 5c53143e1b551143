"""Queries over runs. The only place that decides which runs an actor can see."""

import json
from collections.abc import Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session, defer

from service.core.actor import Actor
from service.core.filters import Conditions, narrowed
from service.core.pagination import Order, Slice
from service.runs.models import QUEUED, RUNNING, Run

RunSort = Literal["created_at", "-created_at"]


class RunFilters(TypedDict, total=False):
    """What a list of runs may be narrowed to; an absent, null or empty value narrows nothing."""

    status: Sequence[str]
    """Any of these."""

    trigger: str | None
    created_after: datetime | None
    created_before: datetime | None


def visible_to(actor: Actor) -> Select[Run]:
    """The runs that the actor may see: their own."""
    return select(Run).where(Run.owner_id == actor.user_id)


def get(session: Session, actor: Actor, run_id: UUID) -> Run | None:
    """The run, or None where there is none to see."""
    return session.scalar(visible_to(actor).where(Run.id == run_id))


def get_to_change(session: Session, actor: Actor, run_id: UUID) -> Run | None:
    """The run as it is now, locked until the transaction ends."""
    statement = visible_to(actor).where(Run.id == run_id).with_for_update()
    return session.scalar(statement.execution_options(populate_existing=True))


def get_for_worker(session: Session, run_id: UUID) -> Run | None:
    """The run, whoever owns it: the worker acts for nobody."""
    return session.get(Run, run_id)


def get_for_worker_to_change(session: Session, run_id: UUID) -> Run | None:
    """The run as it is now, whoever owns it, locked until the transaction ends."""
    statement = select(Run).where(Run.id == run_id).with_for_update()
    return session.scalar(statement.execution_options(populate_existing=True))


def count_unfinished(session: Session, actor: Actor) -> int:
    """How many of the actor's runs are queued or running."""
    unfinished = visible_to(actor).where(Run.status.in_((QUEUED, RUNNING)))
    return session.scalars(select(func.count()).select_from(unfinished.subquery())).one()


def page(
    session: Session,
    actor: Actor,
    *,
    automation_id: UUID,
    sort: RunSort,
    limit: int,
    cursor: str | None,
    **filters: Unpack[RunFilters],
) -> Slice[Run]:
    """One page of those of an automation's runs that the filters leave, in that order, without code and event."""
    statement = narrowed(visible_to(actor).where(Run.automation_id == automation_id), _CONDITIONS, filters)
    statement = statement.options(defer(Run.code, raiseload=True), defer(Run.event, raiseload=True))
    return Order(Run, sort).page_of(session, statement, limit=limit, cursor=cursor, size=_size)


def now(session: Session) -> datetime:
    """The database's clock: workers on different machines compare leases by it."""
    # Were changes flushed for it, a row would be updated twice. The second time PostgreSQL checks its foreign keys and
    # so waits for whoever deletes the item, who waits for the row.
    with session.no_autoflush:
        return session.scalars(select(func.clock_timestamp())).one()


_CONDITIONS: Final[Conditions] = MappingProxyType(
    {
        "status": lambda value: Run.status.in_(value),
        "trigger": lambda value: Run.trigger == value,
        "created_after": lambda value: Run.created_at > value,
        "created_before": lambda value: Run.created_at < value,
    }
)


def _size(run: Run) -> int:
    texts = (run.stdout or "", run.stderr or "", json.dumps(run.result, ensure_ascii=False))
    return sum(len(text.encode()) for text in texts)
