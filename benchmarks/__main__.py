"""`python -m benchmarks [NAME…] [--json]`: measures, prints a table, and exits with 1 where a limit is missed."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console

from benchmarks import diffs, imports, reads, sandbox, scale
from benchmarks.figures import Figure, table
from benchmarks.runtime import Runtime, runtime

BENCHMARKS: Mapping[str, Callable[[Runtime], list[Figure]]] = {
    "imports": imports.measure,
    "reads": reads.measure,
    "sandbox": sandbox.measure,
    "scale": scale.measure,
    "diffs": diffs.measure,
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that are named, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the service costs.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.names) - set(BENCHMARKS)):
        parser.error(f"there is no benchmark {unknown[0]!r}: choose from {', '.join(BENCHMARKS)}")
    progress = Console(stderr=True)
    figures: list[Figure] = []
    with runtime() as made:
        for name, measure in BENCHMARKS.items():
            if not given.names or name in given.names:
                with progress.status(f"Measuring {name}"):
                    figures += measure(made)
    if given.json:
        print(json.dumps([figure.document() for figure in figures], indent=2))
    else:
        Console().print(table(figures))
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
