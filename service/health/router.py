"""The /health routes, outside the versioned API and open to every monitor."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict

from service.core.limits import limit
from service.core.problems import problems
from service.health import service

router = APIRouter(prefix="/health", tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: Literal["live"] = "live"


class Ready(BaseModel):
    """Everything that the service depends on answers."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "ready", "checks": {"database": "ok", "rate limit store": "ok", "queue": "ok"}}]
        }
    )

    status: Literal["ready"] = "ready"
    checks: dict[str, Literal["ok"]]


@router.get("/live")
@limit("GET /health/live")
def read_liveness() -> Live:
    """Whether the process answers. Touches nothing else."""
    return Live()


@router.get("/ready", responses=problems(503))
@limit("GET /health/ready")
def read_readiness() -> Ready:
    """Whether the service can work: its database, its rate-limit store and its queue answer within two seconds."""
    return Ready(checks=dict.fromkeys(service.require_all(), "ok"))
