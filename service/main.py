"""The application: routers, middleware and error handlers put together. No path operations."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from service.automations.router import router as automations
from service.core.middleware import RequestContext
from service.core.problems import Problem, problems, register_problem_handlers
from service.health.router import router as health
from service.items.router import router as items
from service.runs.router import router as runs

DESCRIPTION = """Items, and the automations that run in a throwaway sandbox whenever their item is updated.

Deleting an item deletes its automations and their runs. Lists are newest first; follow `next_cursor` to its null.
Errors are problem documents (RFC 9457). A 429 says in `Retry-After` when to come back."""


def create_app() -> FastAPI:
    """A new application. It connects to nothing before its first request."""
    app = FastAPI(
        title="Plinth",
        version="1",
        description=DESCRIPTION,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses=problems(500),
    )
    app.include_router(_versioned())
    app.include_router(health, responses=problems(422, 429))
    app.add_middleware(RequestContext)
    register_problem_handlers(app)
    app.openapi = lambda: _openapi(app)
    return app


def _versioned() -> APIRouter:
    """Everything under /v1. What every route of the API needs, such as knowing who is asking, is added here."""
    router = APIRouter(prefix="/v1", responses=problems(400, 422, 429, 503))
    router.include_router(items)
    router.include_router(automations)
    router.include_router(runs)
    return router


def _operation_id(route: APIRoute) -> str:
    return route.name


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemas = document["components"]["schemas"]
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas["Problem"] = problem
        app.openapi_schema = document
    return app.openapi_schema
