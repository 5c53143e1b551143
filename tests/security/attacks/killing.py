"""Scripts that want to end, stop or cripple the runner, and with it the runs of others."""

from tests.security.attack import Attack, End, Weakness

_SHARED_REMAINS = "The environment serves one run: the script can end its own only, and the run shows an error."


def _signal(name: str, deed: str) -> Attack:
    return Attack(
        name=name,
        threats=("T14",),
        bites=True,
        code=f"""
import signal, time
parent = os.getppid()

@attempt
def sent():
    {deed}
    time.sleep(0.2)
    return "sent"
""",
        weaker=(
            Weakness(
                unless=("own_user", "landlock_scope"),
                reason="The kernel lets processes of one uid signal each other.",
                remains=_SHARED_REMAINS,
                kills_the_runner=True,
            ),
        ),
        patience=3.0,
    )


_CRIPPLED = """
import ctypes, resource
parent = os.getppid()
"""

ATTACKS = (
    _signal("parent-killed", "os.kill(parent, signal.SIGKILL)"),
    _signal("parent-terminated", "[os.kill(parent, n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]"),
    _signal("parent-crashed", "os.kill(parent, signal.SIGSEGV)"),
    _signal("parent-stopped", "os.kill(parent, signal.SIGSTOP)"),
    _signal("parents-threads-signalled", "signal.pidfd_send_signal(os.pidfd_open(parent), signal.SIGKILL)"),
    _signal("parents-group-killed", "os.killpg(os.getpgid(parent), signal.SIGKILL)"),
    Attack(
        name="everybody-killed",
        threats=("T14",),
        bites=True,
        code="""
import os, signal
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGKILL):
    try:
        os.kill(-1, number)
    except OSError:
        pass
print("alone")
""",
        ends=End(result=None, stdout="alone\n"),
        weaker=(
            Weakness(
                unless=("own_user", "landlock_scope"),
                reason="The kernel lets processes of one uid signal each other.",
                remains=_SHARED_REMAINS,
                kills_the_runner=True,
            ),
        ),
    ),
    Attack(
        name="own-group-killed",
        threats=("T14",),
        code="import os, signal\nos.killpg(0, signal.SIGKILL)",
        ends=End(status="failed", signal=9, result=None),
    ),
    Attack(
        name="signals-by-the-kernels-hand",
        threats=("T14",),
        code="""
import fcntl, signal, time
parent = os.getppid()

@attempt
def owned():
    # The kernel sends the signal when the pipe becomes readable, if it may.
    left, right = os.pipe()
    fcntl.fcntl(left, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(left, fcntl.F_SETOWN, parent)
    fcntl.fcntl(left, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(right, b"x")
    time.sleep(0.1)
""",
        weaker=(
            Weakness(
                unless=("own_user", "landlock_scope"),
                reason="The kernel lets processes of one uid signal each other.",
                remains=_SHARED_REMAINS,
                kills_the_runner=True,
            ),
        ),
    ),
    Attack(
        name="parents-limits-lowered",
        threats=("T8", "T14"),
        bites=True,
        code=_CRIPPLED
        + """
@attempt
def lowered():
    got = []
    for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        soft, hard = resource.prlimit(parent, kind)
        resource.prlimit(parent, kind, (min(soft, 200), hard))
        got.append(kind)
    return got
""",
        weaker=(
            Weakness(
                unless=("own_user", "seccomp"),
                reason="The kernel lets processes of one uid change each other's limits.",
                remains=_SHARED_REMAINS,
                loot=True,
                changed=("rlimits",),
            ),
        ),
    ),
    Attack(
        name="parents-limits-read",
        threats=("T2", "T14"),
        code=_CRIPPLED
        + """
@attempt
def limits():
    return resource.prlimit(parent, resource.RLIMIT_NOFILE)
""",
        weaker=(
            Weakness(
                unless=("own_user", "seccomp"),
                reason="The kernel lets processes of one uid read each other's limits.",
                remains="Limits are no secret.",
                loot=True,
            ),
        ),
    ),
    Attack(
        name="parent-starved",
        threats=("T8", "T14"),
        bites=True,
        code=_CRIPPLED
        + """
@attempt
def nice():
    os.setpriority(os.PRIO_PROCESS, parent, 19)
    return "niced"

@attempt
def nice_of_the_group():
    os.setpriority(os.PRIO_PGRP, os.getpgid(parent), 19)
    return "niced"

@attempt
def scheduled():
    os.sched_setscheduler(parent, os.SCHED_IDLE, os.sched_param(0))
    return "idle"

@attempt
def pinned():
    os.sched_setaffinity(parent, {min(os.sched_getaffinity(0))})
    return "pinned"

@attempt
def io_priority():
    number = {"x86_64": 251, "aarch64": 30}[os.uname().machine]
    return ctypes.CDLL(None).syscall(number, 1, parent, 3 << 13) == 0 and "idle"
""",
        weaker=(
            Weakness(
                unless=("own_user", "seccomp"),
                reason="The kernel lets processes of one uid change each other's schedule.",
                remains=_SHARED_REMAINS,
                loot=True,
                changed=("priority", "schedule"),
            ),
        ),
    ),
    Attack(
        name="everybodys-priority",
        threats=("T8", "T14"),
        code=_CRIPPLED
        + """
@attempt
def of_all_of_the_user():
    os.setpriority(os.PRIO_USER, os.getuid(), 19)
    theirs = os.getpriority(os.PRIO_PROCESS, parent)
    return theirs == 19 and "niced"
""",
        weaker=(
            Weakness(
                unless=("own_user", "seccomp"),
                reason="The kernel lets processes of one uid change each other's schedule.",
                remains=_SHARED_REMAINS,
                loot=True,
                changed=("priority",),
            ),
        ),
    ),
    Attack(
        name="parents-proc-files-written",
        threats=("T14",),
        bites=True,
        code=_CRIPPLED
        + """
@attempt
def written():
    got = []
    for name in ("oom_score_adj", "oom_adj", "mem", "comm", "clear_refs", "coredump_filter", "timerslack_ns", "autogroup",
                 "uid_map", "attr/exec", "loginuid", "fail-nth", "make-it-fail", "projid_map", "setgroups", "sched"):
        try:
            with open(f"/proc/{parent}/{name}", "wb", 0) as file:
                file.write(b"1")
            got.append(name)
        except OSError:
            pass
    return got

@attempt
def preferred_victim():
    with open(f"/proc/{parent}/oom_score_adj", "w") as file:
        file.write("1000")
    return "preferred"

@attempt
def of_init():
    with open("/proc/1/oom_score_adj", "w") as file:
        return "opened"
""",
        # Whether the kernel offers a file to everybody, it lets nobody write into a process that is closed to inspection.
    ),
    Attack(
        name="parents-files-changed",
        threats=("T14", "T15"),
        bites=True,
        code="""
import shutil

@attempt
def code_changed():
    with open(event["package"] + "/sandbox_lambda/runner.py", "a") as file:
        file.write("#")
    return "changed"

@attempt
def code_removed():
    os.rename(event["package"] + "/sandbox_lambda", event["package"] + "/gone")
    return "removed"

@attempt
def its_own_removed():
    os.rename(event["folder"] + "/secret", event["folder"] + "/gone")
    return "removed"

@attempt
def folder_closed():
    os.chmod(event["folder"], 0)
    return "closed"
""",
        weaker=(
            Weakness(
                unless=("own_user", "landlock"),
                reason="What the runner's uid may change, a script with the same uid may.",
                remains="The function's code is read-only, and /tmp is all that it may write.",
                loot=True,
                changed=("files",),
            ),
            Weakness(
                unless=("own_user",),
                reason="Landlock watches what is in a file, not its mode.",
                remains="The function's code is read-only, and /tmp is all that it may write.",
                loot=True,
                changed=("files",),
            ),
        ),
    ),
    Attack(
        name="parents-terminal",
        threats=("T14",),
        code="""
import fcntl, termios

@attempt
def typed():
    for number in range(3):
        fcntl.ioctl(number, termios.TIOCSTI, b"x")
        return "typed"

@attempt
def taken():
    descriptor = os.open("/dev/tty", os.O_RDWR)
    return "a terminal"

@attempt
def in_its_group():
    os.setpgid(0, os.getpgid(os.getppid()))
    return "joined"

@attempt
def moved():
    os.setpgid(os.getppid(), os.getpgid(os.getppid()))
    return "moved"
""",
    ),
    Attack(
        name="signals-in-a-storm",
        threats=("T8", "T14"),
        code="""
import signal

@attempt
def sent():
    parent = os.getppid()
    for _ in range(20_000):
        os.kill(parent, signal.SIGCHLD)
        os.kill(parent, signal.SIGURG)
    return "sent"
""",
        weaker=(
            Weakness(
                unless=("own_user", "landlock_scope"),
                reason="The kernel lets processes of one uid signal each other.",
                remains="The runner does not depend on signals.",
                loot=True,
            ),
        ),
    ),
)
