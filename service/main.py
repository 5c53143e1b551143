"""The application: routers, middleware and error handlers put together. No path operations."""

from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from service.api_keys.router import router as api_keys
from service.auth.dependencies import authenticated
from service.auth.router import public as public_auth
from service.auth.router import router as auth
from service.automations.router import router as automations
from service.core.middleware import AddressLimit, RequestContext
from service.core.problems import Problem, problems, register_problem_handlers
from service.docs.router import router as docs
from service.health.router import router as health
from service.items.router import router as items
from service.runs.router import router as runs
from service.users.router import router as users

DESCRIPTION = """Items, and the automations that run in a throwaway sandbox whenever their item is updated.

Deleting an item deletes its automations and their runs. Lists are newest first; follow `next_cursor` to its null.
Send an `ETag` back in `If-Match` to change only what you have seen; a POST that has an `Idempotency-Key` is done once.
Errors are problem documents (RFC 9457). A 429 says in `Retry-After` when to come back."""

TAGS = [
    {"name": "items", "description": "Things whose changes start automations."},
    {"name": "automations", "description": "Python scripts, each of one item, and their runs."},
    {"name": "runs", "description": "Executions of a script, with what it printed and left as its result."},
    {"name": "auth", "description": "Registering, signing in and out. Access tokens live for a quarter of an hour."},
    {"name": "users", "description": "One's own user; for administrators, all of them."},
    {
        "name": "api-keys",
        "description": "Credentials for programs: `X-API-Key`, never allowed more than their maker.",
    },
    {"name": "health", "description": "For monitors: whether the process lives, and whether it can work."},
]


def create_app() -> FastAPI:
    """A new application. It connects to nothing before its first request."""
    app = FastAPI(
        title="Plinth",
        version="1",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        # Relative: the document serves every environment.
        servers=[{"url": "/", "description": "The environment that serves this document."}],
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        responses=problems(431, 500),
    )
    # With a prefix FastAPI prepares the routes when the first request looks for them, and not as it starts.
    app.include_router(_protected(), prefix="/v1")
    app.include_router(_public(), prefix="/v1")
    app.include_router(health, responses=problems(422, 429))
    app.include_router(docs)
    # The one added last is the outermost.
    app.add_middleware(AddressLimit)
    app.add_middleware(RequestContext)
    register_problem_handlers(app)
    app.openapi = lambda: _openapi(app)
    return app


def _protected() -> APIRouter:
    """What needs a credential: every route under /v1 that is not among the public ones."""
    router = APIRouter(dependencies=[Depends(authenticated)], responses=problems(400, 401, 403, 422, 429, 503))
    for domain in (items, automations, runs, auth, users, api_keys):
        router.include_router(domain)
    return router


def _public() -> APIRouter:
    router = APIRouter(responses=problems(400, 422, 429, 503))
    router.include_router(public_auth)
    return router


def _operation_id(route: APIRoute) -> str:
    return route.name


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            tags=app.openapi_tags,
            servers=app.servers,
        )
        schemas = document["components"]["schemas"]
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs"))
        schemas["Problem"] = problem
        _merge_security(document)
        app.openapi_schema = document
    return app.openapi_schema


def _merge_security(document: dict[str, Any]) -> None:
    # FastAPI lists the router's alternatives, which name no scope, beside those of the route.
    for methods in document["paths"].values():
        for operation in methods.values():
            alternatives: dict[str, list[str]] = {}
            for requirement in operation.get("security", ()):
                for scheme, scopes in requirement.items():
                    alternatives[scheme] = sorted({*alternatives.get(scheme, ()), *scopes})
            if alternatives:
                operation["security"] = [{scheme: scopes} for scheme, scopes in alternatives.items()]
