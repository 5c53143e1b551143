"""Queries over runs. The only place that decides which runs an actor can see."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session, defer

from service.core.actor import Actor
from service.core.filters import Conditions, narrowed
from service.core.pagination import Order, Slice
from service.runs.models import ENDED, MAX_RUNNING_RUNS, QUEUED, RUNNING, Run

RunSort = Literal["created_at", "-created_at"]


class RunFilters(TypedDict, total=False):
    """What a list of runs may be narrowed to; an absent, null or empty value narrows nothing."""

    status: Sequence[str]
    """Any of these."""

    trigger: str | None
    automation_id: UUID | None
    item_id: UUID | None
    ids: Sequence[UUID]
    """Any of these."""

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


def next_queued_to_change(session: Session, owner_id: UUID) -> Run | None:
    """The oldest of the owner's queued runs that may be tried now, locked; one being cancelled is passed over."""
    statement = _due(Run.owner_id == owner_id).order_by(Run.created_at, Run.id).limit(1)
    return session.scalar(statement.with_for_update(skip_locked=True).execution_options(populate_existing=True))


def is_any_due(session: Session, owner_id: UUID) -> bool:
    """Whether a queued run of the owner may be tried now."""
    return session.scalar(_due(Run.owner_id == owner_id).with_only_columns(Run.id).limit(1)) is not None


def count_running(session: Session, owner_id: UUID) -> int:
    """How many of the owner's runs workers have taken, lost workers' included."""
    statement = select(func.count()).select_from(Run).where(Run.owner_id == owner_id, Run.status == RUNNING)
    return session.scalars(statement).one()


def lapsed(session: Session, limit: int) -> Sequence[UUID]:
    """Runs whose worker is gone: nobody can be working on them any more. Oldest first."""
    statement = select(Run.id).where(Run.status == RUNNING, Run.claimed_until <= func.clock_timestamp())
    return session.scalars(statement.order_by(Run.id).limit(limit)).all()


def undestroyed(session: Session, limit: int) -> Sequence[UUID]:
    """Ended runs whose sandbox was not seen to go. Oldest first."""
    statement = select(Run.id).where(Run.sandbox.is_not(None), Run.destroyed_at.is_(None), Run.status.in_(ENDED))
    return session.scalars(statement.order_by(Run.id).limit(limit)).all()


def turns_due(session: Session, waiting: timedelta, limit: int) -> Sequence[tuple[UUID, int]]:
    """Owners whose queued runs wait longer than that although they may run, and how many of them may."""
    since = func.clock_timestamp() - waiting
    waits = func.coalesce(Run.claimed_until, Run.created_at) <= since
    queued = func.count().filter(Run.status == QUEUED, waits)
    room = MAX_RUNNING_RUNS - func.count().filter(Run.status == RUNNING)
    statement = (
        select(Run.owner_id, func.least(queued, room))
        .where(Run.status.in_((QUEUED, RUNNING)))
        .group_by(Run.owner_id)
        .having(func.least(queued, room) > 0)
        .order_by(func.min(Run.created_at))
        .limit(limit)
    )
    return [(owner_id, turns) for owner_id, turns in session.execute(statement)]


def count_unfinished(session: Session, actor: Actor) -> int:
    """How many of the actor's runs are queued or running."""
    unfinished = visible_to(actor).where(Run.status.in_((QUEUED, RUNNING)))
    return session.scalars(select(func.count()).select_from(unfinished.subquery())).one()


def page(
    session: Session,
    actor: Actor,
    *,
    of_automation: UUID | None,
    sort: RunSort,
    limit: int,
    cursor: str | None,
    **filters: Unpack[RunFilters],
) -> Slice[Run]:
    """One page of the actor's runs, or of one automation's, that the filters leave, without code and event."""
    statement, within = visible_to(actor), ""
    if of_automation is not None:
        statement, within = statement.where(Run.automation_id == of_automation), str(of_automation)
    statement = narrowed(statement, _CONDITIONS, filters)
    statement = statement.options(defer(Run.code, raiseload=True), defer(Run.event, raiseload=True))
    return Order(Run, sort, within).page_of(session, statement, limit=limit, cursor=cursor, size=_size)


def now(session: Session) -> datetime:
    """The database's clock: workers on different machines compare leases by it."""
    # Were changes flushed for it, a row would be updated twice. The second time PostgreSQL checks its foreign keys and
    # so waits for whoever deletes the item, who waits for the row.
    with session.no_autoflush:
        return session.scalars(select(func.clock_timestamp())).one()


def _due(condition: ColumnElement[bool]) -> Select[Run]:
    now = func.clock_timestamp()
    may_be_tried = or_(Run.claimed_until.is_(None), Run.claimed_until <= now)
    return select(Run).where(condition, Run.status == QUEUED, may_be_tried)


_CONDITIONS: Final[Conditions] = MappingProxyType(
    {
        "status": lambda value: Run.status.in_(value),
        "trigger": lambda value: Run.trigger == value,
        "automation_id": lambda value: Run.automation_id == value,
        "item_id": lambda value: Run.item_id == value,
        "ids": lambda value: Run.id.in_(value),
        "created_after": lambda value: Run.created_at > value,
        "created_before": lambda value: Run.created_at < value,
    }
)


def _size(run: Run) -> int:
    texts = (run.stdout or "", run.stderr or "", json.dumps(run.result, ensure_ascii=False))
    return sum(len(text.encode()) for text in texts)
