"""Per-client limits: slowapi, fed from the one table, counting in the store that all instances share."""

import functools
import inspect
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from fastapi import Request
from limits import RateLimitItem
from slowapi import Limiter

from service.core.limits_table import ROUTES
from service.core.settings import get_settings

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_STORE_TIMEOUT_SECONDS = 0.5


@dataclass(frozen=True)
class Allowance:
    """What a client has left of a limit."""

    limit: int
    remaining: int
    reset_seconds: int
    """Until the client has the whole limit again; at least 1."""

    def headers(self) -> dict[str, str]:
        """The allowance as response headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_seconds),
        }


def client_address(request: Request) -> str:
    """Who is asking: the address that the gateway saw, never one that a header claims."""
    event = request.scope.get("aws.event")
    if event is not None:
        return str(event["requestContext"]["http"]["sourceIp"])
    return request.client.host if request.client else "unknown"


def _made() -> Limiter:
    uri = get_settings().rate_limit_storage_uri
    bounded = {"socket_timeout": _STORE_TIMEOUT_SECONDS, "socket_connect_timeout": _STORE_TIMEOUT_SECONDS}
    return Limiter(
        key_func=client_address,
        # By URL, each id in a path would have a budget of its own.
        key_style="endpoint",
        storage_uri=uri,
        storage_options=cast("dict[str, str]", {} if uri.startswith("memory") else bounded),
        # A store that is away must not take the service with it; each instance then counts for itself.
        in_memory_fallback_enabled=True,
    )


limiter = _made()
"""The limiter of this process."""


def limit(route: str) -> Callable[[Endpoint], Endpoint]:
    """Apply the table's limit to the endpoint of that route key. Raises KeyError for a route the table lacks.

    The limit is checked before the endpoint's body runs, and so before its first query.
    """
    per_client = ROUTES[route].per_client

    def decorate(endpoint: Endpoint) -> Endpoint:
        if per_client is None:
            return endpoint
        # slowapi declares no type for its decorator.
        return cast("Any", limiter).limit(per_client)(_noting_allowance(endpoint))

    return decorate


def allowance(request: Request) -> Allowance | None:
    """What the request's client has left, once the request was counted; None where it was not, or nobody knows."""
    counted = cast("tuple[RateLimitItem, list[str]] | None", getattr(request.state, "view_rate_limit", None))
    if counted is None:
        return None
    item, identifiers = counted
    try:
        window = limiter.limiter.get_window_stats(item, *identifiers)
    except Exception:
        # The store went away between counting and now. The count stood; only the headers are lost.
        return None
    reset = max(1, math.ceil(window.reset_time - time.time()))
    return Allowance(item.amount, max(0, window.remaining), min(reset, item.get_expiry()))


def store_answers() -> bool:
    """Whether the store of the counts can be reached."""
    return bool(cast("Any", limiter)._storage.check())


def _noting_allowance(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint with a `request` parameter, which slowapi needs, and with its allowance left on the request."""

    @functools.wraps(endpoint)
    def noting(*args: Any, request: Request, **kwargs: Any) -> Any:
        request.state.allowance = allowance(request)
        return endpoint(*args, **kwargs)

    signature = inspect.signature(endpoint)
    parameter = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    cast("Any", noting).__signature__ = signature.replace(parameters=[*signature.parameters.values(), parameter])
    return noting
