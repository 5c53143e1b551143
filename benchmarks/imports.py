"""What it costs to import the API function: its cold start, but for the network."""

import statistics

from benchmarks.figures import Figure
from benchmarks.runtime import Runtime

OURS = "import service.lambda_handlers.api"
BASELINE = "import fastapi, mangum, psycopg, slowapi, sqlalchemy, sqlalchemy.orm"
LIMIT = 1.3

_ROUNDS = 15


def measure(runtime: Runtime) -> list[Figure]:
    """Medians of fresh processes that take turns."""
    times: dict[str, list[float]] = {BASELINE: [], OURS: []}
    for _ in range(_ROUNDS):
        for statement, taken in times.items():
            taken.append(_import_ms(runtime, statement))
    baseline, ours = (statistics.median(taken) for taken in times.values())
    return [Figure(name="Import of the API function", baseline_ms=baseline, ours_ms=ours, limit=LIMIT)]


def _import_ms(runtime: Runtime, statement: str) -> float:
    program = f"import time; started = time.perf_counter()\n{statement}\nprint((time.perf_counter() - started) * 1000)"
    # The store's client is imported by the first request, and only where there is a store.
    return float(runtime.run(program, RATE_LIMIT_STORAGE_URI="valkey://127.0.0.1:6379").splitlines()[-1])
