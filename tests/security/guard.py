"""Runs attacks in a process of their own, and cleans up after it whatever it comes to.

A case that hangs, kills its runner or escapes from it is a report here, and nothing of it stays on the machine.
"""

import contextlib
import json
import os
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from sandbox_lambda import kernel, workspace
from sandbox_lambda.identity import interpreter
from tests.security import guarded
from tests.security.guarded import MARK

_PACKAGE = Path(guarded.__file__).parents[2] / "sandbox_lambda"

# systemd's list of uid ranges has these unused; the runner's own begin lower: https://systemd.io/UIDS-GIDS/
_USERS = range(61120, 61180, 2)

_START_SECONDS = 20.0
_SWEEP_SECONDS = 10.0


@dataclass(frozen=True)
class Mode:
    """Which protections the runner has."""

    name: str
    own_user: bool
    confined: bool
    runner: str = "hardened"


OWN_CONFINED = Mode("own-user-confined", own_user=True, confined=True)
OWN = Mode("own-user", own_user=True, confined=False)
SHARED_CONFINED = Mode("shared-user-confined", own_user=False, confined=True)
SHARED = Mode("shared-user", own_user=False, confined=False)
NAIVE = Mode("naive", own_user=False, confined=False, runner="naive")


@dataclass(frozen=True)
class Report:
    """What one case came to."""

    outcome: dict[str, Any] | None = None
    then: dict[str, Any] | None = None
    innocent: dict[str, Any] | None = None
    error: str | None = None
    """What the runner raised."""

    changed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    contacts: tuple[str, ...] = ()
    stolen: tuple[str, ...] = ()
    died: str | None = None
    """How the runner's process ended, where it did."""


class Guard:
    """One process with a runner in it, under a uid of its own where this one is root."""

    protections: frozenset[str]
    """What is in force, in the words of `Weakness.unless`."""

    reported: Mapping[str, Any]
    """What the runner says of it."""

    def __init__(self, mode: Mode, broken: str | None = None) -> None:
        self.mode = mode
        self._left: list[str] | None = None
        self._cleaning = contextlib.ExitStack()
        try:
            self._start(mode, broken)
            hello = self._reply(_START_SECONDS)
            if isinstance(hello, str):
                raise RuntimeError(f"The guarded process did not start: {hello}")
        except BaseException:
            self.close()
            raise
        self.reported = hello["protections"] or {}
        self.protections = _in_force(self.reported)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def attack(
        self,
        code: str,
        limits: Mapping[str, Any],
        then: str | None = None,
        patience: float = 12.0,
        innocent: bool = True,
    ) -> Report:
        """Run a script, the one that looks for its traces, and an innocent one."""
        assert self._process.stdin is not None
        request = {"code": code, "limits": dict(limits), "then": then, "innocent": innocent}
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass
        reply = self._reply(patience)
        if isinstance(reply, str):
            self.close()
            return Report(died=reply)
        reply["contacts"], reply["stolen"] = tuple(reply["contacts"]), tuple(reply["stolen"])
        return Report(**reply)

    def close(self) -> None:
        """End everything that the guarded process started, and remove everything that it left. More than once is fine.

        RuntimeError where something could not be ended.
        """
        self._cleaning.close()

    def left(self) -> list[str]:
        """What is there now, or was still there after `close`."""
        if self._left is not None:
            return self._left
        running = [f"process {p.pid}" for p in kernel.processes() if p.user == self.user and not p.zombie]
        files = [path for path in guarded.Surroundings(self.user, ()).look()["leftovers"] if os.geteuid() == 0]
        return (running if os.geteuid() == 0 else []) + files

    def _note_what_is_left(self) -> None:
        self._left = self.left()

    def _start(self, mode: Mode, broken: str | None) -> None:
        as_root = os.geteuid() == 0
        self.user, neighbour_user = self._cleaning.enter_context(_leased_users())
        # The last thing that happens under the lease: then the uid may be another guard's.
        self._cleaning.callback(self._note_what_is_left)
        self._cleaning.callback(self._remove_files)
        self._folders = _Folders(self.user, neighbour_user, mode.own_user)
        settings = {
            "parent": os.getpid(),
            "folder": str(self._folders.bait),
            "neighbour": str(self._folders.neighbour),
            "user": self.user,
            "own_user": self.user if mode.own_user else None,
            "confined": mode.confined,
            "runner": mode.runner,
            "broken": broken,
        }
        if as_root:
            self._end_all()  # Of a test process that was killed.
        demoted = as_root and not mode.own_user
        self._errors = self._cleaning.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
        self._process = subprocess.Popen(
            [interpreter().path, "-B", str(self._folders.package / "guarded.py"), json.dumps(settings)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=self._folders.package,
            env={
                "LD_LIBRARY_PATH": interpreter().library_path,
                "HOME": str(self._folders.bait),
                "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                "AWS_LAMBDA_FUNCTION_NAME": "plinth-run-0",
                "AWS_SECRET_ACCESS_KEY": MARK + secrets.token_hex(16),
            },
            start_new_session=True,
            user=self.user if demoted else None,
            group=self.user if demoted else None,
            extra_groups=[] if demoted else None,
        )
        self._cleaning.callback(self._end)
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def _reply(self, seconds: float) -> dict[str, Any] | str:
        """The next line, or in words why there is none."""
        assert self._process.stdout is not None
        deadline = time.monotonic() + seconds
        line = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not line.endswith(b"\n"):
                left = deadline - time.monotonic()
                if left <= 0:
                    return f"silent for {seconds} s"
                if selector.select(left):
                    chunk = os.read(self._process.stdout.fileno(), 65_536)
                    if not chunk:
                        return f"ended with {self._process.wait()}: {self._said()}"
                    line += chunk
        return json.loads(line)

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read()[-2000:].decode(errors="replace")

    def _end(self) -> None:
        """Kill until nothing is left: the process, what it started, and as root whatever has the uid."""
        # Its runner is who orphans come to: while it lives, all of them are among its descendants.
        descendants = _descendants(self._process.pid)
        self._process.kill()
        self._process.wait()
        for pid in descendants:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(BrokenPipeError):
                assert pipe is not None
                pipe.close()
        if os.geteuid() == 0:
            self._end_all()

    def _end_all(self) -> None:
        # By one call of the kernel, which no fork slips through: a pass over the process table misses whoever forks and
        # ends meanwhile. Its sender is spared.
        everything = "import os, signal; os.kill(-1, signal.SIGKILL)"
        subprocess.run(
            [interpreter().path, "-I", "-S", "-c", everything],
            env={"LD_LIBRARY_PATH": interpreter().library_path},
            cwd="/",
            user=self.user,
            group=self.user,
            extra_groups=[],
            timeout=_SWEEP_SECONDS,
            stderr=subprocess.DEVNULL,  # There may have been nobody left.
            check=False,
        )
        deadline = time.monotonic() + _SWEEP_SECONDS
        while strays := [p for p in kernel.processes() if p.user == self.user and not p.zombie]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"These could not be ended: {strays}")
            time.sleep(0.01)

    def _remove_files(self) -> None:
        if hasattr(self, "_folders"):
            self._folders.remove()
        if os.geteuid() == 0:
            workspace.wipe_leftovers(self.user)
            for shared in guarded.SHARED_FOLDERS:
                with contextlib.suppress(FileNotFoundError), os.scandir(shared) as entries:
                    for entry in [e for e in entries if guarded.owner(e) == self.user]:
                        if entry.is_dir(follow_symlinks=False):
                            workspace.wipe(Path(entry.path))
                        else:
                            Path(entry.path).unlink()


