"""The process in which attacks are run: the runner, bait around it, and a look at whatever must stay as it was.

Started by `tests.security.guard` from a copy of `sandbox_lambda`; it imports only that and the standard library.
"""

import contextlib
import ctypes
import hashlib
import itertools
import json
import os
import resource
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4

MARK = "PLINTH-CANARY-"
SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", "/run/lock", "/run/shm", "/run/user")

# For all that a broken runner lets through. What a run inherits of these it cannot raise.
_OUTER_LIMITS = {
    resource.RLIMIT_AS: 3 << 30,
    resource.RLIMIT_CPU: 240,
    resource.RLIMIT_FSIZE: 64 << 20,
    resource.RLIMIT_NOFILE: 512,
    resource.RLIMIT_NPROC: 256,
    resource.RLIMIT_CORE: 0,
}

INNOCENT = """\
import json, os, sys, threading
said, before = [], os.listdir(".")
thread = threading.Thread(target=said.append, args=("thread",))
thread.start()
thread.join()
with open("note", "w") as file:
    file.write(json.dumps(event["number"]))
if os.fork() == 0:
    os._exit(7)
left, right = os.pipe()
os.write(right, b"pipe")
print("fine", file=sys.stdout)
result = {
    "folder": before,
    "note": json.load(open("note")),
    "pipe": os.read(left, 9).decode(),
    "child": os.waitstatus_to_exitcode(os.wait()[1]),
    "said": said,
    "temporary": sorted(os.path.basename(path) for path in (os.environ["TMPDIR"],))[0] == os.path.basename(os.getcwd()),
}
"""


