"""What a comparison of two revisions costs beside the evaluation of one stack, which it does two or four times."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure
from benchmarks.runtime import Runtime
from workbench.project import ROOT

LIMIT_ONE = 2.6
"""Both sides are evaluated at once on two cores, which is a little more than one; the rest is a checkout (a quarter of
one), the command's own imports, the comparison and the report."""

LIMIT_ALL = 3.6
"""The same, and a second stack on each side, which finds the SDK imported but its types not."""

_ROUNDS = 5
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", ".plinth", ".hypothesis", "__pycache__", ".*_cache")


def measure(_runtime: Runtime) -> list[Figure]:
    """The best of commands that take turns, over a copy of the checkout in which one line differs."""
    with tempfile.TemporaryDirectory(prefix="plinth-bench-") as folder:
        checkout = _changed_copy(Path(folder) / "checkout")
        commands = {
            "manifest": ["manifest", "dev", "--json"],
            "one": ["diff", "--base", "HEAD", "--stack", "dev"],
            "all": ["diff", "--base", "HEAD"],
        }
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(_ROUNDS):
            for name, command in commands.items():
                best[name] = min(best[name], _milliseconds(checkout, command))
    return [
        Figure(
            name="plinth diff --stack dev for a line changed, beside plinth manifest dev",
            baseline_ms=best["manifest"],
            ours_ms=best["one"],
            limit=LIMIT_ONE,
        ),
        Figure(
            name="plinth diff of both stacks for a line changed, beside plinth manifest dev",
            baseline_ms=best["manifest"],
            ours_ms=best["all"],
            limit=LIMIT_ALL,
        ),
    ]


def _changed_copy(checkout: Path) -> Path:
    shutil.copytree(ROOT, checkout, ignore=_LEFT_OUT)
    git = ["git", "-C", str(checkout), "-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "The base"]):
        subprocess.run([*git, *arguments], check=True, timeout=60)
    table = checkout / "service" / "core" / "limits_table.py"
    text = table.read_text()
    changed = text.replace("burst=", "burst=1+", 1)
    if changed == text:
        raise SystemExit(f"{table.name} has no burst to change.")
    table.write_text(changed)
    return checkout


def _milliseconds(checkout: Path, command: list[str]) -> float:
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "workbench", *command],
        cwd=checkout,
        env={**os.environ, "PLINTH_STATE_DIR": str(checkout / ".plinth")},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"plinth {command[0]} ended with {done.returncode}: {done.stderr}")
    return (time.perf_counter() - began) * 1000
