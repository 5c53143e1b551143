"""The front of the local cloud: an address of one's own, and the throttles and CORS of the HTTP API.

The emulator runs the API but does not enforce its throttles, answers CORS only in part, and knows the API only by
host name. This process forwards to it, answers 429 where the stage's settings would, and answers browsers as API
Gateway would. Run as `python -m workbench.local.gateway FILE PORT`; FILE is read again whenever it changes:

    {"emulator": 4566, "api": "abc123", "default": {"rate": 50, "burst": 100}, "routes": {"POST /v1/items": {...}},
     "cors": {"allowOrigins": ["https://app.example.com"], ...} or null}
"""

import json
import sys
import time
from collections.abc import Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from workbench.local.processes import LOOPBACK

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-authorization"}
_MAX_BODY = 10 * 1024 * 1024
"""API Gateway's payload quota for HTTP APIs: 10 MB."""


@dataclass
class Bucket:
    """A token bucket as API Gateway describes its throttling: `rate` tokens a second, up to `burst` kept."""

    rate: float
    burst: float
    _tokens: float = field(init=False)
    _at: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self._tokens = self.burst

    def take(self, now: float | None = None) -> bool:
        """Takes a token for a request, or tells that there is none."""
        now = time.monotonic() if now is None else now
        self._tokens = min(self.burst, self._tokens + (now - self._at) * self.rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Cors:
    """What an HTTP API's CORS configuration makes API Gateway say (Developer Guide: Configure CORS for HTTP APIs)."""

    def __init__(self, configuration: Mapping[str, Any]) -> None:
        self._origins = [str(origin).lower() for origin in configuration.get("allowOrigins") or ()]
        self._exposed = _listed(configuration, "exposeHeaders")
        self._allowed = {
            "access-control-allow-methods": _listed(configuration, "allowMethods"),
            "access-control-allow-headers": _listed(configuration, "allowHeaders"),
            "access-control-max-age": str(configuration.get("maxAge") or ""),
        }
        self._credentials = "true" if configuration.get("allowCredentials") else ""

    def headers(self, origin: str) -> dict[str, str]:
        """What every answer to a page of that origin carries; nothing for an origin that is not let in."""
        if "*" not in self._origins and origin.lower() not in self._origins:
            return {}
        said = {
            "access-control-allow-origin": "*" if "*" in self._origins else origin,
            "access-control-allow-credentials": self._credentials,
            "access-control-expose-headers": self._exposed,
            "vary": "Origin",
        }
        return {name: value for name, value in said.items() if value}

    def preflight(self, origin: str) -> Response:
        """The answer to a browser that asks before it sends. The function is not asked."""
        headers = self.headers(origin)
        if headers:
            headers.update({name: value for name, value in self._allowed.items() if value})
        return Response(status_code=204, headers=headers)


class Stage:
    """The settings of one API: a bucket for each route with a throttle of its own, one shared by all others; CORS."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.emulator = int(settings["emulator"])
        self.host = f"{settings['api']}.execute-api.localhost"
        self._default = _bucket(settings.get("default"))
        self._routes = [
            (Route(key.partition(" ")[2], _nothing, methods=[key.partition(" ")[0]]), _bucket(limits))
            for key, limits in settings.get("routes", {}).items()
            if key != "$default"
        ]
        self.cors = Cors(settings["cors"]) if settings.get("cors") else None

    def admits(self, request: Request) -> bool:
        """Whether the stage lets a request through now."""
        for route, bucket in self._routes:
            if route.matches(request.scope)[0] is Match.FULL:
                return bucket.take()
        return self._default.take()


def application(file: Path) -> Starlette:
    """The front as an ASGI application over the settings in `file`."""
    state: dict[str, Any] = {"read": 0, "stage": None}

    def stage() -> Stage:
        changed = file.stat().st_mtime_ns
        if state["read"] != changed:
            state.update(read=changed, stage=Stage(json.loads(file.read_text())))
        return state["stage"]

    @asynccontextmanager
    async def lifespan(app: Starlette):
        # Lambda answers within 29 s or not at all; nothing here waits longer than API Gateway would.
        async with httpx2.AsyncClient(timeout=30, limits=httpx2.Limits(max_connections=None)) as client:
            app.state.client = client
            yield

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def answer(request: Request) -> Response:
        began = time.monotonic()
        response = await forward(request)
        milliseconds = (time.monotonic() - began) * 1000
        line = f"{request.method} {request.url.path} {response.status_code} {milliseconds:.0f} ms"
        print(access_line(line), flush=True)
        return response

    async def forward(request: Request) -> Response:
        try:
            current = stage()
        except (OSError, ValueError, KeyError):
            return _message(503, "The stack is not up yet.")
        origin = request.headers.get("origin")
        if origin is None or current.cors is None:
            return await admit(request, current)
        if request.method == "OPTIONS":
            return current.cors.preflight(origin)
        response = await admit(request, current)
        response.headers.update(current.cors.headers(origin))
        return response

    async def admit(request: Request, current: Stage) -> Response:
        if request.method == "OPTIONS":
            # The emulator answers 403 where AWS looks for a route, and finds none.
            return _message(404, "Not Found")
        if not current.admits(request):
            return _message(429, "Too Many Requests")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BODY:
                return _message(413, "Request Entity Too Large")
        headers = [(n, v) for n, v in request.headers.raw if n.decode().lower() not in _HOP_BY_HOP | {"host"}]
        path = request.scope["raw_path"].decode("ascii", "replace")
        query = request.scope["query_string"].decode("ascii", "replace")
        try:
            served = await request.app.state.client.request(
                request.method,
                f"http://{LOOPBACK}:{current.emulator}{path}{'?' if query else ''}{query}",
                headers=[(b"host", f"{current.host}:{current.emulator}".encode()), *headers],
                content=bytes(body),
            )
        except httpx2.TimeoutException:
            return _message(504, "Endpoint request timed out")
        except (httpx2.HTTPError, httpx2.InvalidURL):
            return _message(503, "The emulator does not answer: run `plinth up` again.")
        kept = [
            (n, v)
            for n, v in served.headers.multi_items()
            # The date and the server are said by this one, once.
            if n.lower() not in _HOP_BY_HOP | {"content-length", "content-encoding", "date", "server"}
            # The emulator's own are not those that AWS would send: `Cors` says these.
            and not n.lower().startswith("access-control-")
        ]
        response = Response(served.content, served.status_code)
        response.raw_headers = [
            *((n.encode("latin-1"), v.encode("latin-1")) for n, v in kept),
            (b"content-length", str(len(served.content)).encode()),
        ]
        return response

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    return Starlette(
        routes=[Route("/_plinth/health", health), Route("/{path:path}", answer, methods=methods)], lifespan=lifespan
    )


def access_line(text: str) -> str:
    """A line of the access log: milliseconds since 1970, and the text with nothing in it that a terminal obeys."""
    return f"{time.time_ns() // 1_000_000} {''.join(c if c.isprintable() else '?' for c in text)}"


def _listed(configuration: Mapping[str, Any], key: str) -> str:
    return ",".join(str(one) for one in configuration.get(key) or ())


def _bucket(limits: Mapping[str, Any] | None) -> Bucket:
    # A missing limit counts as 0, as it does on AWS: such a stage refuses every request.
    limits = limits or {}
    return Bucket(rate=float(limits.get("rate") or 0), burst=float(limits.get("burst") or 0))


def _message(status: int, text: str) -> Response:
    """An answer of the gateway itself, in API Gateway's own form."""
    return JSONResponse({"message": text}, status)


async def _nothing(_request: Request) -> Response:
    raise NotImplementedError


def main() -> None:
    """Serves until stopped."""
    file, port = Path(sys.argv[1]), int(sys.argv[2])
    uvicorn.run(application(file), host=LOOPBACK, port=port, log_level="warning", timeout_graceful_shutdown=1)


if __name__ == "__main__":
    main()
