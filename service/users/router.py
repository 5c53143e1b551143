"""The /users routes."""

from fastapi import APIRouter, status

from service.auth.dependencies import ProfileReader, ProfileWriter, UsersReader
from service.core.dependencies import PageParameters, SessionDependency
from service.core.limits import limit
from service.core.pagination import Page, Slice
from service.core.problems import problems
from service.users import service
from service.users.models import User
from service.users.schemas import UserPatch, UserRead

router = APIRouter(prefix="/users", tags=["users"])


@router.get("", response_model=Page[UserRead])
@limit("GET /v1/users")
def list_users(parameters: PageParameters, actor: UsersReader, session: SessionDependency) -> Slice[User]:
    """List all users, newest first. For administrators."""
    return service.page(session, actor=actor, limit=parameters.limit, cursor=parameters.cursor)


@router.get("/me", response_model=UserRead)
@limit("GET /v1/users/me")
def read_profile(actor: ProfileReader, session: SessionDependency) -> User:
    """Read one's own user."""
    return service.get(session, actor=actor)


@router.patch("/me", response_model=UserRead, responses=problems(409, 413))
@limit("PATCH /v1/users/me")
def change_profile(body: UserPatch, actor: ProfileWriter, session: SessionDependency) -> User:
    """Change one's own address or password; both need the current password.

    A new password ends all other sessions. API keys stay good. An address that is taken is a 409.
    """
    return service.change(session, actor=actor, **body.changes())


@router.delete("/me", status_code=status.HTTP_204_NO_CONTENT, responses=problems(409))
@limit("DELETE /v1/users/me")
def delete_profile(actor: ProfileWriter, session: SessionDependency) -> None:
    """Delete one's own user with all items, automations, runs and API keys. The last administrator cannot."""
    service.delete(session, actor=actor)
