"""What surrounds every request: its id, bounds on its size and on its sender, headers on its response, and an answer
to any error."""

import logging
import re
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.core.counts import get_counts
from service.core.limits import admit_address, allowance, limiter
from service.core.limits_table import PER_ADDRESS, UNCOUNTED_PATHS
from service.core.logging import request_id
from service.core.problems import problem_response
from service.core.threads import waiting

logger = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 512 * 1024
"""64 KiB of code can be 384 KiB of JSON, where each of its characters is escaped."""

MAX_HEAD_BYTES: Final = 16 * 1024
"""Path, query and headers together. API Gateway lets 10,240 bytes through, to which it adds its own."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._=+/-]{1,128}")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class RequestContext:
    """ASGI middleware. It is the outermost, so that even an unexpected error is answered with a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        current = _id_of(scope)
        token = request_id.set(current)
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = current
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if (left := allowance(scope)) is not None:
                    headers.update(left.headers())
            await send(message)

        try:
            if (refused := _refused_by_size(scope)) is not None:
                await refused(scope, receive, send_with_headers)
                return
            await self._app(scope, _bounded(receive), send_with_headers)
        except Exception:
            logger.exception("unexpected error", extra={"method": scope["method"], "path": scope["path"]})
            if started:
                raise
            response = problem_response(scope, 500, detail="An unexpected error; the logs have it by its request id.")
            await response(scope, receive, send_with_headers)
        finally:
            request_id.reset(token)


class AddressLimit:
    """ASGI middleware, inside `RequestContext`. It refuses an address that asks too often, before its body is read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        counted = scope["type"] == "http" and scope["path"] not in UNCOUNTED_PATHS and limiter.enabled
        if counted and not await _admitted(scope):
            left = allowance(scope)
            headers = {"Retry-After": str(left.reset_seconds)} if left else None
            detail = f"The limit for one address is {PER_ADDRESS.replace('/', ' per ')}."
            await problem_response(scope, 429, detail=detail, headers=headers)(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _admitted(scope: Scope) -> bool:
    # Memory answers at once.
    return await waiting(admit_address, scope) if get_counts().is_shared else admit_address(scope)


_TOO_LARGE: Final = f"A body may have at most {MAX_BODY_BYTES} bytes."


def _id_of(scope: Scope) -> str:
    """The client's request id where it is one worth repeating, else the gateway's, else a new one."""
    sent = Headers(scope=scope).get("x-request-id", "")
    if _REQUEST_ID.fullmatch(sent):
        return sent
    gateway = scope.get("aws.event", {}).get("requestContext", {}).get("requestId")
    return gateway or uuid4().hex


def _refused_by_size(scope: Scope) -> Response | None:
    head = len(scope["path"]) + len(scope["query_string"])
    if head + sum(len(name) + len(value) for name, value in scope["headers"]) > MAX_HEAD_BYTES:
        detail = f"The path, the query and the headers may have {MAX_HEAD_BYTES} bytes together."
        return problem_response(scope, 431, detail=detail)
    declared = Headers(scope=scope).get("content-length", "")
    if re.fullmatch(r"[0-9]+", declared) and int(declared.lstrip("0")[:19] or 0) > MAX_BODY_BYTES:
        return problem_response(scope, 413, detail=_TOO_LARGE)
    return None


def _bounded(receive: Receive) -> Receive:
    received = 0

    async def bounded() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return bounded
