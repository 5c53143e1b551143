"""The /automations routes."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from service.auth.dependencies import AutomationsReader, AutomationsWriter, RunsReader, RunsWriter
from service.automations import service
from service.automations.models import Automation
from service.automations.schemas import (
    AutomationCreate,
    AutomationPatch,
    AutomationQuery,
    AutomationRead,
    AutomationReplace,
)
from service.core.dependencies import SessionDependency
from service.core.entity_tags import ExpectedVersion, TagsDependency, entity_tag
from service.core.limits import limit
from service.core.pagination import Page, Slice
from service.core.problems import problems
from service.core.response_headers import headers
from service.idempotency.endpoints import idempotent
from service.runs import service as runs
from service.runs.dispatch import send_after_commit, send_if_queued
from service.runs.models import Run
from service.runs.schemas import RunRead, RunsOfAutomationQuery

router = APIRouter(prefix="/automations", tags=["automations"])


@router.post(
    "",
    status_code=status.HTTP_201_CREATED,
    response_model=AutomationRead,
    responses={**headers(201, "ETag", "Location", "Idempotency-Replayed"), **problems(404, 409, 413)},
)
@limit("POST /v1/automations")
@idempotent()
def create_automation(
    body: AutomationCreate, actor: AutomationsWriter, session: SessionDependency, response: Response
) -> Automation:
    """Attach an automation to an item, which may have ten."""
    automation = service.create(
        session, actor=actor, name=body.name, code=body.code, item_id=body.item_id, enabled=body.enabled
    )
    response.headers["Location"] = f"/v1/automations/{automation.id}"
    response.headers["ETag"] = entity_tag(automation)
    return automation


@router.get("", response_model=Page[AutomationRead])
@limit("GET /v1/automations")
def list_automations(
    parameters: Annotated[AutomationQuery, Query()], actor: AutomationsReader, session: SessionDependency
) -> Slice[Automation]:
    """List automations, of one item or of all, newest first unless `sort` says otherwise."""
    return service.page(session, actor=actor, **parameters.model_dump())


@router.get(
    "/{automation_id}",
    response_model=AutomationRead,
    responses={**headers(200, "ETag"), **headers(304, "ETag"), **problems(404)},
)
@limit("GET /v1/automations/{automation_id}")
def read_automation(
    automation_id: UUID, actor: AutomationsReader, session: SessionDependency, tags: TagsDependency
) -> Automation | Response:
    """Read an automation."""
    return tags.answer(service.get(session, actor=actor, automation_id=automation_id))


@router.put(
    "/{automation_id}",
    response_model=AutomationRead,
    responses={**headers(200, "ETag"), **problems(404, 409, 412, 413)},
)
@limit("PUT /v1/automations/{automation_id}")
def replace_automation(
    automation_id: UUID,
    body: AutomationReplace,
    actor: AutomationsWriter,
    session: SessionDependency,
    expected: ExpectedVersion,
    response: Response,
) -> Automation:
    """Replace an automation. Runs already queued keep the code they were queued with."""
    changes = cast("service.AutomationChanges", body.model_dump())
    changed = service.update(session, actor=actor, automation_id=automation_id, changes=changes, expected=expected)
    response.headers["ETag"] = entity_tag(changed)
    return changed


@router.patch(
    "/{automation_id}",
    response_model=AutomationRead,
    responses={**headers(200, "ETag"), **problems(404, 409, 412, 413)},
)
@limit("PATCH /v1/automations/{automation_id}")
def change_automation(
    automation_id: UUID,
    body: AutomationPatch,
    actor: AutomationsWriter,
    session: SessionDependency,
    expected: ExpectedVersion,
    response: Response,
) -> Automation:
    """Change some fields of an automation, such as `enabled`."""
    changes = cast("service.AutomationChanges", body.model_dump(exclude_unset=True))
    changed = service.update(session, actor=actor, automation_id=automation_id, changes=changes, expected=expected)
    response.headers["ETag"] = entity_tag(changed)
    return changed


@router.delete("/{automation_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404, 412))
@limit("DELETE /v1/automations/{automation_id}")
def delete_automation(
    automation_id: UUID, actor: AutomationsWriter, session: SessionDependency, expected: ExpectedVersion
) -> None:
    """Delete an automation together with all its runs."""
    service.delete(session, actor=actor, automation_id=automation_id, expected=expected)


@router.post(
    "/{automation_id}/runs",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=RunRead,
    responses={**headers(202, "Location", "Idempotency-Replayed"), **problems(404, 409)},
)
@limit("POST /v1/automations/{automation_id}/runs")
@idempotent(replayed=send_if_queued)
def run_automation(automation_id: UUID, actor: RunsWriter, session: SessionDependency, response: Response) -> Run:
    """Run an automation now, enabled or not; follow the run at the Location of the answer.

    An owner has at most 50 runs that are queued or running; at most 5 run at once, in the order in which they were
    queued.
    """
    run = runs.queue_now(session, actor=actor, automation_id=automation_id)
    send_after_commit(session, [run])
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return run


@router.get("/{automation_id}/runs", response_model=Page[RunRead], responses=problems(404))
@limit("GET /v1/automations/{automation_id}/runs")
def list_runs_of_automation(
    automation_id: UUID,
    parameters: Annotated[RunsOfAutomationQuery, Query()],
    actor: RunsReader,
    session: SessionDependency,
) -> Slice[Run]:
    """List the runs of an automation, newest first unless `sort` says otherwise."""
    automation = service.get(session, actor=actor, automation_id=automation_id)
    return runs.page(session, actor=actor, of_automation=automation.id, **parameters.model_dump())