class Bait:
    """Secrets where an attack would look for them, and listeners that an attack would talk to."""

    def __init__(self, folder: Path, neighbour: Path) -> None:
        self._folder = folder
        self._neighbour = neighbour
        self._unique = secrets.randbelow(1 << 24) & ~0xFF
        self._secrets = {
            "environment": os.environ["AWS_SECRET_ACCESS_KEY"],
            "memory": MARK + secrets.token_hex(16),
            "file": (folder / "secret").read_text(),
            "home": (folder / ".aws" / "credentials").read_text(),
            "neighbour": (neighbour / "secret").read_text(),
        }
        self._listeners = {
            "tcp": _bound(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "runtime": _bound(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": _bound(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "path": _bound(socket.AF_UNIX, socket.SOCK_STREAM, str(folder / "socket")),
            "shared": _bound(socket.AF_UNIX, socket.SOCK_STREAM, str(neighbour.parent / "socket")),
            "abstract": _bound(socket.AF_UNIX, socket.SOCK_STREAM, f"\0plinth-{secrets.token_hex(8)}"),
        }
        if socket.has_ipv6:
            with contextlib.suppress(OSError):
                self._listeners["tcp6"] = _bound(socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0))
        (folder / "socket").chmod(0o777)
        (neighbour.parent / "socket").chmod(0o777)
        os.environ["AWS_LAMBDA_RUNTIME_API"] = self._address("runtime")

    @property
    def event(self) -> dict[str, Any]:
        """What a script is told, so that it need not guess."""
        addresses = {name: self._address(name) for name in self._listeners}
        return {
            "mark": MARK,
            "folder": str(self._folder),
            "neighbour": str(self._neighbour),
            "package": str(Path(__file__).parent),
            "number": 42,
            # Others use the machine at the same time.
            "left": f"plinth-left-{self._unique:08x}",
            "key": 0x70000000 | self._unique,
            **addresses,
        }

    def stolen(self, text: str) -> list[str]:
        return [name for name, secret in self._secrets.items() if secret in text]

    def contacts(self) -> list[str]:
        """The listeners that somebody has talked to since the last look."""
        return [name for name, listener in self._listeners.items() if _called(listener)]

    def _address(self, name: str) -> str:
        address: Any = self._listeners[name].getsockname()
        if isinstance(address, tuple):
            return f"{address[0]}:{address[1]}"
        return address.decode() if isinstance(address, bytes) else address


def _bound(family: int, kind: int, address: Any) -> socket.socket:
    listener = socket.socket(family, kind)
    listener.bind(address)
    listener.setblocking(False)
    if kind == socket.SOCK_STREAM:
        listener.listen(64)
    return listener


def _called(listener: socket.socket) -> bool:
    called = False
    with contextlib.suppress(BlockingIOError):
        while True:
            if listener.type == socket.SOCK_STREAM:
                listener.accept()[0].close()
            else:
                listener.recv(1)
            called = True
    return called


@dataclass(frozen=True)
class Surroundings:
    """What no run may change."""

    user: int
    """Of the runs, or of runner and runs where they share it."""

    files: tuple[Path, ...]

    def look(self) -> dict[str, Any]:
        return {
            "threads": len(os.listdir("/proc/self/task")),  # noqa: PTH208
            "descriptors": _descriptors(),
            "rlimits": [resource.getrlimit(kind) for kind in range(16)],
            "cwd": str(Path.cwd()),
            "priority": os.getpriority(os.PRIO_PROCESS, 0),
            "schedule": [os.sched_getscheduler(0), sorted(os.sched_getaffinity(0))],
            "score": Path("/proc/self/oom_score_adj").read_text(),
            "name": Path("/proc/self/comm").read_text(),
            "files": [_description(path) for root in self.files for path in sorted((root, *root.rglob("*")))],
            "processes": self._processes(),
            "leftovers": self._leftovers(),
            "ipc": self._ipc(),
        }

    def _processes(self) -> list[str]:
        found: list[str] = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal() and int(folder.name) != os.getpid():
                with contextlib.suppress(OSError):
                    status = (folder / "status").read_text()
                    if int(status.partition("\nUid:\t")[2].split()[0]) == self.user:
                        found.append(status.splitlines()[0])
        return found

    def _leftovers(self) -> list[str]:
        found: list[str] = []
        for folder in SHARED_FOLDERS:
            with contextlib.suppress(OSError), os.scandir(folder) as entries:
                found += [entry.path for entry in entries if owner(entry) == self.user]
        return sorted(found)

    def _ipc(self) -> list[str]:
        found: list[str] = []
        for kind in ("shm", "sem", "msg"):
            with contextlib.suppress(OSError):
                titles, *rows = (line.split() for line in Path(f"/proc/sysvipc/{kind}").read_text().splitlines())
                owner = titles.index("uid")
                found += [f"{kind} {row[1]}" for row in rows if int(row[owner]) == self.user]
        return found


def owner(entry: os.DirEntry[str]) -> int | None:
    """None for what went away meanwhile: others use these folders, too."""
    try:
        return entry.stat(follow_symlinks=False).st_uid
    except OSError:
        return None


def _descriptors() -> list[int]:
    found: list[int] = []
    for descriptor in range(256):
        with contextlib.suppress(OSError):
            os.fstat(descriptor)
            found.append(descriptor)
    return found


def _description(path: Path) -> list[Any]:
    try:
        status = path.lstat()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    except OSError as error:
        return [str(path), type(error).__name__]
    return [str(path), status.st_mode, status.st_uid, status.st_nlink, status.st_size, status.st_mtime_ns, content]


Runs = Callable[[str, Mapping[str, Any], Mapping[str, Any]], dict[str, Any]]


def hardened(own_user: int | None, confined: bool) -> Runs:
    """The runner itself, its runs under one known uid and confined as told."""
    from sandbox_lambda import confinement, identity, runner

    if own_user is not None:
        setattr(identity, "_FIRST_USER", own_user)  # noqa: B010
        setattr(identity, "_USERS", 1)  # noqa: B010
    confinement.ENABLED = confined

    def run(code: str, event: Mapping[str, Any], limits: Mapping[str, Any]) -> dict[str, Any]:
        return runner.run(code, dict(event), runner.Limits(**limits)).document()

    return run


_NAIVE = """\
import json, sys
script = {"__name__": "__main__", "event": json.loads(sys.argv[2])}
try:
    exec(sys.argv[1], script)
finally:
    with open(sys.argv[3], "w") as file:
        json.dump(script.get("result"), file)
"""


def naive(code: str, event: Mapping[str, Any], limits: Mapping[str, Any]) -> dict[str, Any]:
    """A runner as somebody would write it who knows no better: what an attack gets from it shows that it can bite."""
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    folder = Path(tempfile.mkdtemp(prefix="plinth-run-", dir="/tmp"))
    found = folder / "result"
    with (folder / "streams").open("w+") as streams:
        child = subprocess.Popen(
            [sys.executable, "-c", _NAIVE, code, json.dumps(event), str(found)],
            cwd=folder,
            stdout=streams,
            stderr=streams,
            env={**os.environ, "TMPDIR": str(folder)},
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(limits.get("wall_seconds", 4))
        child.kill()
        status = child.wait()
    result = json.loads(found.read_text() or "null") if found.is_file() else None
    return {"status": "succeeded" if status == 0 else "failed", "result": result}


def broken(how: str) -> None:
    """Take one of the runner's protections away: the suite must notice."""
    from sandbox_lambda import containment, runner, workspace

    def nothing(*_: object) -> None: ...

    child: Any = getattr(runner, "_Child")  # noqa: B009
    contained: Any = containment.Containment
    if how == "no-kill":
        child._kill = nothing
        child._reap = lambda _: (0, resource.getrusage(resource.RUSAGE_CHILDREN))
        contained.sweep = nothing
    elif how == "no-sweep":
        contained.sweep = nothing
    elif how == "no-wipe":
        workspace.wipe = workspace.wipe_leftovers = nothing
    elif how == "no-deadline":
        setattr(runner, "time", _StoppedClock())  # noqa: B010
    elif how == "environment-kept":
        start = subprocess.Popen
        runner.subprocess.Popen = cast("Any", lambda *a, env, **k: start(*a, env={**os.environ, **env}, **k))
    elif how == "open-to-inspection":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
    elif how == "verdict-by-output":
        child._verdict = lambda self, *_: ("failed" if self._stderr.content else "succeeded", None)
    elif how == "raises":
        child.watch = _raise
    elif how == "ends":
        child.watch = lambda *_: os._exit(70)
    else:
        raise ValueError(f"The runner cannot be broken in the way {how!r}.")


def _raise(*_: object) -> None:
    raise RuntimeError("broken")


class _StoppedClock:
    """The time module, were it always the same time."""

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None: ...


def main(settings: Mapping[str, Any]) -> None:
    """Answer requests, one JSON line each, until there are no more."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _tie_down(settings["parent"])
    folder, neighbour = Path(settings["folder"]), Path(settings["neighbour"])
    bait = Bait(folder, neighbour)
    surroundings = Surroundings(settings["user"], (folder, neighbour, Path(__file__).parent))
    kept_in_memory = list(bait._secrets.values())
    run = naive if settings["runner"] == "naive" else hardened(settings["own_user"], settings["confined"])
    first = run(INNOCENT, bait.event, {})
    if settings["broken"]:
        broken(settings["broken"])

    for line in itertools.chain(["null"], iter(sys.stdin.readline, "")):
        request = json.loads(line)
        reply = {"protections": first.get("protections")} if request is None else {}
        if request is not None:
            before = surroundings.look()
            reply = _attack(run, bait, request)
            after = surroundings.look()
            reply["changed"] = {name: [before[name], after[name]] for name in before if before[name] != after[name]}
            reply["contacts"] = bait.contacts()
            reply["stolen"] = bait.stolen(json.dumps(reply, ensure_ascii=False))
        replies.write(json.dumps(reply) + "\n")
        replies.flush()
    del kept_in_memory


def _tie_down(parent: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("The guard is gone.")
    for kind, most in _OUTER_LIMITS.items():
        _, hard = resource.getrlimit(kind)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (most, most))


def _attack(run: Runs, bait: Bait, request: Mapping[str, Any]) -> dict[str, Any]:
    reply: dict[str, Any] = {"outcome": None, "then": None, "innocent": None, "error": None}
    try:
        reply["outcome"] = run(request["code"], bait.event, request["limits"])
        if request["then"]:
            reply["then"] = run(request["then"], bait.event, {})
        if request["innocent"]:
            reply["innocent"] = run(INNOCENT, bait.event, {})
    except Exception as error:
        reply["error"] = f"{type(error).__name__}: {error}"
    return reply


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
