"""What surrounds every request: its id, a bound on its body, headers on its response, and an answer to any error."""

import logging
import re
from typing import Final
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.core.limits import Allowance
from service.core.logging import request_id
from service.core.problems import problem_response

logger = logging.getLogger(__name__)

MAX_BODY_BYTES: Final = 512 * 1024
"""64 KiB of code can be 384 KiB of JSON, where each of its characters is escaped."""

_REQUEST_ID = re.compile(r"[A-Za-z0-9._=+/-]{1,128}")
_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=31536000",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_DOCS_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; img-src 'self' data: https://fastapi.tiangolo.com;"
    " script-src 'unsafe-inline' https://cdn.jsdelivr.net; style-src 'unsafe-inline' https://cdn.jsdelivr.net;"
    " frame-ancestors 'none'"
)


class RequestContext:
    """ASGI middleware. It is the outermost, so that even an unexpected error is answered with a problem document."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
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
                if scope["path"] == "/docs":
                    headers["Content-Security-Policy"] = _DOCS_POLICY
                left = state.get("allowance")
                if isinstance(left, Allowance):
                    headers.update(left.headers())
            await send(message)

        try:
            if _declared_length(scope) > MAX_BODY_BYTES:
                await problem_response(scope, 413, detail=_TOO_LARGE)(scope, receive, send_with_headers)
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


_TOO_LARGE: Final = f"A body may have at most {MAX_BODY_BYTES} bytes."


def _id_of(scope: Scope) -> str:
    """The client's request id where it is one worth repeating, else the gateway's, else a new one."""
    sent = Headers(scope=scope).get("x-request-id", "")
    if _REQUEST_ID.fullmatch(sent):
        return sent
    gateway = scope.get("aws.event", {}).get("requestContext", {}).get("requestId")
    return gateway or uuid4().hex


def _declared_length(scope: Scope) -> int:
    declared = Headers(scope=scope).get("content-length", "")
    return int(declared) if re.fullmatch(r"[0-9]{1,18}", declared) else 0


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
