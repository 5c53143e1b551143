"""The processes of a stack, seen from the machine that they run on: instances of its functions, and scripts."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.local_stack import Plinth


@dataclass(frozen=True)
class Instances:
    """The instances of the dev stack's functions: the emulator's children, told apart by what they are started with."""

    plinth: Plinth

    def of(self, function: str) -> list[psutil.Process]:
        """Those of one function that live."""
        return [process for name, process in self._all() if name == function]

    def with_database(self, function: str) -> list[psutil.Process]:
        """Those of one function that hold a connection to the database: they have begun to work.

        One that dies while it starts makes the emulator end all others of its function, as no Lambda would.
        """
        port = self.plinth.processes()["database"]["port"]
        return [process for process in self.of(function) if port in _ports_reached(process)]

    def of_sandboxes(self, template: str) -> list[psutil.Process]:
        """Those of the template's clones, and every process that they started and that has them for a parent still."""
        clones = [process for name, process in self._all() if name.startswith(f"{template}-run-")]
        return [*clones, *(child for clone in clones for child in _children(clone))]

    def _all(self) -> Iterator[tuple[str, psutil.Process]]:
        for process in _children(psutil.Process(self.plinth.processes()["emulator"]["pid"])):
            with contextlib.suppress(psutil.Error):
                name = process.environ().get("AWS_LAMBDA_FUNCTION_NAME")
                if name and process.status() != psutil.STATUS_ZOMBIE:
                    yield name, process


def named(name: str) -> list[int]:
    """The processes on this machine that gave themselves this name, of at most 15 characters."""
    return [process.pid for process in psutil.process_iter() if _name(process.pid) == name]


def _name(pid: int) -> str | None:
    # psutil would make a name of 15 characters up from the command line.
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().removesuffix("\n")
    return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def _ports_reached(process: psutil.Process) -> set[int]:
    with contextlib.suppress(psutil.Error):
        return {connection.raddr.port for connection in process.net_connections("tcp") if connection.raddr}
    return set()
