"""The measured process of `sandbox`: the runner and the bare interpreter that it starts, by turns."""

import json
import os
import statistics
import subprocess
import time

_WARM_UP = 5
_ROUNDS = 60


def main() -> None:
    """Print the medians in milliseconds as JSON."""
    from sandbox_lambda import runner

    interpreter = json.loads(os.environ["INTERPRETER"])
    taken: dict[str, list[float]] = {"start": [], "ours": []}
    for _ in range(_WARM_UP + _ROUNDS):
        started = time.perf_counter()
        subprocess.run(interpreter, env={}, check=True)
        between = time.perf_counter()
        outcome = runner.run("pass", {})
        ended = time.perf_counter()
        if outcome.status != "succeeded":
            raise SystemExit(f"A measured script did not succeed: {outcome}")
        taken["start"].append((between - started) * 1000)
        taken["ours"].append((ended - between) * 1000)
    print(json.dumps({name: statistics.median(times[_WARM_UP:]) for name, times in taken.items()}))
