"""How often each route may be called: one table for the service (per client) and for API Gateway (per route).

Standard library only: the infrastructure program reads it too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, kw_only=True)
class RouteLimit:
    """The limits of one route."""

    per_client: str | None
    """What one client may do, as the `limits` package writes it ("1/second"). None needs a reason in `exempt`."""

    rate: float
    """Steady requests a second of all clients together, enforced by API Gateway. Never 0: that closes the route."""

    burst: int
    """Requests API Gateway lets through at once before the rate applies."""

    exempt: str | None = None
    """Why no per-client limit applies. Present exactly where `per_client` is None."""

    strict: bool = False
    """Whether the route is refused while nobody can count across instances, where others count for themselves."""

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.burst <= 0:
            raise ValueError("rate and burst must be above 0: API Gateway refuses every request otherwise")
        if (self.per_client is None) == (self.exempt is None):
            raise ValueError("a route has either a per-client limit or a reason to have none")


@dataclass(frozen=True, kw_only=True)
class Throttle:
    """A steady rate (requests a second) and a burst, as API Gateway means them."""

    rate: float
    burst: int


DEFAULT_THROTTLE: Final = Throttle(rate=50, burst=100)
"""The stage's default, for routes that the table does not name."""


PER_ADDRESS: Final = "100/second"
"""What one address (IPv6: one /64) may ask for in all, whoever asks: counted before anything is read or looked up.

Twice what one client may read, so that two people behind one address do not meet it, and half of what API Gateway
lets through on any route, so that no address alone can keep the others out.
"""

KEYS_TOGETHER: Final = 3
"""How many times a route's per-client limit a user's API keys may use it in all, each within its own limit.

So that one program does not use up what another needs, and yet more keys are not more and more requests. It is the
most that still leaves others some of what API Gateway lets through where people read.
"""

UNCOUNTED_PATHS: Final = frozenset({"/health/live"})
"""Paths that no address is refused: monitors ask for them, from wherever they are."""


def _reads() -> RouteLimit:
    return RouteLimit(per_client="50/second", rate=200, burst=400)


def _writes() -> RouteLimit:
    return RouteLimit(per_client="5/second", rate=50, burst=100)


def _updates() -> RouteLimit:
    return RouteLimit(per_client="20/second", rate=50, burst=100)


def _creates() -> RouteLimit:
    return RouteLimit(per_client="1/second", rate=20, burst=40)


def _credentials(per_client: str) -> RouteLimit:
    """A route that makes credentials, or can be asked whether a guess at one is right."""
    return RouteLimit(per_client=per_client, rate=10, burst=20, strict=True)


def _static(reason: str) -> RouteLimit:
    return RouteLimit(per_client=None, exempt=reason, rate=20, burst=40)


ROUTES: Final[Mapping[str, RouteLimit]] = MappingProxyType(
    {
        "POST /v1/auth/register": _credentials("5/minute"),
        "POST /v1/auth/token": _credentials("10/minute"),
        "POST /v1/auth/refresh": _credentials("30/minute"),
        "POST /v1/auth/logout": _writes(),
        "GET /v1/users": _reads(),
        "GET /v1/users/me": _reads(),
        "PATCH /v1/users/me": _credentials("5/second"),
        "DELETE /v1/users/me": _writes(),
        "POST /v1/api-keys": _credentials("5/second"),
        "GET /v1/api-keys": _reads(),
        "DELETE /v1/api-keys/{api_key_id}": _writes(),
        "POST /v1/items": _creates(),
        "GET /v1/items": _reads(),
        "GET /v1/items/{item_id}": _reads(),
        "PUT /v1/items/{item_id}": _updates(),
        "PATCH /v1/items/{item_id}": _updates(),
        "DELETE /v1/items/{item_id}": _writes(),
        "GET /v1/items/{item_id}/automations": _reads(),
        "POST /v1/automations": _writes(),
        "GET /v1/automations": _reads(),
        "GET /v1/automations/{automation_id}": _reads(),
        "PUT /v1/automations/{automation_id}": _writes(),
        "PATCH /v1/automations/{automation_id}": _writes(),
        "DELETE /v1/automations/{automation_id}": _writes(),
        "POST /v1/automations/{automation_id}/runs": _writes(),
        "GET /v1/automations/{automation_id}/runs": _reads(),
        "GET /v1/runs": _reads(),
        "GET /v1/runs/{run_id}": _reads(),
        "POST /v1/runs/{run_id}/cancel": _writes(),
        "POST /v1/runs/{run_id}/rerun": _writes(),
        "GET /health/live": _static("Touches nothing, and monitors behind one address must never be refused."),
        "GET /health/ready": RouteLimit(per_client="5/second", rate=10, burst=20),
        "GET /docs": _static("A constant page."),
        "GET /docs/swagger-ui.css": _static("A constant file, which browsers keep."),
        "GET /docs/swagger-ui-bundle.js": _static("A constant file, which browsers keep."),
        "GET /openapi.json": _static("A constant document, made once a process."),
    }
)
"""Every route of the application by its API Gateway route key."""
