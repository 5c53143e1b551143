"""The /runs routes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response, status

from service.auth.dependencies import RunsReader, RunsWriter
from service.core.dependencies import SessionDependency
from service.core.limits import limit
from service.core.pagination import Page, Slice
from service.core.problems import problems
from service.core.response_headers import headers
from service.idempotency.endpoints import idempotent
from service.runs import service
from service.runs.dispatch import send_after_commit, send_if_queued
from service.runs.models import Run
from service.runs.schemas import RunDetails, RunQuery, RunRead

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("", response_model=Page[RunRead])
@limit("GET /v1/runs")
def list_runs(parameters: Annotated[RunQuery, Query()], actor: RunsReader, session: SessionDependency) -> Slice[Run]:
    """List the runs of all automations, newest first unless `sort` says otherwise."""
    return service.page(session, actor=actor, **parameters.model_dump())


@router.get("/{run_id}", response_model=RunDetails, responses=problems(404))
@limit("GET /v1/runs/{run_id}")
def read_run(run_id: UUID, actor: RunsReader, session: SessionDependency) -> Run:
    """Read a run: what it was given, and what its script printed once it has ended."""
    return service.get(session, actor=actor, run_id=run_id)


@router.post(
    "/{run_id}/cancel",
    response_model=RunRead,
    responses={**headers(200, "Idempotency-Replayed"), **problems(404, 409)},
)
@limit("POST /v1/runs/{run_id}/cancel")
@idempotent()
def cancel_run(run_id: UUID, actor: RunsWriter, session: SessionDependency) -> Run:
    """Cancel a run that is still queued. One that has started or ended is a conflict."""
    return service.cancel(session, actor=actor, run_id=run_id)


@router.post(
    "/{run_id}/rerun",
    status_code=status.HTTP_202_ACCEPTED,
    response_model=RunRead,
    responses={**headers(202, "Location", "Idempotency-Replayed"), **problems(404, 409)},
)
@limit("POST /v1/runs/{run_id}/rerun")
@idempotent(replayed=send_if_queued)
def rerun_run(run_id: UUID, actor: RunsWriter, session: SessionDependency, response: Response) -> Run:
    """Run again what a run that has ended was given: the same code and the same event, for the same automation.

    In the event only `trigger` and `run_id` differ. An owner has at most 50 runs that are queued or running; at most 5
    run at once, in the order in which they were queued.
    """
    run = service.rerun(session, actor=actor, run_id=run_id)
    send_after_commit(session, [run])
    response.headers["Location"] = f"/v1/runs/{run.id}"
    return run
