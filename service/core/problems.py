"""Problem documents (RFC 9457): the one form of every error, and its place in the OpenAPI document."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from slowapi.errors import RateLimitExceeded
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.exceptions import HTTPException
from starlette.types import Scope

from service.core.errors import ServiceError
from service.core.limits import allowance
from service.core.logging import request_id
from service.core.schema import cleaned_json

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"

_MOST_ERRORS = 20
_LONGEST_TEXT = 300


class InputError(BaseModel):
    """One thing wrong with what was sent."""

    location: list[str | int] = Field(description="Where: body, query or path, then the way to the value.")
    detail: str
    code: str


class Problem(BaseModel):
    """What went wrong, as RFC 9457 describes it."""

    type: str = Field(examples=["urn:plinth:problem:not-found"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="The path of the request.")
    code: str = Field(description="The last part of `type`, for programs.", examples=["not-found"])
    request_id: str | None = Field(description="The X-Request-ID of the response; the logs carry it too.")
    errors: list[InputError] | None = None


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI responses of an endpoint that can answer with these problems."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


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
    phrase = HTTPStatus(status).phrase
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
    return JSONResponse(content, status, headers=None if headers is None else dict(headers), media_type=MEDIA_TYPE)


def register_problem_handlers(app: FastAPI) -> None:
    """Answer every error with a problem document. What no handler takes, `RequestContext` answers with a 500."""
    handlers: Mapping[type[Exception], Any] = {
        ServiceError: _service_error,
        RequestValidationError: _invalid_request,
        RateLimitExceeded: _too_many_requests,
        HTTPException: _http_error,
        IntegrityError: _conflicting_data,
        DataError: _unusable_data,
        OperationalError: _database_away,
        InterfaceError: _database_away,
        PoolTimeoutError: _database_away,
    }
    for error, handler in handlers.items():
        app.add_exception_handler(error, handler)


def _service_error(request: Request, error: ServiceError) -> JSONResponse:
    return problem_response(request.scope, error.status, detail=str(error), code=error.code, title=error.title)


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
    left = allowance(request)
    headers = {} if left is None else left.headers()
    headers["Retry-After"] = str(1 if left is None else left.reset_seconds)
    return problem_response(request.scope, 429, detail=f"The limit is {error.detail}.", headers=headers)


def _http_error(request: Request, error: HTTPException) -> JSONResponse:
    phrase = HTTPStatus(error.status_code).phrase
    detail = (
        error.detail
        if error.detail != phrase
        else f"{phrase}: {request.method} {request.scope['path'][:_LONGEST_TEXT]}"
    )
    return problem_response(request.scope, error.status_code, detail=detail, headers=error.headers)


def _conflicting_data(request: Request, error: Exception) -> JSONResponse:
    logger.warning("the database refused a change", exc_info=error)
    return problem_response(request.scope, 409, detail="The change does not fit what was stored meanwhile.")


def _unusable_data(request: Request, error: Exception) -> JSONResponse:
    logger.warning("the database refused a value", exc_info=error)
    return problem_response(request.scope, 422, detail="A value cannot be stored.", code="invalid-input")


def _database_away(request: Request, error: Exception) -> JSONResponse:
    logger.error("the database does not answer", exc_info=error)
    detail = "The database does not answer; try again."
    return problem_response(request.scope, 503, detail=detail, headers={"Retry-After": "1"})


def _short(part: Any) -> Any:
    return part[:_LONGEST_TEXT] if isinstance(part, str) else part
