"""A real PostgreSQL for tests: a server of its own in a folder of its own."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.support.folders import server_folder
from workbench.local import postgres
from workbench.local.processes import LOOPBACK, Processes


@dataclass(frozen=True)
class Postgres:
    """A running server."""

    directory: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        """The database as a SQLAlchemy URL."""
        return (
            f"postgresql+psycopg://{postgres.ADMIN}:{postgres.password(self.directory)}"
            f"@{LOOPBACK}:{self.port}/{database}?sslmode=disable"
        )

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create a database as a copy of another that nobody is connected to; its URL."""
        with psycopg.connect(postgres.url(self.directory, self.port), autocommit=True) as connection:
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            connection.execute(statement)
        return self.url(name)


@contextmanager
def running_postgres() -> Generator[Postgres]:
    """Start a server; stop it and remove its files at the end."""
    with server_folder() as folder:
        running, _started = Processes(folder).ensure(postgres.command(folder))
        yield Postgres(folder, running.port)
