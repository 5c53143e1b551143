"""Upgrades the schema with Alembic, configured in code: no alembic.ini, nothing to be found beside the package."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from service.core.database import CONNECT_TIMEOUT_SECONDS, connect_to
from service.core.settings import get_settings

_ONE_AT_A_TIME = 7052026


@dataclass(frozen=True)
class Upgraded:
    """Where the schema is now and which revisions that took, oldest first."""

    revision: str | None
    applied: tuple[str, ...]


def configured(connection: Connection) -> Config:
    """Alembic's configuration for this package's revisions on that connection."""
    config = Config()
    # A percent sign would start an interpolation.
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(*, revision: str = "head") -> Upgraded:
    """Upgrade the database that the settings name, in one transaction; a second upgrade at once waits for it."""
    engine = connect_to(get_settings(), connect_timeout=CONNECT_TIMEOUT_SECONDS, options="-c lock_timeout=60s")
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
            return upgrade_on(connection, revision=revision)
    finally:
        engine.dispose()


def upgrade_on(connection: Connection, *, revision: str = "head") -> Upgraded:
    """Upgrade on a connection whose transaction is the caller's."""
    config = configured(connection)
    before = _current(connection)
    command.upgrade(config, revision)
    after = _current(connection)
    if after is None or after == before:
        return Upgraded(after, ())
    passed = ScriptDirectory.from_config(config).iterate_revisions(after, before or "base")
    return Upgraded(after, tuple(reversed([script.revision for script in passed])))


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
