"""Commands about users. They act for nobody: whoever has this shell has the database."""

import argparse
from typing import Final
from uuid import UUID

from service.cli.acting import given
from service.cli.outcome import Outcome, collected
from service.cli.reading import made_password, password
from service.core import database
from service.core.actor import ROLE_SCOPES, Actor, Role
from service.core.errors import NotFoundError
from service.core.pagination import Page, PageQuery
from service.users import service
from service.users.schemas import UserRead

OPERATOR: Final = Actor(user_id=UUID(int=0), role="admin", scopes=ROLE_SCOPES["admin"])
"""Who lists users: an administrator who is no user, and so owns nothing."""


class NewUser(UserRead):
    """A user whose password was made here."""

    password: str


def create(options: argparse.Namespace) -> Outcome:
    """Add a user."""
    return _created(options, role=options.role)


def list_(options: argparse.Namespace) -> Outcome:
    """List users."""

    def fetch(query: PageQuery) -> Page[UserRead]:
        with database.transaction() as session:
            page = service.page(session, actor=OPERATOR, limit=query.limit, cursor=query.cursor)
            return Page[UserRead].model_validate(page)

    query = PageQuery(**given(options, "limit", "cursor"))
    return Outcome(answer=collected(fetch, query, everything=options.all))


def show(options: argparse.Namespace) -> Outcome:
    """Show a user."""
    with database.transaction() as session:
        return Outcome(answer=UserRead.model_validate(service.find_by_email(session, email=options.email)))


def set_role(options: argparse.Namespace) -> Outcome:
    """Give a user a role."""
    return Outcome(answer=_with_role(options.email, options.role))


def set_password(options: argparse.Namespace) -> Outcome:
    """Set a user's password without knowing the present one."""
    sent = password(options)
    chosen = made_password() if sent is None else sent
    with database.transaction() as session:
        user = service.find_by_email(session, email=options.email)
        answer = UserRead.model_validate(service.set_password(session, user_id=user.id, password=chosen))
    return _with_password(answer, chosen if sent is None else None)


def delete(options: argparse.Namespace) -> Outcome:
    """Delete a user and everything that is theirs."""
    with database.transaction() as session:
        user = service.find_by_email(session, email=options.email)
        service.delete(session, actor=service.actor_for_user(user))
    return Outcome(remark=f"deleted {user.email}")


def create_admin(options: argparse.Namespace) -> Outcome:
    """Make an administrator of a user, whether or not there is one with that address yet."""
    try:
        answer = _with_role(options.email, "admin")
    except NotFoundError:
        return _created(options, role="admin")
    return Outcome(answer=answer, remark="The user was there already: the password is as it was.")


def _created(options: argparse.Namespace, *, role: Role) -> Outcome:
    sent = password(options)
    chosen = made_password() if sent is None else sent
    with database.transaction() as session:
        user = service.create_user(session, email=options.email, password=chosen, role=role)
        answer = UserRead.model_validate(user)
    return _with_password(answer, chosen if sent is None else None)


def _with_role(email: str, role: Role) -> UserRead:
    with database.transaction() as session:
        user = service.find_by_email(session, email=email)
        return UserRead.model_validate(service.set_role(session, user_id=user.id, role=role))


def _with_password(answer: UserRead, made: str | None) -> Outcome:
    """The user, with the password where nobody else knows it."""
    if made is None:
        return Outcome(answer=answer)
    return Outcome(
        answer=NewUser(**answer.model_dump(), password=made), remark="\nThe password is shown this once: keep it."
    )
