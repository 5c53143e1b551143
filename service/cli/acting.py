"""On whose behalf a command acts, in which transaction, and what its options say."""

import argparse
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.orm import Session

from service.core import database, preconditions
from service.core.actor import Actor
from service.users import service as users


class WrongUseError(Exception):
    """The command line does not say enough, or cannot be followed. `str(error)` says what to type."""


@contextmanager
def acting(options: argparse.Namespace) -> Generator[tuple[Session, Actor]]:
    """A transaction, and the user that the command line names with everything that the role allows."""
    if options.user is None:
        raise WrongUseError("Say on whose behalf: --as EMAIL, or set PLINTH_USER.")
    with database.transaction() as session:
        yield session, users.actor_for_user(users.find_by_email(session, email=options.user))


def given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    """Those of the options that were given."""
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def expected(options: argparse.Namespace) -> preconditions.Precondition:
    """The version that `--if-version` asks for; any, where it does not."""
    return preconditions.ANY_VERSION if options.if_version is None else preconditions.version(options.if_version)
