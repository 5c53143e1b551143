"""The /api-keys routes."""

from uuid import UUID

from fastapi import APIRouter, status

from service.api_keys import service
from service.api_keys.models import ApiKey
from service.api_keys.schemas import ApiKeyCreate, ApiKeyCreated, ApiKeyRead
from service.auth.dependencies import ApiKeysReader, ApiKeysWriter
from service.core.dependencies import PageParameters, SessionDependency
from service.core.limits import limit
from service.core.pagination import Page, Slice
from service.core.problems import problems

router = APIRouter(prefix="/api-keys", tags=["api-keys"])


@router.post("", status_code=status.HTTP_201_CREATED, responses=problems(413))
@limit("POST /v1/api-keys")
def create_api_key(body: ApiKeyCreate, actor: ApiKeysWriter, session: SessionDependency) -> ApiKeyCreated:
    """Make an API key. The answer is the only place where it is ever shown.

    It is allowed no more than the credential that makes it (403 otherwise). A key made with a key expires no later than
    that one, and is revoked with it. A user has at most 50 keys that are neither revoked nor expired (429 otherwise).
    """
    made = service.create(session, actor=actor, name=body.name, scopes=body.scopes, expires_at=body.expires_at)
    return ApiKeyCreated(**ApiKeyRead.model_validate(made.stored).model_dump(), key=made.key)


@router.get("", response_model=Page[ApiKeyRead])
@limit("GET /v1/api-keys")
def list_api_keys(parameters: PageParameters, actor: ApiKeysReader, session: SessionDependency) -> Slice[ApiKey]:
    """List one's own API keys, newest first, revoked and expired ones included."""
    return service.page(session, actor=actor, limit=parameters.limit, cursor=parameters.cursor)


@router.delete("/{api_key_id}", status_code=status.HTTP_204_NO_CONTENT, responses=problems(404))
@limit("DELETE /v1/api-keys/{api_key_id}")
def revoke_api_key(api_key_id: UUID, actor: ApiKeysWriter, session: SessionDependency) -> None:
    """Revoke an API key and every key made with it, at once and for good. Revoking it again changes nothing."""
    service.revoke(session, actor=actor, api_key_id=api_key_id)
