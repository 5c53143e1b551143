"""The /auth routes: public ones, which make credentials, and the one that ends a session."""

from fastapi import APIRouter, Response, status

from service.auth import forms, service
from service.auth.dependencies import Caller, ClientNetwork
from service.auth.forms import TokenFormDependency
from service.auth.schemas import TokenRead, TokenRefresh
from service.core.dependencies import SessionDependency
from service.core.limits import limit
from service.core.problems import problems
from service.users import service as users
from service.users.models import User
from service.users.schemas import UserCreate, UserRead

public = APIRouter(prefix="/auth", tags=["auth"])
router = APIRouter(prefix="/auth", tags=["auth"])


@public.post("/register", status_code=status.HTTP_201_CREATED, response_model=UserRead, responses=problems(409, 413))
@limit("POST /v1/auth/register")
def register_user(body: UserCreate, session: SessionDependency, response: Response) -> User:
    """Register with an address and a password. An address that is taken is a 409, which says so."""
    user = users.create_user(session, email=body.email, password=body.password)
    response.headers["Location"] = "/v1/users/me"
    return user


@public.post("/token", responses=problems(401, 413), openapi_extra=forms.BODY)
@limit("POST /v1/auth/token")
def issue_token(form: TokenFormDependency, network: ClientNetwork, session: SessionDependency) -> TokenRead:
    """Sign in: an access token for a quarter of an hour, and a refresh token to go on with for 30 days.

    A scope that the user cannot have is a 400. A user has at most 20 sessions: one more ends the oldest.
    Ten wrong passwords in a quarter of an hour, or a hundred in an hour from wherever, are a 429 until that has passed.
    """
    signed_in = service.sign_in(
        session, email=form.username, password=form.password, network=network, scopes=form.scopes
    )
    return _read(signed_in)


@public.post("/refresh", responses=problems(401, 413))
@limit("POST /v1/auth/refresh")
def refresh_token(body: TokenRefresh, session: SessionDependency) -> TokenRead:
    """Exchange a refresh token for the next credentials of its session.

    Each is good once: a second use tells that somebody else has it, and ends the session.
    """
    return _read(service.refresh(session, refresh_token=body.refresh_token))


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT, responses=problems(409))
@limit("POST /v1/auth/logout")
def end_session(actor: Caller, session: SessionDependency) -> None:
    """End the session of the access token, at once. Any access token may; an API key has no session (409)."""
    service.sign_out(session, actor=actor)


def _read(signed_in: service.SignedIn) -> TokenRead:
    return TokenRead(
        access_token=signed_in.access_token,
        refresh_token=signed_in.refresh_token,
        expires_in=signed_in.expires_in,
        scope=" ".join(sorted(signed_in.scopes)),
    )
