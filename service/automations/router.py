"""The /automations routes."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from service.automations import service
from service.automations.models import Automation
from service.automations.schemas import (
    AutomationCreate,
    AutomationPatch,
    AutomationQuery,
    AutomationRead,
    AutomationReplace,
)
from service.core.dependencies import PageParameters, SessionDependency
from service.core.limits import limit
from service.core.pagination import Page, Slice
from service.core.problems import problems
from service.runs import service as runs
from service.runs.dispatch import send_after_commit
from service.runs.models import Run
from service.runs.schemas import RunRead

router = APIRouter(prefix="/automations", tags=["automations"])


@router.post("", status_code=status.HTTP_201_CREATED, response_model=AutomationRead, responses=problems(404, 413))
@limit("POST /v1/automations")
def create_automation(body: AutomationCreate, session: SessionDependency, response: Response) -> Automation:
    """Attach an automation to an item."""
    automation = service.create(session, name=body.name, code=body.code, item_id=body.item_id, enabled=body.enabled)
    response.headers["Location"] = f"/v1/automations/{automation.id}"
    return automation


@router.get("", response_model=Page[AutomationRead])
@limit("GET /v1/automations")
def list_automations(parameters: Annotated[AutomationQuery, Query()], session: SessionDependency) -> Slice[Automation]:
    """List automations, newest first, of one item or of all."""
    return service.page(session, item_id=parameters.item_id, limit=parameters.limit, cursor=parameters.cursor)


@router.get("/{automation_id}", response_model=AutomationRead, responses=problems(404))
@limit("GET /v1/automations/{automation_id}")
def read_automation(automation_id: UUID, session: SessionDependency) -> Automation:
    """Read an automation."""
    return service.get(session, automation_id=automation_id)


@router.put("/{automation_id}", response_model=AutomationRead, responses=problems(404, 413))
@limit("PUT /v1/automations/{automation_id}")
def replace_automation(automation_id: UUID, body: AutomationReplace, session: SessionDependency) -> Automation:
    """Replace an automation. Runs already queued keep the code they were queued with."""
    changes = cast("service.AutomationChanges", body.model_dump())
    return service.update(session, automation_id=automation_id, changes=changes)


@router.patch("/{automation_id}", response_model=AutomationRead, responses=problems(404, 413))
@limit("PATCH /v1/automations/{automation_id}")
def change_automation(automation_id: UUID, body: AutomationPatch, session: SessionDependency) -> Automation:
    """Change some fields of an automation, such as `enabled`."""
    changes = cast("service.AutomationChanges", body.model_dump(exclude_unset=True))
    return service.update(session, automation_id=automation_id, changes=changes)


@router.delete("/{automation_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404))
@limit("DELETE /v1/automations/{automation_id}")
def delete_automation(automation_id: UUID, session: SessionDependency) -> None:
    """Delete an automation together with all its runs."""
    service.delete(session, automation_id=automation_id)


@router.post(
    "/{automation_id}/runs", status_code=status.HTTP_202_ACCEPTED, response_model=RunRead, responses=problems(404)
)
@limit("POST /v1/automations/{automation_id}/runs")
def run_automation(automation_id: UUID, session: SessionDependency, response: Response) -> Run:
    """Run an automation now, enabled or not; follow the run at the Location of the answer."""
    run = runs.queue_now(session, automation_id=automation_id)
    send_after_commit(session, [run])
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return run


@router.get("/{automation_id}/runs", response_model=Page[RunRead], responses=problems(404))
@limit("GET /v1/automations/{automation_id}/runs")
def list_runs_of_automation(automation_id: UUID, parameters: PageParameters, session: SessionDependency) -> Slice[Run]:
    """List the runs of an automation, newest first."""
    automation = service.get(session, automation_id=automation_id)
    return runs.page(session, automation_id=automation.id, limit=parameters.limit, cursor=parameters.cursor)
