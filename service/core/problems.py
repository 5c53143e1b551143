"""Problem documents (RFC 9457): the one form of every error, and its place in the OpenAPI document."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from slowapi.errors import RateLimitExceeded
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from service.core.errors import ServiceError
from service.core.limits import allowance
from service.core.limits_table import ROUTES
from service.core.logging import request_id
from service.core.schema import cleaned_json

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_MOST_ERRORS = 20
_LONGEST_TEXT = 300


class InputError(BaseModel):
    """One thing wrong with what was sent."""

    location: list[str | int] = Field(
        description="Where: body, query or path, then the way to the value.", examples=[["body", "name"]]
    )
    detail: str = Field(examples=["Field required"])
    code: str = Field(examples=["missing"])


class Problem(BaseModel):
    """What went wrong, as RFC 9457 describes it."""

    type: str = Field(examples=["urn:plinth:problem:not-found"])
    title: str = Field(examples=["Not found"])
    status: int = Field(examples=[404])
    detail: str = Field(examples=["There is no item 0197f3a0-5b7e-7c3e-9d2f-3a5b8c1d4e6f."])
    instance: str = Field(
        description="The path of the request.", examples=["/v1/items/0197f3a0-5b7e-7c3e-9d2f-3a5b8c1d4e6f"]
    )
    code: str = Field(description="The last part of `type`, for programs.", examples=["not-found"])
    request_id: str | None = Field(
        description="The X-Request-ID of the response; the logs carry it too.", examples=["DfBYmgKhliAEJHA="]
    )
    errors: list[InputError] | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of an endpoint that can answer with these problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": _phrase(status), "content": content, **_SAID_WITH.get(status, {})}
        for status in statuses
    }


_RETRY_AFTER: Final[dict[str, Any]] = {
    "headers": {
        "Retry-After": {"description": "Seconds until another try.", "schema": {"type": "integer", "minimum": 1}}
    }
}
_SAID_WITH: Final[Mapping[int, dict[str, Any]]] = {
    401: {"headers": {"WWW-Authenticate": {"description": "As RFC 6750 has it.", "schema": {"type": "string"}}}},
    429: _RETRY_AFTER,
    503: _RETRY_AFTER,
}
"""The headers of some problems, as the OpenAPI document describes them."""


def problem_response(
    scope: Scope,
    status: int,
    *,
    detail: str,
    code: str | None = None,
    title: str | None = None,
    errors: Sequence[InputError] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """A problem document as a response to the request of that scope."""
    phrase = _phrase(status)
    code = code or phrase.lower().replace(" ", "-")
    document = Problem(
        type=f"urn:plinth:problem:{code}",
        title=title or phrase,
        status=status,
        detail=detail,
        instance=scope["path"][:_LONGEST_TEXT],
        code=code,
        request_id=request_id.get(),
        errors=None if errors is None else list(errors),
    )
    # What the client sent may be part of a detail, and may hold what UTF-8 cannot.
    content = cleaned_json(document.model_dump(exclude_none=errors is None))
    said = dict(headers or {})
    if status in (429, 503):
        said.setdefault("Retry-After", "1")
    return JSONResponse(content, status, headers=said, media_type=MEDIA_TYPE)


def _phrase(status: int) -> str:
    # Python 3.13 learnt the names that RFC 9110 gave these; the document is the same with every Python.
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status) or HTTPStatus(status).phrase


def register_problem_handlers(app: FastAPI) -> None:
    """Answer every error with a problem document. What no handler takes, `RequestContext` answers with a 500."""
    handlers: Mapping[type[Exception], Any] = {
        ServiceError: _service_error,
        RequestValidationError: _invalid_request,
        RateLimitExceeded: _too_many_requests,
        HTTPException: _http_error,
        IntegrityError: _conflicting_data,
        StaleDataError: _conflicting_data,
        DataError: _unusable_data,
        OperationalError: _database_failed,
        InterfaceError: _database_away,
        PoolTimeoutError: _database_away,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


def _service_error(request: Request, error: ServiceError) -> JSONResponse:
    return problem_response(
        request.scope, error.status, detail=str(error), code=error.code, title=error.title, headers=error.headers
    )


def _invalid_request(request: Request, error: RequestValidationError) -> JSONResponse:
    found = error.errors()
    errors = [
        InputError(location=[_short(part) for part in entry["loc"]], detail=_short(entry["msg"]), code=entry["type"])
        for entry in found[:_MOST_ERRORS]
    ]
    detail = "One value is invalid." if len(found) == 1 else f"{len(found)} values are invalid."
    return problem_response(
        request.scope, 422, detail=detail, code="invalid-input", title="Invalid input", errors=errors
    )


def _too_many_requests(request: Request, error: RateLimitExceeded) -> JSONResponse:
    left = allowance(request.scope)
    headers = None if left is None else {"Retry-After": str(left.reset_seconds)}
    return problem_response(request.scope, 429, detail=f"The limit is {error.detail}.", headers=headers)


def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    phrase = HTTPStatus(error.status_code).phrase
    detail = (
        error.detail
        if error.detail != phrase
        else f"{phrase}: {request.method} {request.scope['path'][:_LONGEST_TEXT]}"
    )
    headers = {"Allow": _allowed(request.scope["path"])} if error.status_code == 405 else error.headers
    return problem_response(request.scope, error.status_code, detail=detail, headers=headers)


def _allowed(path: str) -> str:
    """The methods that the path has. Starlette names those of its first route alone."""
    routes = (route.split(" ") for route in ROUTES)
    return ", ".join(sorted(method for method, known in routes if re.fullmatch(re.sub(r"{\w+}", "[^/]+", known), path)))


def _conflicting_data(request: Request, error: Exception) -> JSONResponse:
    logger.warning("the database refused a change", exc_info=error)
    return problem_response(request.scope, 409, detail="The change does not fit what was stored meanwhile.")


def _unusable_data(request: Request, error: Exception) -> JSONResponse:
    logger.warning("the database refused a value", exc_info=error)
    return problem_response(request.scope, 422, detail="A value cannot be stored.", code="invalid-input")


def _database_failed(request: Request, error: OperationalError) -> JSONResponse:
    detail = _PASSING.get(getattr(error.orig, "sqlstate", None))
    if detail is None:
        return _database_away(request, error)
    logger.warning("the database gave a request up", exc_info=error)
    return problem_response(request.scope, 503, detail=detail, code="busy", title="Busy")


_PASSING: Final[Mapping[str | None, str]] = {
    "40001": "Somebody else changed the same at the same time; try again.",
    "40P01": "Somebody else changed the same at the same time; try again.",
    "55P03": "Somebody else is changing the same at the moment; try again.",
    "57014": "The database took too long; try again.",
}
"""What another try may well get past, by SQLSTATE (PostgreSQL documentation, appendix A)."""


def _database_away(request: Request, error: Exception) -> JSONResponse:
    logger.error("the database does not answer", exc_info=error)
    return problem_response(request.scope, 503, detail="The database does not answer; try again.")


def _short(part: Any) -> Any:
    return part[:_LONGEST_TEXT] if isinstance(part, str) else part
