"""Pulumi's own engine, where its CLI is installed: on a state in a folder, with providers that make nothing."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import rpc

from tests.support.checkout import copy_of_checkout
from workbench.manifest import Archive
from workbench.project import ROOT

needs_engine = pytest.mark.skipif(
    shutil.which("pulumi") is None,
    reason="The Pulumi CLI is not installed: put `pulumi` and its language hosts on PATH to try the real engine.",
)

_PACKAGES_OF = """
import json, sys
from workbench.evaluate import evaluate_stack
from workbench.manifest import Archive, rewritten
from workbench.placeholders import Placeholders

found = []
for resource in evaluate_stack(sys.argv[1], Placeholders("eu-central-1", "111111111111")).resources:
    rewritten(resource.inputs, lambda leaf: found.append(str(leaf.path)) if isinstance(leaf, Archive) else leaf)
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Pulumi:
    """The `pulumi` command with a home, a state and providers of its own."""

    folder: Path
    checkout: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.checkout),
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "a passphrase of the test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            # Nothing is built: the folders that packages would be staged in are there, and nearly empty.
            "PLINTH_PACKAGES": "describe",
        }

    def __call__(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            capture_output=True,
            text=True,
            timeout=240,
            env=self.environment,
            cwd=cwd or self.checkout,
        )

    def done(self, *arguments: str, cwd: Path | None = None) -> str:
        """What the command prints. It must succeed."""
        result = self(*arguments, cwd=cwd)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def python(self, *arguments: str) -> str:
        """What a Python process in the checkout prints."""
        result = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            timeout=120,
            env=self.environment,
            cwd=self.checkout,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def stage(self, stack: str) -> None:
        """Makes the folders of the stack's packages."""
        for path in json.loads(self.python("-c", _PACKAGES_OF, stack)):
            Path(path).mkdir(parents=True, exist_ok=True)
            (Path(path) / "README").write_text("In a deployment a package is here.\n")


def installed(folder: Path) -> Pulumi:
    """The command in a folder of its own, on a copy of the checkout that shares nothing that is built."""
    checkout = folder / "checkout"
    checkout.mkdir()
    copy_of_checkout(checkout)
    shutil.rmtree(checkout / ".plinth")
    (checkout / ".plinth").mkdir()
    # What `pulumi package add` would make from components/requirements.txt.
    environment_like_ours(checkout / ".plinth" / "components-venv")
    for name in ("bin", "home", "state"):
        (folder / name).mkdir()
    for package in ("aws", "awsx"):
        provider = folder / "bin" / f"pulumi-resource-{package}"
        provider.write_text(
            f"#!/bin/sh\ncd {ROOT}\nPYTHONPATH={ROOT} exec {sys.executable} -m tests.support.passthrough {package} $1\n"
        )
        provider.chmod(0o755)
    return Pulumi(folder, checkout)


def environment_like_ours(folder: Path) -> Path:
    """The packages' folder of a new virtual environment that imports what this one does, and has no installer."""
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return packages


def as_manifest(value: Any) -> Any:
    """A value of the engine's state as `plinth manifest` shows it."""
    match value:
        case dict() if (signature := value.get(rpc._special_sig_key)) is not None:
            if signature == rpc._special_secret_sig:
                return "[secret]"
            assert signature == rpc._special_archive_sig, value
            return {"archive": Archive(Path(value["path"])).digest()}
        case dict():
            return {key: as_manifest(each) for key, each in value.items()}
        case list():
            return [as_manifest(each) for each in value]
        case _:
            return value


def agrees(engine: Any, manifest: Any) -> bool:
    """Whether a preview's value is the manifest's, as far as it is known."""
    if engine == rpc.UNKNOWN:
        return True
    match engine, manifest:
        case dict(), dict():
            return engine.keys() == manifest.keys() and all(agrees(engine[key], manifest[key]) for key in engine)
        case list(), list():
            return len(engine) == len(manifest) and all(map(agrees, engine, manifest))
        case _:
            return engine == manifest


def of_the_program(resources: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The resources by URN, without the stack, its providers, and what only awsx knows of."""
    return {
        each["urn"]: each
        for each in resources
        if not each["type"].startswith("pulumi:") and "$awsx:ec2:Vpc$" not in each["urn"]
    }
