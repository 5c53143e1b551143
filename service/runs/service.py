"""What can be done with runs, for any caller. Flushes; never commits. Executing one is `service.runs.execute`."""

import hashlib
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from service.automations import repository as automations
from service.automations.models import Automation
from service.core.errors import ConflictError, NotFoundError
from service.core.ids import new_id
from service.core.pagination import Slice
from service.items import repository as items
from service.items.models import Item
from service.runs import repository
from service.runs.models import QUEUED, RUNNING, Run


def queue_for_update(session: Session, *, item: Item, before: Mapping[str, Any]) -> list[Run]:
    """Queue a run of each enabled automation of an item that was just updated."""
    after = snapshot(item)
    runs = [
        _queued(automation, trigger="item_updated", item=item, before=before, after=after)
        for automation in automations.enabled_of(session, item.id)
    ]
    session.add_all(runs)
    session.flush()
    return runs


def queue_now(session: Session, *, automation_id: UUID) -> Run:
    """Queue a run of the automation, with its item as it is. Raises NotFoundError."""
    known = automations.get(session, automation_id)
    # The item is locked first: deleting an item takes its locks in that order too.
    item = None if known is None else items.get_to_refer_to(session, known.item_id)
    automation = automations.get_to_refer_to(session, automation_id)
    if automation is None or item is None:
        raise NotFoundError("automation", automation_id)
    unchanged = snapshot(item)
    run = _queued(automation, trigger="manual", item=item, before=unchanged, after=unchanged)
    session.add(run)
    session.flush()
    return run


def get(session: Session, *, run_id: UUID) -> Run:
    """The run. Raises NotFoundError."""
    return _found(repository.get(session, run_id), run_id)


def page(session: Session, *, automation_id: UUID, limit: int = 20, cursor: str | None = None) -> Slice[Run]:
    """One page of an automation's runs, newest first."""
    return repository.page(session, automation_id=automation_id, limit=limit, cursor=cursor)


def cancel(session: Session, *, run_id: UUID) -> Run:
    """Cancel a run that is still queued. Raises NotFoundError, and ConflictError once a worker has taken it."""
    run = _found(repository.get_to_change(session, run_id), run_id)
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


def _queued(
    automation: Automation, *, trigger: str, item: Item, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Run:
    run_id = new_id()
    return Run(
        id=run_id,
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
