"""The API function: FastAPI behind API Gateway's HTTP API, through Mangum."""

import time
from collections.abc import Mapping
from typing import Any, cast
from uuid import uuid4

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from service.auth import tokens
from service.core import keys, metrics, snapshot, tracing
from service.core.problems import MEDIA_TYPE
from service.lambda_handlers.invocation import configure, observed, started
from service.main import create_app

_FUNCTION = "api"

configure()
# A weak or missing key stops the start, and not the first request.
keys.key_ring()

_answer = Mangum(
    create_app(),
    # With lifespan on, Mangum would start and stop the application at every request.
    lifespan="off",
    text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, MEDIA_TYPE],
)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer one request of the HTTP API (payload format 2.0)."""
    # The gateway's name of the route: one of the table's, never what a client made up.
    route = str(event.get("routeKey", ""))
    status = 500
    began = time.perf_counter()
    with observed(_FUNCTION, context):
        tracing.annotate("route", route)
        try:
            response = _answer(cast("Any", event), context)
            status = response["statusCode"]
            return response
        finally:
            tracing.annotate("status", status)
            metrics.add("Requests")
            metrics.add("Errors", status >= 500)
            metrics.add("Throttled", status == 429)
            metrics.add("Latency", (time.perf_counter() - began) * 1000, "Milliseconds")
            metrics.describe("route", route)
            metrics.describe("status", status)


def _warm() -> None:
    """Have a request of nobody refused: it passes through everything that a first request would have to set up."""
    token = tokens.issue(tokens.Claims(uuid4(), uuid4(), frozenset({"items:read"})))
    path = f"/v1/items/{uuid4()}"
    event: dict[str, Any] = {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"authorization": f"Bearer {token}"},
        "requestContext": {"http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}},
        "isBase64Encoded": False,
    }
    _answer(cast("Any", event), cast("Any", None))


snapshot.register(warm=_warm)
# Now, so that the snapshot is of what was settled.
started()
