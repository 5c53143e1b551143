"""What a request costs: an authenticated read of an item, against the same read in a bare handler."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.runtime import Runtime
from tests.support.folders import server_folder
from workbench.local import postgres, servers
from workbench.local.processes import LOOPBACK, Processes

LIMIT = 2.0

_PROGRAM = "from benchmarks.reading import main; main()"


def measure(runtime: Runtime) -> list[Figure]:
    """Median and 95th percentile of calls that take turns, in one process, over a real database and store of counts."""
    with _servers() as (database, store):
        answer = runtime.run(_PROGRAM, DATABASE_URL=database, RATE_LIMIT_STORAGE_URI=store)
    measured = json.loads(answer.splitlines()[-1])
    return [
        Figure(
            name=f"Authenticated read of an item, {words}",
            baseline_ms=measured["bare"][name],
            ours_ms=measured["service"][name],
            limit=LIMIT if name == "median" else None,
        )
        for name, words in (("median", "median"), ("p95", "95th percentile"))
    ]


@contextmanager
def _servers() -> Generator[tuple[str, str]]:
    """A PostgreSQL and a Valkey of this run's own: their addresses."""
    with server_folder() as folder:
        processes = Processes(folder)
        database, _ = processes.ensure(postgres.command(folder))
        store, _ = processes.ensure(servers.cache())
        yield _sqlalchemy_url(folder, database.port), f"valkey://{LOOPBACK}:{store.port}"


def _sqlalchemy_url(folder: Path, port: int) -> str:
    return postgres.url(folder, port).replace("postgresql://", "postgresql+psycopg://", 1)
