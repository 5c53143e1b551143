"""The /runs routes."""

from uuid import UUID

from fastapi import APIRouter

from service.core.dependencies import SessionDependency
from service.core.limits import limit
from service.core.problems import problems
from service.runs import service
from service.runs.models import Run
from service.runs.schemas import RunRead

router = APIRouter(prefix="/runs", tags=["runs"])


@router.get("/{run_id}", response_model=RunRead, responses=problems(404))
@limit("GET /v1/runs/{run_id}")
def read_run(run_id: UUID, session: SessionDependency) -> Run:
    """Read a run, with what its script printed once it has ended."""
    return service.get(session, run_id=run_id)


@router.post("/{run_id}/cancel", response_model=RunRead, responses=problems(404, 409))
@limit("POST /v1/runs/{run_id}/cancel")
def cancel_run(run_id: UUID, session: SessionDependency) -> Run:
    """Cancel a run that is still queued. One that has started or ended is a conflict."""
    return service.cancel(session, run_id=run_id)
