"""What the kernel takes from a script where it offers to, tried on the kernel itself."""

import errno
import os
import socket
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sandbox_lambda import confinement, identity, seccomp, syscalls
from sandbox_lambda.runner import Limits, probe, run

pytestmark = pytest.mark.timeout(60)

HERE = probe()

needs_seccomp = pytest.mark.skipif(
    not HERE.seccomp, reason="The kernel or the container here refuses filters of system calls (seccomp)."
)


def needs_landlock(abi: int) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        abi > HERE.landlock, reason=f"The kernel or the container here has no Landlock of version {abi}."
    )


def test_with_the_switch_off_nothing_is_in_force(unconfined: None) -> None:
    protections = run("", {}).protections

    assert (protections.seccomp, protections.landlock) == (False, 0)
    assert protections == probe()


@pytest.mark.parametrize("refused", ["seccomp", "landlock"])
def test_either_refused_leaves_the_other_in_force(refused: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = confinement.prepare

    def prepare(*arguments: Any) -> dict[str, Any]:
        prepared = original(*arguments)
        # A program without a last instruction, and a ruleset of unknown size.
        broken = {"seccomp": prepared["seccomp"][:8], "landlock": (6, b"\xff" * 64, ())}
        return {**prepared, refused: broken[refused]}

    monkeypatch.setattr(confinement, "prepare", prepare)
    outcome = run("print('hello')", {})

    assert (outcome.status, outcome.stdout) == ("succeeded", "hello\n")
    assert outcome.protections.seccomp == (HERE.seccomp and refused != "seccomp")
    assert outcome.protections.landlock == (0 if refused == "landlock" else HERE.landlock)


CALLS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
result = []
for name, number in event["calls"]:
    ctypes.set_errno(0)
    if libc.syscall(number, *[ctypes.c_long(argument) for argument in (0, 0, 0, 0, 0, 0)]) != -1:
        result.append([name, 0])
    elif ctypes.get_errno() != event["expected"]:
        result.append([name, ctypes.get_errno()])
"""


@needs_seccomp
def test_every_denied_call_fails_for_want_of_permission() -> None:
    machine: syscalls.Machine = "aarch64" if os.uname().machine == "aarch64" else "x86_64"
    calls = [(name, number) for name in seccomp.DENIED if (number := syscalls.number(name, machine)) is not None]

    outcome = run(CALLS, {"calls": [list(call) for call in calls], "expected": errno.EPERM})

    assert (outcome.status, outcome.result) == ("succeeded", [])
    assert len(calls) > 70


SOCKETS = """
import socket
result = []
kinds = (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW)
for family in range(46):
    for kind in kinds:
        try:
            socket.socket(family, kind)
            result.append([family, kind])
        except PermissionError:
            pass
for kind in kinds:
    try:
        socket.socketpair(socket.AF_UNIX, kind)
        print(kind.name)
    except OSError:
        pass
"""


@needs_seccomp
def test_no_socket_can_be_made_but_a_pair_of_streams() -> None:
    outcome = run(SOCKETS, {})

    assert (outcome.status, outcome.result, outcome.stdout) == ("succeeded", [], "SOCK_STREAM\n")


@needs_seccomp
@pytest.mark.parametrize(
    "script",
    [
        "import ctypes\nif ctypes.CDLL(None, use_errno=True).unshare(1 << 28): raise OSError(ctypes.get_errno(), '')",
        "import resource, os\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
        "import os\nos.sched_setaffinity(os.getppid(), {0})",
        "import os\nos.setpriority(os.PRIO_PROCESS, os.getppid(), 19)",
        "import socket\nleft, _ = socket.socketpair()\nleft.connect('\\0anyone')",
        "import socket\nleft, _ = socket.socketpair()\nleft.bind('name')",
    ],
    ids=["namespace", "limits", "affinity", "priority", "connect", "bind"],
)
def test_a_way_out_is_refused(script: str) -> None:
    outcome = run(script, {})

    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.stderr.splitlines()[-1].startswith("PermissionError: [Errno 1]")


@needs_seccomp
@pytest.mark.skipif(os.uname().machine != "x86_64", reason="Only x86_64 has a table of 32-bit calls beside its own.")
def test_a_call_by_the_table_of_32_bit_programs_ends_the_script() -> None:
    # mov eax, 20 (getpid there); int 0x80; ret
    outcome = run(
        "import ctypes, mmap\nmemory = mmap.mmap(-1, 4096, prot=7)\n"
        "memory.write(b'\\xb8\\x14\\0\\0\\0\\xcd\\x80\\xc3')\n"
        "address = ctypes.addressof(ctypes.c_char.from_buffer(memory))\nprint('calling')\n"
        "ctypes.CFUNCTYPE(ctypes.c_int)(address)()",
        {},
    )

    assert (outcome.status, outcome.signal, outcome.stdout) == ("failed", 31, "calling\n")
    assert outcome.reason == "signal 31 (SIGSYS) ended the script"


@needs_landlock(2)
@pytest.mark.parametrize(
    "action",
    [
        "os.listdir('/')",
        "os.listdir('/proc')",
        "os.listdir('/home')",
        "os.listdir('/run')",
        "open(f'/proc/{os.getppid()}/cmdline')",
        "open('/proc/1/status')",
        "open('/usr/made', 'w')",
        "os.mkdir('/var/made')",
        "os.symlink('x', '/etc/made')",
        "os.link('/etc/hostname', 'hard')",
        "open(event['secret'])",
        "open(event['open'], 'w')",
        "os.unlink(event['open'])",
        "os.rename(event['open'], 'mine')",
        "os.truncate(event['open'], 0)",
    ],
)
def test_files_of_others_are_closed_even_where_their_modes_are_open(action: str, tmp_path_factory: Any) -> None:
    folder = Path("/var/lib") if os.geteuid() == 0 else tmp_path_factory.mktemp("others")
    others = folder / f"plinth-test-{os.getpid()}"
    others.mkdir()
    try:
        others.chmod(0o777)
        for name in ("secret", "open"):
            (others / name).write_text("kept")
            (others / name).chmod(0o666)
        outcome = run(f"import os\n{action}", {name: str(others / name) for name in ("secret", "open")})

        assert outcome.status == "failed"
        # EPERM from the file system's own rules, EXDEV where a move would gain rights.
        assert outcome.stderr.splitlines()[-1].split(":")[0] in ("PermissionError", "OSError")
        assert sorted((path.name, path.read_text()) for path in others.iterdir()) == [
            ("open", "kept"),
            ("secret", "kept"),
        ]
    finally:
        for path in others.iterdir():
            path.unlink()
        others.rmdir()


@pytest.fixture
def unfiltered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Landlock alone, without the filter of system calls."""

    def no_filter(user: int | None) -> bytes:
        return b""

    monkeypatch.setattr(confinement, "_filter", no_filter)


@needs_landlock(6)
def test_the_runner_and_its_like_cannot_be_signalled(unfiltered: None) -> None:
    outcome = run(
        "import os\nresult = []\nfor target in (os.getppid(), 1):\n    try:\n        os.kill(target, 0)\n"
        "        result.append(target)\n    except PermissionError:\n        pass",
        {},
    )

    assert (outcome.status, outcome.result, outcome.protections.seccomp) == ("succeeded", [], False)


@needs_landlock(6)
def test_without_the_filter_landlock_still_closes_tcp_and_abstract_sockets(unfiltered: None) -> None:
    with socket.socket() as tcp, socket.socket(socket.AF_UNIX) as abstract:
        tcp.bind(("127.0.0.1", 0))
        tcp.listen()
        abstract.bind(f"\0plinth-test-{os.getpid()}")
        abstract.listen()
        outcome = run(
            "import socket\nresult = []\nfor address in (tuple(event['tcp']), event['abstract']):\n"
            "    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET\n"
            "    try:\n        socket.socket(family).connect(address)\n        result.append(address)\n"
            "    except PermissionError:\n        pass",
            {"tcp": list(tcp.getsockname()), "abstract": f"\0plinth-test-{os.getpid()}"},
        )

    assert (outcome.status, outcome.result) == ("succeeded", [])


KEYS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
add, keyctl = event["calls"]
ring = -4
if event["do"] == "leave":
    serial = libc.syscall(add, b"user", b"plinth", b"secret", ctypes.c_size_t(6), ring)
    result = "unavailable" if serial < 0 else "left"
else:
    found = libc.syscall(keyctl, 10, ring, b"user", b"plinth", 0)
    result = "found" if found >= 0 else "none"
"""


@pytest.mark.skipif(not HERE.own_user, reason="The keys of a shared uid are its owner's, and are left alone.")
def test_keys_do_not_outlive_their_run(unconfined: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "_FIRST_USER", 61182)
    monkeypatch.setattr(identity, "_USERS", 1)
    machine: syscalls.Machine = "aarch64" if os.uname().machine == "aarch64" else "x86_64"
    calls = [syscalls.number("add_key", machine), syscalls.number("keyctl", machine)]
    left = run(KEYS, {"do": "leave", "calls": calls}).result
    if left == "unavailable":
        pytest.skip("The kernel here has no keyrings.")

    assert (left, run(KEYS, {"do": "look", "calls": calls}).result) == ("left", "none")


@needs_seccomp
@needs_landlock(2)
def test_child_processes_are_confined_like_the_script() -> None:
    outcome = run(
        textwrap.dedent("""
            import subprocess, sys
            for code in ("import socket; socket.socket()", "import os; os.listdir('/')"):
                done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
                print(done.stderr.splitlines()[-1].split(":")[0])
        """),
        {},
        Limits(wall_seconds=20),
    )

    assert (outcome.status, outcome.stdout) == ("succeeded", "PermissionError\nPermissionError\n")
