"""Upgrades the schema with Alembic, configured in code: no alembic.ini, nothing to be found beside the package.

With the schema comes what else a new environment lacks: the role that the application logs in as, and signing keys.
"""

import logging
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from service.core.database import CONNECT_TIMEOUT_SECONDS, connect_to
from service.core.settings import get_settings
from service.core.stored_secret import StoredSecret
from service.migrations import application_role, head_revision, signing_keys

logger = logging.getLogger(__name__)

_ONE_AT_A_TIME = 7052026


@dataclass(frozen=True)
class Upgraded:
    """Where the schema is now and which revisions that took, oldest first."""

    revision: str | None
    applied: tuple[str, ...]


class MigrationFailedError(RuntimeError):
    """A revision could not be applied, and so none was: which one it is and why, in one line."""


def configured(connection: Connection) -> Config:
    """Alembic's configuration for this package's revisions on that connection."""
    config = Config()
    # A percent sign would start an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["on_version_apply"] = []
    return config


def upgrade(*, revision: str = "head") -> Upgraded:
    """Upgrade the database that the settings name, in one transaction; a second upgrade at once waits for it.

    Where the settings name secrets to keep, they get the values that they lack.
    """
    with _administration() as connection:
        upgraded = upgrade_on(connection, revision=revision)
        if (login := _kept_login()) is not None:
            if application_role.provide(connection, login):
                logger.info("the application's role has a new password")
        elif (password := get_settings().database_application_password) is not None:
            application_role.provide_with(connection, password.get_secret_value())
        elif application_role.exists(connection):
            application_role.grant(connection)
        if (role := _role_by_token()) is not None:
            application_role.provide_by_token(connection, role)
        if (keys := _kept_keys()) is not None and signing_keys.provide(keys):
            logger.info("there are new signing keys")
        return upgraded


def rotate(what: str) -> None:
    """Replace one of `ROTATED` by a new one. Raises LookupError where the settings do not say where it is kept."""
    ROTATED[what]()
    logger.info("rotated", extra={"rotated": what})


def _rotate_database_password() -> None:
    login = _kept_login()
    if login is None and _role_by_token() is None:
        raise LookupError("DATABASE_ADMIN_SECRET_ARN and DATABASE_SECRET_ARN say whose password to change: set both.")
    with _administration() as connection:
        if login is None:
            # Nobody logs in with it any more.
            application_role.shut_out(connection)
        else:
            application_role.rotate(connection, login)


def _rotate_signing_keys() -> None:
    if (keys := _kept_keys()) is None:
        raise LookupError("SIGNING_KEYS_SECRET_ARN says where the signing keys are kept: set it.")
    # Whoever reads and writes the keys holds the lock, so that none of two rotations at once is lost.
    with _administration():
        signing_keys.rotate(keys)


ROTATED: Mapping[str, Callable[[], None]] = {
    "database-password": _rotate_database_password,
    "signing-keys": _rotate_signing_keys,
}
"""What can be replaced while the service runs."""


@contextmanager
def _administration() -> Generator[Connection]:
    """A transaction of the user who may change the schema; one at a time."""
    settings = get_settings()
    engine = connect_to(
        settings,
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        options="-c lock_timeout=60s",
        secret_arn=settings.database_admin_secret_arn,
    )
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            yield connection
    finally:
        engine.dispose()


def _kept_login() -> StoredSecret | None:
    """The secret with the application's login, where it is ours to keep."""
    settings = get_settings()
    if settings.database_url is not None or None in (settings.database_admin_secret_arn, settings.database_secret_arn):
        return None
    return StoredSecret(settings.database_secret_arn or "")


def _role_by_token() -> str | None:
    """The role that logs in without a secret, where it is ours to make."""
    settings = get_settings()
    if settings.database_url is not None or settings.database_admin_secret_arn is None:
        return None
    return settings.database_user


def _kept_keys() -> StoredSecret | None:
    arn = get_settings().signing_keys_secret_arn
    return None if arn is None else StoredSecret(arn)


def upgrade_on(connection: Connection, *, revision: str = "head") -> Upgraded:
    """Upgrade on a connection whose transaction is the caller's. A schema that is ahead of this code stays as it is."""
    config = configured(connection)
    before = _current(connection)
    if before is not None and before > head_revision():
        # A deployment was taken back. The schema was made so that the code before it can live with it.
        logger.warning("the schema is ahead of this code", extra={"schema": before, "code": head_revision()})
        return Upgraded(before, ())
    reached = [before]

    def note(step: Any, **_: object) -> None:
        reached.append(step.up_revision_id)

    config.attributes["on_version_apply"] = [note]
    try:
        command.upgrade(config, revision)
    except SQLAlchemyError as error:
        raise MigrationFailedError(f"Revision {_after(config, reached[-1])} failed: {_cause(error)}.") from error
    after = _current(connection)
    if after is None or after == before:
        return Upgraded(after, ())
    passed = ScriptDirectory.from_config(config).iterate_revisions(after, before or "base")
    return Upgraded(after, tuple(reversed([script.revision for script in passed])))


def _after(config: Config, revision: str | None) -> str:
    """The revision that comes next."""
    later = ScriptDirectory.from_config(config).iterate_revisions("head", revision or "base")
    return [script.revision for script in later][-1]


def _cause(error: SQLAlchemyError) -> str:
    """What the server says, without the statement and without advice: nobody reads more in a deployment's log."""
    first = str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
    return first.removesuffix(".")


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
