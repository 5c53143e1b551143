"""Folders for servers that tests start: whatever a killed test run left in one is ended and removed by the next."""

import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil

from workbench.local import postgres
from workbench.local.processes import Processes
from workbench.project import ROOT

_PREFIX = "plinth-test-"


@contextmanager
def server_folder() -> Generator[Path]:
    """A folder whose recorded processes are ended and whose files are gone afterwards.

    Any account may pass through it: run by root, PostgreSQL becomes another one.
    """
    _remove_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=_home()))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        _remove(folder)


def _home() -> Path:
    """Where the folders lie: what is temporary is open to scripts, unless they have a uid of their own."""
    if os.geteuid() == 0:
        return Path(tempfile.gettempdir())
    home = ROOT / ".plinth" / "tests"
    home.mkdir(parents=True, exist_ok=True)
    return home


def _remove_leftovers() -> None:
    for folder in _home().glob(f"{_PREFIX}*"):
        pid = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdigit() and not psutil.pid_exists(int(pid)):
            _remove(folder)


def _remove(folder: Path) -> None:
    for record in folder.rglob("processes.json"):
        processes = Processes(record.parent)
        for name in processes.recorded():
            processes.stop(name, signal.SIGINT if name == "database" else signal.SIGTERM)
        with contextlib.suppress(OSError):
            postgres.wipe(record.parent)
    shutil.rmtree(folder, ignore_errors=True)
