"""Limits: of each client on each route by slowapi, fed from the one table, and of each address on all routes.

A count is one exchange with the store that all instances share, and the headers come from its answer.
"""

import functools
import inspect
import math
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeVar, cast

from fastapi import Request
from limits import RateLimitItem, parse
from limits.storage import Storage
from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from starlette.types import Scope

from service.core.actor import Actor
from service.core.counts import Count, StoreAwayError, get_counts
from service.core.errors import ServiceError
from service.core.limits_table import KEYS_TOGETHER, PER_ADDRESS, ROUTES
from service.core.threads import waiting

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


@dataclass(frozen=True)
class Allowance:
    """What a client has left of a limit."""

    policy: str
    """`default` for the route's own limit, `api-keys` for what a user's keys share of it, `address` for that of all
    requests from an address."""

    limit: int
    window_seconds: int
    remaining: int
    reset_seconds: int
    """Until the client has the whole limit again; at least 1."""

    def headers(self) -> dict[str, str]:
        """The allowance as response headers: the usual ones, and draft-ietf-httpapi-ratelimit-headers-10."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset_seconds),
            "RateLimit-Policy": f'"{self.policy}";q={self.limit};w={self.window_seconds}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset_seconds}',
        }


class KeysTogetherError(ServiceError):
    """A user's API keys together use a route too often."""

    status = 429
    code = "too-many-requests"
    title = "Too Many Requests"

    def __init__(self, item: RateLimitItem, *, retry_after_seconds: int) -> None:
        super().__init__(f"The limit of all your API keys together is {item}.")
        self.headers = {"Retry-After": str(retry_after_seconds)}


def allowance(scope: Scope) -> Allowance | None:
    """What the request's client has left, by the limit that it reaches first. None where nothing was counted."""
    noted: list[Allowance] = scope.get("state", {}).get("allowances", [])
    return min(noted, key=lambda one: (one.remaining, -one.reset_seconds), default=None)


def limit(route: str) -> Callable[[Endpoint], Endpoint]:
    """Apply the table's limit to the endpoint of that route key. Raises KeyError for a route the table lacks.

    The limit is checked before the endpoint's body runs, and so before its first query.
    """
    row = ROUTES[route]

    def decorate(endpoint: Endpoint) -> Endpoint:
        limited = endpoint if row.per_client is None else _limited(endpoint, route, row.per_client, strict=row.strict)
        cast("Any", limited).route_key = route
        return limited

    return decorate


def route_key(endpoint: Callable[..., Any]) -> str | None:
    """The row of the table that the endpoint stands under. None where `limit` was forgotten."""
    return getattr(endpoint, "route_key", None)


def admit_address(scope: Scope) -> bool:
    """Count a request for the address it comes from; whether that address may ask for more."""
    counted = get_counts().add(f"address:{client_network(scope)}", window_seconds=_ADDRESS_LIMIT.get_expiry())
    _note(scope, "address", _ADDRESS_LIMIT, counted)
    return counted.value <= _ADDRESS_LIMIT.amount


def client_network(scope: Scope) -> str:
    """Where a request comes from: an IPv4 address, or the /64 that an IPv6 customer has at least.

    It is what the gateway saw, and never what a header claims: anybody can send those.
    """
    event = scope.get("aws.event")
    if event is not None:
        return _network(str(event["requestContext"]["http"]["sourceIp"]))
    client = scope.get("client")
    return _network(client[0]) if client else "unknown"


def store_answers() -> bool:
    """Whether the store of the counts can be reached."""
    return get_counts().answers()


_ADDRESS_LIMIT: Final = parse(PER_ADDRESS)

_counted: ContextVar[Count | None] = ContextVar("counted", default=None)
"""What `CountStorage` answered last, for whoever called slowapi."""


class CountStorage(Storage):
    """The `limits` package's view of the counts: what slowapi counts with."""

    STORAGE_SCHEME = ["plinth"]

    @property
    def base_exceptions(self) -> type[Exception]:
        return OSError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        counted = get_counts().add(key, window_seconds=expiry, amount=amount)
        _counted.set(counted)
        return counted.value

    def check(self) -> bool:
        return get_counts().answers()

    def reset(self) -> None:
        get_counts().clear()

    def get(self, key: str) -> int:
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError

    def clear(self, key: str) -> None:
        raise NotImplementedError


def _client_key(request: Request) -> str:
    actor: Actor | None = getattr(request.state, "actor", None)
    return f"address:{client_network(request.scope)}" if actor is None else actor.limit_key


# By URL, each id in a path would have a budget of its own.
limiter = Limiter(key_func=_client_key, key_style="endpoint", storage_uri="plinth://")
"""The limiter of this process."""


def _limited(endpoint: Endpoint, route: str, per_client: str, *, strict: bool) -> Endpoint:
    """The endpoint behind the limit, with the `request` parameter that slowapi needs."""
    item = parse(per_client)
    together = type(item)(item.amount * KEYS_TOGETHER, item.multiples)

    @functools.wraps(endpoint)
    def admitted(*args: Any, request: Request, **kwargs: Any) -> Any:
        if (counted := _counted.get()) is not None:
            _note(request.scope, "default", item, counted)
            if strict and not counted.exact:
                raise StoreAwayError
            _admit_keys(request, route, together)
        return endpoint(*args, **kwargs)

    signature = inspect.signature(endpoint)
    parameter = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request)
    cast("Any", admitted).__signature__ = signature.replace(parameters=[*signature.parameters.values(), parameter])
    # slowapi declares no type for its decorator.
    counting = cast("Any", limiter).limit(per_client)(admitted)

    def noting(*args: Any, request: Request, **kwargs: Any) -> Any:
        _counted.set(None)
        try:
            return counting(*args, request=request, **kwargs)
        except RateLimitExceeded:
            if (counted := _counted.get()) is not None:
                _note(request.scope, "default", item, counted)
            raise

    @functools.wraps(counting)
    async def limited(*args: Any, **kwargs: Any) -> Any:
        return await waiting(noting, *args, **kwargs)

    return cast("Endpoint", limited)


def _admit_keys(request: Request, route: str, together: RateLimitItem) -> None:
    """Count a request with an API key for all keys of its user. Raises KeysTogetherError."""
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is None or actor.api_key_id is None:
        return
    counted = get_counts().add(f"api-keys-of:{actor.user_id}:{route}", window_seconds=together.get_expiry())
    left = _note(request.scope, "api-keys", together, counted)
    if counted.value > together.amount:
        raise KeysTogetherError(together, retry_after_seconds=left.reset_seconds)


def _note(scope: Scope, policy: str, item: RateLimitItem, counted: Count) -> Allowance:
    left = Allowance(
        policy=policy,
        limit=item.amount,
        window_seconds=item.get_expiry(),
        remaining=max(0, item.amount - counted.value),
        reset_seconds=max(1, math.ceil(counted.rest_seconds)),
    )
    scope.setdefault("state", {}).setdefault("allowances", []).append(left)
    return left


@functools.lru_cache(maxsize=256)
def _network(address: str) -> str:
    if ":" not in address:
        return address
    from ipaddress import IPv6Address, IPv6Network

    try:
        parsed = IPv6Address(address)
    except ValueError:
        return address
    return str(parsed.ipv4_mapped or IPv6Network((int(parsed), 64), strict=False))
