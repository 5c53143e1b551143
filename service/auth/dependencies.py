"""What path operations ask FastAPI for to know who is calling. Every route below /v1 that is not public does."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyHeader, OAuth2PasswordBearer, SecurityScopes
from sqlalchemy.orm import Session

from service.api_keys import service as api_keys
from service.auth import service
from service.core.actor import SCOPES, Actor
from service.core.dependencies import SessionDependency
from service.core.limits import client_network
from service.core.threads import waiting

_bearer = OAuth2PasswordBearer(
    tokenUrl="/v1/auth/token",
    refreshUrl="/v1/auth/refresh",
    scopes=dict(SCOPES),
    scheme_name="OAuth2",
    auto_error=False,
)
_api_key = APIKeyHeader(name="X-API-Key", scheme_name="ApiKey", auto_error=False)


async def authenticated(
    request: Request,
    session: SessionDependency,
    token: Annotated[str | None, Depends(_bearer)],
    api_key: Annotated[str | None, Depends(_api_key)],
) -> Actor:
    """Who is calling, by access token or API key. Raises UnauthenticatedError."""
    # FastAPI calls it once for the router and once for the scopes of the route.
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is None:
        actor = request.state.actor = await waiting(_actor, session, token, api_key)
    return actor


async def caller(required: SecurityScopes, actor: Annotated[Actor, Depends(authenticated)]) -> Actor:
    """Who is calling, where the credential has every scope that the route requires. Raises MissingScopeError."""
    service.require_scopes(actor, required.scopes)
    return actor


def _actor(session: Session, token: str | None, api_key: str | None) -> Actor:
    actor = service.actor_of(session, token=token, api_key=api_key)
    if actor.api_key_id is not None and api_keys.note_use(session, api_key_id=actor.api_key_id):
        session.commit()
    return actor


async def _client_network(request: Request) -> str:
    return client_network(request.scope)


ClientNetwork = Annotated[str, Depends(_client_network)]
"""Where the request comes from, as `service.core.limits` counts it."""

Caller = Annotated[Actor, Depends(authenticated)]
"""Whoever is calling, whatever the credential is allowed."""

ItemsReader = Annotated[Actor, Security(caller, scopes=["items:read"])]
ItemsWriter = Annotated[Actor, Security(caller, scopes=["items:write"])]
AutomationsReader = Annotated[Actor, Security(caller, scopes=["automations:read"])]
AutomationsWriter = Annotated[Actor, Security(caller, scopes=["automations:write"])]
RunsReader = Annotated[Actor, Security(caller, scopes=["runs:read"])]
RunsWriter = Annotated[Actor, Security(caller, scopes=["runs:write"])]
ProfileReader = Annotated[Actor, Security(caller, scopes=["profile:read"])]
ProfileWriter = Annotated[Actor, Security(caller, scopes=["profile:write"])]
ApiKeysReader = Annotated[Actor, Security(caller, scopes=["api-keys:read"])]
ApiKeysWriter = Annotated[Actor, Security(caller, scopes=["api-keys:write"])]
UsersReader = Annotated[Actor, Security(caller, scopes=["users:read"])]
