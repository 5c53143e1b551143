"""The measured process of `reads`: the service's handler and the bare one, called by turns as Lambda calls them."""

import contextlib
import io
import itertools
import json
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

_CLIENTS = 60
"""Users, each at an address of its own, so that no limit is reached: counting costs the same whoever asks."""

_WARM_UP = 2 * _CLIENTS
_CALLS = 1200

Handler = Callable[[Any, Any], Mapping[str, Any]]


class Context:
    """What Lambda's context object says."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"


def main() -> None:
    """Print the times in milliseconds as JSON."""
    events = _clients()
    from benchmarks.bare import handler as bare
    from service.lambda_handlers.api import handler as service

    handlers: dict[str, Handler] = {"bare": bare, "service": service}
    times: dict[str, list[float]] = {name: [] for name in handlers}
    # Metrics go to standard output, where a function's log is.
    with contextlib.redirect_stdout(io.StringIO()):
        for number, event in enumerate(itertools.islice(itertools.cycle(events), _WARM_UP + _CALLS)):
            for name, handler in handlers.items():
                taken = _call(handler, event)
                if number >= _WARM_UP:
                    times[name].append(taken)
    print(json.dumps({name: _figures(taken) for name, taken in times.items()}))


def _call(handler: Handler, event: Mapping[str, Any]) -> float:
    started = time.perf_counter()
    answer = handler(event, Context())
    taken = (time.perf_counter() - started) * 1000
    if answer["statusCode"] != 200:
        raise SystemExit(f"A measured request was answered with {answer['statusCode']}: {answer['body']}")
    return taken


def _figures(taken: list[float]) -> dict[str, float]:
    return {"median": statistics.median(taken), "p95": statistics.quantiles(taken, n=20)[-1]}


def _clients() -> list[dict[str, Any]]:
    """One request of each of the users, who have an item each, in a database made by the migrations."""
    from datetime import UTC, datetime, timedelta

    from service.auth import tokens
    from service.auth.models import AuthSession
    from service.core import database
    from service.core.actor import ROLE_SCOPES
    from service.items.models import Item
    from service.migrations.upgrade import upgrade_on
    from service.users.models import User

    with database.engine().begin() as connection:
        upgrade_on(connection)
    events: list[dict[str, Any]] = []
    with database.transaction() as session:
        for number in range(_CLIENTS):
            user = User(email=f"user-{number}@example.com", password_hash="!", role="member")  # noqa: S106  # nobody signs in
            session.add(user)
            session.flush()
            scopes = ROLE_SCOPES["member"]
            expires_at = datetime.now(UTC) + timedelta(days=1)
            signed_in = AuthSession(user_id=user.id, scopes=sorted(scopes), expires_at=expires_at)
            item = Item(owner_id=user.id, name="Espresso machine", description="Silver dual boiler machine")
            session.add_all([signed_in, item])
            session.flush()
            token = tokens.issue(tokens.Claims(user.id, signed_in.id, scopes))
            events.append(_event(f"/v1/items/{item.id}", token, f"198.51.100.{number + 1}"))
    return events


def _event(path: str, token: str, address: str) -> dict[str, Any]:
    """What an HTTP API sends a function, payload format 2.0."""
    return {
        "version": "2.0",
        "routeKey": "GET /v1/items/{item_id}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "authorization": f"Bearer {token}",
            "host": "api.example",
            "user-agent": "plinth-bench",
            "x-forwarded-for": address,
        },
        "requestContext": {
            "requestId": "gateway-id=",
            "stage": "$default",
            "http": {"method": "GET", "path": path, "protocol": "HTTP/1.1", "sourceIp": address},
        },
        "isBase64Encoded": False,
    }
