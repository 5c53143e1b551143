"""What can be done with runs, for any caller. Flushes; never commits. Executing one is `service.runs.execute`."""

import hashlib
from collections.abc import Mapping
from typing import Any, Final, Unpack
from uuid import UUID

from sqlalchemy.orm import Session

from service.automations import repository as automations
from service.automations.models import Automation
from service.core.actor import Actor
from service.core.errors import ConflictError, NotFoundError, QuotaExceededError
from service.core.ids import new_id
from service.core.pagination import DEFAULT_LIMIT, Slice
from service.items import repository as items
from service.items.models import Item
from service.runs import repository
from service.runs.models import ENDED, QUEUED, RUNNING, Run
from service.runs.repository import RunFilters, RunSort
from service.users import owners

MAX_UNFINISHED_RUNS: Final = 50
"""Runs of one owner that are queued or running at the same time."""

_RETRY_AFTER_SECONDS = 5
"""In which a queued run has usually ended."""


def queue_for_update(session: Session, *, actor: Actor, item: Item, before: Mapping[str, Any]) -> list[Run]:
    """Queue a run of each enabled automation of an item that was just updated, its owner locked before it.

    Raises QuotaExceededError where not all of them fit.
    """
    after = snapshot(item)
    enabled = automations.enabled_of(session, actor, item.id)
    _require_room(session, actor, more=len(enabled))
    runs = [
        _queued(automation, trigger="item_updated", item=item, before=before, after=after) for automation in enabled
    ]
    session.add_all(runs)
    session.flush()
    return runs


def queue_now(session: Session, *, actor: Actor, automation_id: UUID) -> Run:
    """Queue a run of the automation, with its item as it is. Raises NotFoundError and QuotaExceededError."""
    owners.lock(session, actor)
    automation = automations.get(session, actor, automation_id)
    item = None if automation is None else items.get(session, actor, automation.item_id)
    if automation is None or item is None:
        raise NotFoundError("automation", automation_id)
    _require_room(session, actor, more=1)
    unchanged = snapshot(item)
    run = _queued(automation, trigger="manual", item=item, before=unchanged, after=unchanged)
    session.add(run)
    session.flush()
    return run


def rerun(session: Session, *, actor: Actor, run_id: UUID) -> Run:
    """Queue a run with the code and the event of one that has ended, whatever its automation and item are by now.

    In the event only `trigger` and `run_id` differ. Raises NotFoundError, ConflictError while the run has not ended,
    and QuotaExceededError.
    """
    owners.lock(session, actor)
    known = _found(repository.get(session, actor, run_id), run_id)
    if known.status not in ENDED:
        raise ConflictError(f"The run has not ended yet: it is {known.status}.")
    _require_room(session, actor, more=1)
    new = new_id()
    run = Run(
        id=new,
        owner_id=known.owner_id,
        automation_id=known.automation_id,
        item_id=known.item_id,
        rerun_of=known.id,
        item_version=known.item_version,
        trigger="rerun",
        code=known.code,
        code_sha256=known.code_sha256,
        event={**known.event, "trigger": "rerun", "run_id": str(new)},
    )
    session.add(run)
    session.flush()
    return run


def get(session: Session, *, actor: Actor, run_id: UUID) -> Run:
    """The run. Raises NotFoundError."""
    return _found(repository.get(session, actor, run_id), run_id)


def page(
    session: Session,
    *,
    actor: Actor,
    of_automation: UUID | None = None,
    sort: RunSort = "-created_at",
    limit: int = DEFAULT_LIMIT,
    cursor: str | None = None,
    **filters: Unpack[RunFilters],
) -> Slice[Run]:
    """One page of the actor's runs that the filters leave, each without its code and event.

    With `of_automation` it is one of that automation's own list. Raises InvalidInputError for a cursor of another list
    or order.
    """
    return repository.page(
        session, actor, of_automation=of_automation, sort=sort, limit=limit, cursor=cursor, **filters
    )


def cancel(session: Session, *, actor: Actor, run_id: UUID) -> Run:
    """Cancel a run that is still queued. Raises NotFoundError, and ConflictError once a worker has taken it."""
    run = _found(repository.get_to_change(session, actor, run_id), run_id)
    if run.status == RUNNING:
        raise ConflictError("The run has already started; it ends by itself within its time limit.")
    if run.status != QUEUED:
        raise ConflictError(f"The run has already ended: it is {run.status}.")
    run.status = "cancelled"
    run.reason = "cancelled before it started"
    run.finished_at = repository.now(session)
    session.flush()
    return run


def snapshot(item: Item) -> dict[str, Any]:
    """The item as an automation's event shows it."""
    return {"id": str(item.id), "name": item.name, "description": item.description, "version": item.version}


def _require_room(session: Session, actor: Actor, *, more: int) -> None:
    if more and repository.count_unfinished(session, actor) + more > MAX_UNFINISHED_RUNS:
        message = f"You would have more than {MAX_UNFINISHED_RUNS} runs that are queued or running: try again later."
        raise QuotaExceededError(message, retry_after_seconds=_RETRY_AFTER_SECONDS)


def _queued(
    automation: Automation, *, trigger: str, item: Item, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Run:
    run_id = new_id()
    return Run(
        id=run_id,
        owner_id=automation.owner_id,
        automation_id=automation.id,
        item_id=item.id,
        item_version=item.version,
        trigger=trigger,
        code=automation.code,
        code_sha256=hashlib.sha256(automation.code.encode()).hexdigest(),
        event={"trigger": trigger, "run_id": str(run_id), "before": before, "after": after},
    )


def _found(run: Run | None, run_id: UUID) -> Run:
    if run is None:
        raise NotFoundError("run", run_id)
    return run
