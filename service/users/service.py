"""What can be done with users, for any caller. Flushes; never commits."""

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from service.auth import passwords
from service.auth import repository as auth
from service.core.actor import ROLE_SCOPES, Actor, Role
from service.core.attempts import own_password_attempt
from service.core.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UnauthenticatedError,
)
from service.core.pagination import DEFAULT_LIMIT, Slice
from service.users import addresses, repository
from service.users.models import User


def create_user(session: Session, *, email: str, password: str, role: Role = "member") -> User:
    """A new user. Raises ConflictError for a taken address and InvalidInputError for what cannot be used."""
    address = addresses.normalised(email)
    passwords.require_acceptable(password, email=address)
    if repository.by_email(session, address) is not None:
        raise _taken(address)
    password_hash = passwords.hashed(password)
    user = repository.add(session, email=address, password_hash=password_hash, role=role)
    if user is None:
        raise _taken(address)
    return user


def actor_for_user(user: User) -> Actor:
    """The user acting without a credential, from a shell: allowed all that the role allows."""
    return Actor(user_id=user.id, role=user.role, scopes=ROLE_SCOPES[user.role])


def find_by_email(session: Session, *, email: str) -> User:
    """The user with that address, however it is written. Raises NotFoundError."""
    user = repository.by_email(session, addresses.normalised(email))
    if user is None:
        raise NotFoundError("user", email)
    return user


def get(session: Session, *, actor: Actor) -> User:
    """The actor's user."""
    return _present(repository.get(session, actor))


def page(session: Session, *, actor: Actor, limit: int = DEFAULT_LIMIT, cursor: str | None = None) -> Slice[User]:
    """One page of everybody, newest first. Raises ForbiddenError for whoever is no administrator."""
    if actor.role != "admin":
        raise ForbiddenError("Only administrators see other users.")
    return repository.page(session, limit=limit, cursor=cursor)


def change(
    session: Session,
    *,
    actor: Actor,
    current_password: str,
    email: str | None = None,
    password: str | None = None,
) -> User:
    """Give the actor's user another address, another password, or both; None leaves it as it is.

    A new password ends every session but the actor's own. API keys stay good: they never knew the password.
    Raises UnauthenticatedError for a wrong current password, ConflictError for a taken address.
    """
    if email is None and password is None:
        raise InvalidInputError("There is nothing to change: give an email, a password or both.")
    user = _present(repository.get_to_change(session, actor.user_id))
    address = user.email if email is None else addresses.normalised(email)
    if password is not None:
        passwords.require_acceptable(password, email=address)
    with own_password_attempt(user.id):
        if not passwords.verdict(current_password, user.password_hash).matches:
            raise UnauthenticatedError("The current password is not right.")
    if address != user.email:
        _move(session, user, address)
    if password is not None:
        user.password_hash = passwords.hashed(password)
        auth.end_sessions(session, user_id=user.id, but=actor.session_id, reason="password_changed")
    session.flush()
    return user


def set_password(session: Session, *, user_id: UUID, password: str) -> User:
    """Give the user another password without asking for the present one, and end every session.

    Raises NotFoundError, and InvalidInputError for a password that cannot be used.
    """
    user = _found(repository.get_to_change(session, user_id), user_id)
    passwords.require_acceptable(password, email=user.email)
    user.password_hash = passwords.hashed(password)
    auth.end_sessions(session, user_id=user.id, but=None, reason="password_changed")
    session.flush()
    return user


def set_role(session: Session, *, user_id: UUID, role: Role) -> User:
    """Give the user that role, which counts from the next request on. Raises ConflictError for the last admin."""
    user = _found(repository.get_to_change(session, user_id), user_id)
    if role != "admin":
        _require_another_admin(session, user)
    user.role = role
    session.flush()
    return user


def delete(session: Session, *, actor: Actor) -> None:
    """Remove the actor's user and everything it owns. Raises ConflictError for the last admin."""
    user = _present(repository.get_to_change(session, actor.user_id))
    _require_another_admin(session, user)
    session.delete(user)
    session.flush()


def _taken(address: str) -> ConflictError:
    return ConflictError(f"Somebody is registered with the address {address}.")


def _present(user: User | None) -> User:
    if user is None:
        # Deleted since the credential was checked; from now on it is refused in the same way.
        raise UnauthenticatedError("The user is gone.", error="invalid_token")
    return user


def _found(user: User | None, user_id: UUID) -> User:
    if user is None:
        raise NotFoundError("user", user_id)
    return user


def _move(session: Session, user: User, address: str) -> None:
    try:
        with session.begin_nested():
            user.email = address
            session.flush()
    except IntegrityError:
        raise _taken(address) from None


def _require_another_admin(session: Session, user: User) -> None:
    if user.role == "admin" and repository.is_last_admin(session, user.id):
        raise ConflictError("This is the last administrator: make another one first.")