class _Folders:
    """The runner's package, the bait and a neighbour's run, each with the owner and in the place that it would have."""

    def __init__(self, user: int, neighbour_user: int, own_user: bool) -> None:
        as_root = os.geteuid() == 0
        # Like the code of a function: all may read, nobody may write.
        self.package = Path(tempfile.mkdtemp(prefix="plinth-test-", dir="/tmp"))
        shutil.copytree(_PACKAGE, self.package / "sandbox_lambda", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copyfile(guarded.__file__, self.package / "guarded.py")
        # Not where everybody may write: only what is elsewhere can be kept from a run that shares the runner's uid.
        self.bait = Path(tempfile.mkdtemp(prefix="plinth-test-", dir="/run" if as_root else Path.home()))
        # A run's folder lies in /tmp.
        self._beside = Path(tempfile.mkdtemp(prefix="plinth-test-", dir="/tmp"))
        self.neighbour = self._beside / "run"
        for folder in (self.bait / ".aws", self.neighbour):
            folder.mkdir()
        for secret in (self.bait / "secret", self.bait / ".aws" / "credentials", self.neighbour / "secret"):
            secret.write_text(MARK + secrets.token_hex(16))
            secret.chmod(0o600)
        self.neighbour.chmod(0o700)
        if as_root:
            runner = 0 if own_user else user
            for path in (self.bait, *self.bait.rglob("*"), self._beside):
                os.chown(path, runner, runner)
            for path in (self.neighbour, *self.neighbour.rglob("*")):
                os.chown(path, neighbour_user if own_user else user, neighbour_user if own_user else user)
        self.package.chmod(0o755)
        self._beside.chmod(0o755)

    def remove(self) -> None:
        for folder in (self.package, self.bait, self._beside):
            if folder.exists():
                workspace.wipe(folder)


@contextlib.contextmanager
def _leased_users() -> Generator[tuple[int, int]]:
    """Two uids that nobody else on this machine has meanwhile; this process's own, twice, where it is not root."""
    if os.geteuid() != 0:
        yield os.geteuid(), os.geteuid()
        return
    # One whose dead nobody has fetched yet counts them among its processes, and may start no others.
    busy = {process.user for process in kernel.processes() if process.zombie}
    for user in (user for user in _USERS if user not in busy):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as lease:
            try:
                lease.bind(f"\0plinth-test-user-{user}")
            except OSError:
                continue
            yield user, user + 1
            return
    raise RuntimeError("All uids for tests are in use on this machine.")


def _descendants(pid: int) -> list[int]:
    parents = {process.pid: process.parent for process in kernel.processes()}
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found[1:]


def _in_force(reported: Mapping[str, Any]) -> frozenset[str]:
    version = reported.get("landlock", 0)
    return frozenset(
        name
        for name, holds in {
            "own_user": reported.get("own_user"),
            "seccomp": reported.get("seccomp"),
            "landlock": version >= 1,
            "landlock_tcp": version >= 4,
            "landlock_scope": version >= 6,
        }.items()
        if holds
    )
