"""Processes like those of Lambda: a bare interpreter that sees the layer, the service and what the runtime brings.

The checkout's own environment would not do: its packages change what others import.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.packaging import dependencies_layer
from service.core.keys import KeyRing
from service.core.unimported import UNIMPORTED
from workbench.project import ROOT

_BROUGHT = ROOT / ".venv" / "emulator" / "lib"
"""Where boto3 is: the emulator's environment holds what the Lambda runtime brings."""


@dataclass(frozen=True)
class Runtime:
    """Starts processes. Everything that they import was compiled beforehand, for both sides alike."""

    paths: list[str]
    environment: Mapping[str, str]

    def run(self, program: str, **environment: str) -> str:
        """The standard output of a Python program in a fresh process."""
        prelude = f"import sys; sys.path[:0] = {self.paths[:-1]!r}; sys.path.append({self.paths[-1]!r})\n"
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", prelude + program],
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            text=True,
            timeout=300,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"A measured process ended with {done.returncode}; its complaint is above.")
        return done.stdout


@contextmanager
def runtime() -> Generator[Runtime]:
    """A runtime with the service as it is in the checkout now."""
    brought = next(_BROUGHT.glob("python*/site-packages"), None)
    if brought is None:
        raise SystemExit("The emulator's environment is missing: run `make setup`.")
    with tempfile.TemporaryDirectory(prefix="plinth-bench-") as folder:
        source = Path(folder)
        for package in ("service", "benchmarks", "sandbox_lambda"):
            shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
        _compile(source)
        yield Runtime(
            [str(source), str(_layer()), str(brought)],
            {
                "PATH": os.defpath,
                "HOME": folder,
                "AWS_LAMBDA_FUNCTION_NAME": "plinth-bench-api",
                "SIGNING_KEYS": KeyRing.generate().to_json(),
            },
        )


def _layer() -> Path:
    """The layer's packages for this machine, compiled once."""
    os.environ["PLINTH_PACKAGE_TARGET"] = "host"
    package = Path(dependencies_layer("service-dependencies", ROOT, "locks/service.txt", UNIMPORTED).path)
    layer = ROOT / ".plinth" / "bench" / package.name
    if not layer.exists():
        shutil.rmtree(layer.parent, ignore_errors=True)
        layer.parent.mkdir(parents=True)
        new = Path(tempfile.mkdtemp(prefix=".new-", dir=layer.parent))
        shutil.copytree(package, new, dirs_exist_ok=True)
        _compile(new)
        new.rename(layer)
    return layer / "python"


def _compile(folder: Path) -> None:
    # Some packages hold templates and tests that are no Python at all.
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(folder)], stdout=subprocess.DEVNULL, check=False)
