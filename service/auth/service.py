"""What can be done about who is asking, for any caller. Flushes; never commits."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from service.api_keys import repository as api_keys
from service.api_keys import secret
from service.auth import passwords, refresh_tokens, repository, tokens
from service.core import keys, metrics
from service.core.actor import ROLE_SCOPES, SCOPES, Actor, Role
from service.core.attempts import sign_in_attempt
from service.core.errors import (
    ConflictError,
    InvalidInputError,
    MissingScopeError,
    ServiceError,
    UnauthenticatedError,
)
from service.users import addresses
from service.users import repository as users

SESSION_LIFETIME: Final = timedelta(days=30)
"""However often a session is refreshed, its user signs in again after that long."""

MAX_SESSIONS: Final = 20
"""Live sessions of one user; signing in once more ends the oldest."""

_MAX_CREDENTIAL_LENGTH = 4096


class InvalidScopeError(ServiceError):
    """A sign-in asked for scopes that its user cannot have."""

    code = "invalid-scope"
    title = "Invalid scope"


class ReplayedTokenError(UnauthenticatedError):
    """A refresh token came a second time, so that two have it: its session has been ended."""

    keeps_changes = True


@dataclass(frozen=True)
class SignedIn:
    """The credentials of a session."""

    access_token: str
    refresh_token: str
    scopes: frozenset[str]
    expires_in: int = tokens.LIFETIME_SECONDS
    """Seconds that the access token is good for."""


def actor_of(session: Session, *, token: str | None, api_key: str | None) -> Actor:
    """Who sent that credential; the token counts where both were sent. Raises UnauthenticatedError."""
    if token is not None:
        return _actor_of_token(session, token)
    if api_key is not None:
        return _actor_of_key(session, api_key)
    raise UnauthenticatedError("Send an access token (Authorization: Bearer …) or an API key (X-API-Key).")


def require_scopes(actor: Actor, required: Sequence[str]) -> None:
    """Raises MissingScopeError where the actor's credential lacks one of them."""
    missing = [scope for scope in required if scope not in actor.scopes]
    if missing:
        raise MissingScopeError(missing)


def sign_in(session: Session, *, email: str, password: str, network: str, scopes: Collection[str] = ()) -> SignedIn:
    """Begin a session with those scopes, or with all of the user's role where none are given.

    `network` is where the request comes from. Raises UnauthenticatedError, in the same words and after the same work
    whether it is the address that nobody has or the password that is wrong; InvalidScopeError; TooManyAttemptsError
    after too many failures for the address.
    """
    address = _address(email)
    known = None if address is None else users.credentials(session, address)
    with sign_in_attempt(address or email, network=network):
        found = passwords.verdict(password, known.password_hash if known else None)
        if known is None or not found.matches:
            metrics.add("SignInsFailed")
            raise _not_signed_in()
    locked = users.lock_credentials(session, known.user_id)
    if locked is None or locked.password_hash != known.password_hash:
        # The password was changed, or the user deleted, while this one was being checked.
        raise _not_signed_in()
    if found.better_hash is not None:
        users.set_password_hash(session, known.user_id, found.better_hash)
    repository.make_room(session, user_id=known.user_id, keep=MAX_SESSIONS - 1)
    return _begin(session, known.user_id, _granted(scopes, locked.role))


def refresh(session: Session, *, refresh_token: str) -> SignedIn:
    """The next credentials of the session, in exchange for a refresh token that is good once.

    Raises UnauthenticatedError, and ReplayedTokenError for one that was used before: the session has then ended.
    """
    token_hash = refresh_tokens.digest(refresh_token) if refresh_tokens.is_well_formed(refresh_token) else None
    user_id = None if token_hash is None else repository.user_of_token(session, token_hash)
    # Of two requests with one token, the second waits here and then finds it used.
    if token_hash is None or user_id is None or not users.lock(session, user_id):
        raise _not_refreshed()
    state = repository.state_of_token(session, token_hash)
    if state is None or not state.session_is_live:
        raise _not_refreshed()
    if state.used:
        repository.end_session(session, state.session_id, reason="reuse")
        raise ReplayedTokenError("The refresh token was used before: its session has ended. Sign in again.")
    repository.note_use(session, state.token_id)
    return _issued(session, user_id, state.session_id, frozenset(state.scopes) & ROLE_SCOPES[state.role])


def sign_out(session: Session, *, actor: Actor) -> None:
    """End the actor's session and all its tokens at once. Raises ConflictError for an API key, which has none."""
    if actor.session_id is None:
        raise ConflictError("An API key has no session to end: revoke the key, or send an access token.")
    repository.end_session(session, actor.session_id, reason="logout")


def _actor_of_token(session: Session, token: str) -> Actor:
    try:
        if len(token) > _MAX_CREDENTIAL_LENGTH:
            raise tokens.InvalidTokenError
        claims = tokens.read(token)
    except tokens.InvalidTokenError:
        raise UnauthenticatedError("The access token is not valid or has expired.", error="invalid_token") from None
    role = repository.role_in_live_session(session, session_id=claims.session_id, user_id=claims.user_id)
    if role is None:
        raise UnauthenticatedError("The session has ended: sign in again.", error="invalid_token")
    return Actor(
        user_id=claims.user_id,
        role=role,
        scopes=claims.scopes & ROLE_SCOPES[role],
        session_id=claims.session_id,
    )


def _actor_of_key(session: Session, api_key: str) -> Actor:
    live = None
    if secret.is_well_formed(api_key):
        live = api_keys.live(session, secret.digest(api_key, pepper=keys.key_ring().api_key_pepper))
    if live is None:
        raise UnauthenticatedError("The API key is not valid, has expired or was revoked.", error="invalid_token")
    return Actor(
        user_id=live.user_id,
        role=live.role,
        scopes=frozenset(live.scopes) & ROLE_SCOPES[live.role],
        api_key_id=live.key_id,
    )


def _address(email: str) -> str | None:
    try:
        return addresses.normalised(email)
    except InvalidInputError:
        return None


def _not_signed_in() -> UnauthenticatedError:
    return UnauthenticatedError("The address or the password is not right.")


def _granted(asked: Collection[str], role: Role) -> frozenset[str]:
    refused = set(asked) - ROLE_SCOPES[role]
    if refused:
        known = ", ".join(scope for scope in SCOPES if scope in ROLE_SCOPES[role])
        raise InvalidScopeError(f"A sign-in of this user can ask for these scopes: {known}.")
    return frozenset(asked) or ROLE_SCOPES[role]


def _begin(session: Session, user_id: UUID, scopes: frozenset[str]) -> SignedIn:
    expires_at = datetime.now(UTC) + SESSION_LIFETIME
    session_id = repository.add_session(session, user_id=user_id, scopes=sorted(scopes), expires_at=expires_at)
    return _issued(session, user_id, session_id, scopes)


def _issued(session: Session, user_id: UUID, session_id: UUID, scopes: frozenset[str]) -> SignedIn:
    refresh_token = refresh_tokens.new()
    repository.add_token(session, session_id=session_id, token_hash=refresh_tokens.digest(refresh_token))
    return SignedIn(tokens.issue(tokens.Claims(user_id, session_id, scopes)), refresh_token, scopes)


def _not_refreshed() -> UnauthenticatedError:
    return UnauthenticatedError("The refresh token is not valid, or its session has ended: sign in again.")
