"""Path operations that a client can send again with the same Idempotency-Key."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, TypeVar, cast
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Session

from service.core.actor import Actor
from service.idempotency import service
from service.idempotency.service import Answer

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Replayed = Callable[[Session, Actor, Mapping[str, Any]], None]
"""What is done with the body of an answer before it is given once more."""

_KEPT_HEADERS = ("location", "etag")


class _Keyed:
    """What of a request and its response only FastAPI knows."""

    def __init__(
        self,
        request: Request,
        response: Response,
        idempotency_key: Annotated[
            str | SkipJsonSchema[None],
            Header(
                alias="Idempotency-Key",
                min_length=1,
                max_length=255,
                pattern="^[!-~]+$",
                description="Makes the request safe to send again: for 24 hours the same request with the same key is"
                " answered as it was the first time, and done once. Another request with that key is refused.",
            ),
        ] = None,
    ) -> None:
        self.key = idempotency_key
        self.route = cast("APIRoute", request.scope["route"])
        self.response = response


def idempotent(*, replayed: Replayed | None = None) -> Callable[[Endpoint], Endpoint]:
    """Gives an endpoint an Idempotency-Key header. It takes `actor` and `session`, and answers with an object.

    Requests are the same where the operation, its path parameters and its body are, as they were understood.
    """

    def decorated(endpoint: Endpoint) -> Endpoint:
        @functools.wraps(endpoint)
        def once(*, keyed: _Keyed, **arguments: Any) -> Any:
            if keyed.key is None:
                return endpoint(**arguments)
            session, actor = cast("Session", arguments["session"]), cast("Actor", arguments["actor"])
            fingerprint = service.fingerprint(endpoint.__name__, _asked(arguments))
            answer = service.claim(session, actor=actor, key=keyed.key, fingerprint=fingerprint)
            if answer is not None:
                if replayed is not None:
                    replayed(session, actor, answer.body)
                return _response(answer, replayed=True)
            answer = _answer(keyed, endpoint(**arguments))
            service.keep(session, actor=actor, key=keyed.key, answer=answer)
            return _response(answer, replayed=False)

        signature = inspect.signature(endpoint)
        parameter = inspect.Parameter("keyed", inspect.Parameter.KEYWORD_ONLY, annotation=Annotated[_Keyed, Depends()])
        cast("Any", once).__signature__ = signature.replace(parameters=[*signature.parameters.values(), parameter])
        return cast("Endpoint", once)

    return decorated


def _asked(arguments: Mapping[str, Any]) -> dict[str, Any]:
    bodies = {name: value.model_dump(mode="json") for name, value in arguments.items() if isinstance(value, BaseModel)}
    return bodies | {name: str(value) for name, value in arguments.items() if isinstance(value, UUID)}


def _answer(keyed: _Keyed, outcome: object) -> Answer:
    model = cast("type[BaseModel]", keyed.route.response_model)
    body = model.model_validate(outcome, from_attributes=True).model_dump(mode="json")
    headers = {name: keyed.response.headers[name] for name in _KEPT_HEADERS if name in keyed.response.headers}
    return Answer(keyed.route.status_code or 200, headers, body)


def _response(answer: Answer, *, replayed: bool) -> Response:
    headers = {**answer.headers, "Idempotency-Replayed": "true"} if replayed else answer.headers
    return JSONResponse(answer.body, answer.status, headers)
