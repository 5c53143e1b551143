"""What a large stack costs to evaluate: a resource of 1,000 beside a resource of 250."""

import subprocess
import sys

from benchmarks.figures import Figure
from benchmarks.runtime import Runtime
from workbench.project import ROOT

SIZES = (250, 500, 1000)
LIMIT = 1.5
"""Were each resource looked up among all others, one of 1,000 would take four times as long as one of 250."""

_ROUNDS = 5


def measure(_runtime: Runtime) -> list[Figure]:
    """The best of fresh processes that take turns: whatever else the machine does only ever adds to a time."""
    best = {size: float("inf") for size in SIZES}
    for _ in range(_ROUNDS):
        for size in SIZES:
            best[size] = min(best[size], _resource_ms(size))
    smallest, largest = min(SIZES), max(SIZES)
    return [
        Figure(
            name=f"Evaluation of one resource of {size:,}, beside one of {smallest}",
            baseline_ms=best[smallest],
            ours_ms=best[size],
            limit=LIMIT if size == largest else None,
        )
        for size in SIZES[1:]
    ]


def _resource_ms(size: int) -> float:
    command = [sys.executable, "-m", "benchmarks.generated", str(size)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=300, check=False)
    if done.returncode:
        raise SystemExit(f"A measured process ended with {done.returncode}; its complaint is above.")
    return float(done.stdout)
