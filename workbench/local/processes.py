"""The processes behind a stack: started each in a session of its own, recorded, found again, and ended for certain."""

import contextlib
import json
import os
import pwd
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

from workbench.errors import UserError
from workbench.local.files import write_atomically

LOOPBACK = "127.0.0.1"

_record_lock = threading.Lock()


@dataclass(frozen=True)
class Running:
    """A started process. Pid and creation time together name one process, even after the pid was used again."""

    pid: int
    created: float
    port: int

    def alive(self) -> bool:
        """Whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.created and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False


@dataclass(frozen=True)
class Command:
    """How one of the processes is started, and how one knows that it serves."""

    name: str
    arguments: Callable[[int], Sequence[str]]
    """The command line for a port."""
    ready: Callable[[int], bool]
    """Whether the server on that port answers. May raise OSError while it does not."""
    environment: Mapping[str, str]
    directory: Path
    prepare: Callable[[], None] = lambda: None
    """What must be done before it starts, and must not be while it runs."""
    user: str | None = None
    """The account it runs as, where that is not this one."""
    port_variable: str | None = None
    """The environment variable it takes its port from, where the command line does not tell it."""
    stop_signal: signal.Signals = signal.SIGTERM
    seconds_to_start: float = 30


class Processes:
    """The recorded processes of one stack, in `folder`/processes.json, with their logs beside it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "processes.json"
        self._logs = folder / "logs"

    def log_of(self, name: str) -> Path:
        """Where a process writes its log."""
        return self._logs / f"{name}.log"

    def recorded(self) -> dict[str, Running]:
        """Every process that was started and not ended since, dead or alive. A spoilt record counts as none."""
        try:
            document = json.loads(self._file.read_text())
            return {name: Running(**entry) for name, entry in document.items()}
        except (FileNotFoundError, ValueError, TypeError, AttributeError):
            return {}

    def alive(self, name: str) -> Running | None:
        """The process of that name, where it runs."""
        running = self.recorded().get(name)
        return running if running and running.alive() else None

    def ensure(self, command: Command, port: int | None = None) -> tuple[Running, bool]:
        """Makes sure that the process runs and answers; tells also whether it had to be started.

        A process that died is started again on its old port, so that what knows its address still finds it.
        """
        recorded = self.recorded().get(command.name)
        if recorded and recorded.alive() and port in (None, recorded.port) and _answers(command, recorded.port):
            return recorded, False
        if recorded:
            self.stop(command.name, command.stop_signal)
            port = port or (recorded.port if port_is_free(recorded.port) else None)
        return self._start(command, port or free_port()), True

    def stop(self, name: str, stop_signal: signal.Signals = signal.SIGTERM) -> None:
        """Ends a process and all of its session; does nothing where none is left."""
        running = self.recorded().get(name)
        if running is None:
            return
        if running.alive():
            with contextlib.suppress(ProcessLookupError):
                os.kill(running.pid, stop_signal)
            _wait_until(lambda: not running.alive(), seconds=8)
        _end_session(running)
        self._record(name, None)

    def _start(self, command: Command, port: int) -> Running:
        command.prepare()
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log_of(command.name).open("ab") as log:
            start = log.tell()
            process = subprocess.Popen(
                [*command.arguments(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={
                    "PATH": os.defpath,
                    **command.environment,
                    **({command.port_variable: str(port)} if command.port_variable else {}),
                },
                cwd=command.directory,
                start_new_session=True,
                **run_as(command.user),
            )
        running = Running(process.pid, psutil.Process(process.pid).create_time(), port)
        self._record(command.name, running)
        if not _wait_until(
            lambda: process.poll() is not None or _answers(command, port), seconds=command.seconds_to_start
        ):
            self.stop(command.name, command.stop_signal)
            raise UserError(
                f"The {command.name} did not answer within {command.seconds_to_start:g} s. Its log ends:\n"
                + last_lines(self.log_of(command.name), start)
            )
        if process.poll() is not None:
            self._record(command.name, None)
            raise UserError(
                f"The {command.name} ended with code {process.returncode} as it started. Its log ends:\n"
                + last_lines(self.log_of(command.name), start)
            )
        return running

    def _record(self, name: str, running: Running | None) -> None:
        with _record_lock:
            entries = {key: asdict(value) for key, value in self.recorded().items() if key != name}
            if running:
                entries[name] = asdict(running)
            write_atomically(self._file, json.dumps(entries, indent=2))


def run_as(user: str | None) -> dict[str, Any]:
    """What `subprocess` takes to run as another account, or as this one for None."""
    return {} if user is None else {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def free_port() -> int:
    """A loopback port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def last_lines(log: Path, start: int = 0, count: int = 8) -> str:
    """The last lines of a log, from a position on, indented."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in lines[-count:]) or "    (nothing)"


def _answers(command: Command, port: int) -> bool:
    try:
        return command.ready(port)
    except OSError:
        return False


def _end_session(running: Running) -> None:
    """Kills what is left of a session. Its id stays taken while a member lives, so members found are ours."""
    if psutil.pid_exists(running.pid) and not running.alive():
        with contextlib.suppress(psutil.NoSuchProcess):
            if psutil.Process(running.pid).create_time() != running.created:
                return
    members: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) == running.pid:
                process.kill()
                members.append(process)
    psutil.wait_procs(members, timeout=5)


def _wait_until(done: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.03)
    return True
