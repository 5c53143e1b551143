"""Scripts that want more than their share: each gets its verdict, and nothing of it is left."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from sandbox_lambda import identity, kernel
from sandbox_lambda.identity import interpreter
from sandbox_lambda.runner import Limits, Protections, Truncated, probe, run

T = TypeVar("T")

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.timeout(60), pytest.mark.skipif(not kernel.LINUX, reason="The sandbox's home is Linux.")]

needs_own_user = pytest.mark.skipif(not probe().own_user, reason="A run has a uid of its own only under root.")

SHORT = Limits(wall_seconds=1.0)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("import time\ntime.sleep(60)", id="sleep"),
        pytest.param("while True: pass", id="loop"),
        pytest.param("import threading\nthreading.Event().wait()", id="wait"),
        pytest.param("import time, atexit\natexit.register(time.sleep, 60)", id="exit-hook"),
        pytest.param(
            "import signal, time\nfor n in set(signal.valid_signals()) - {9, 19}: signal.signal(n, signal.SIG_IGN)\n"
            "while True: time.sleep(1)",
            id="signals-ignored",
        ),
        pytest.param("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", id="stopped"),
        pytest.param("import os, time\nos.close(1), os.close(2)\ntime.sleep(60)", id="streams-closed"),
        pytest.param("import os, time\nos.closerange(0, 1024)\ntime.sleep(60)", id="all-closed"),
    ],
)
def test_a_script_that_does_not_end_is_ended(script: str) -> None:
    outcome = run(f"print('begun')\n{script}", {}, SHORT)

    assert (outcome.status, outcome.exit_code, outcome.signal) == ("timed_out", None, signal.SIGKILL)
    assert outcome.stdout == "begun\n"


@pytest.mark.parametrize(
    ("preparation", "ended_by"),
    [("", signal.SIGXCPU), ("import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n", signal.SIGKILL)],
    ids=["plain", "signal-ignored"],
)
def test_a_script_that_burns_its_processor_time_has_timed_out(preparation: str, ended_by: int) -> None:
    outcome = run(f"{preparation}while True: pass", {}, Limits(wall_seconds=30, cpu_seconds=1))

    assert (outcome.status, outcome.exit_code, outcome.signal) == ("timed_out", None, ended_by)


def test_the_signal_of_spent_processor_time_is_not_believed_without_the_time() -> None:
    outcome = run("import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)", {})

    assert (outcome.status, outcome.signal) == ("failed", signal.SIGXCPU)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param("hoard = []\nwhile True: hoard.append(bytearray(1 << 20))", id="slowly"),
        pytest.param("hoard = b'x' * (1 << 30)", id="at-once"),
        pytest.param("hoard = list(range(10 ** 9))", id="objects"),
        pytest.param("def f():\n    hoard = ['x' * (1 << n) for n in range(64)]\nf()", id="in-a-function"),
    ],
)
def test_a_script_that_hoards_memory_runs_out_of_it(script: str) -> None:
    outcome = run(script, {})

    assert (outcome.status, outcome.exit_code) == ("out_of_memory", None)
    assert outcome.stderr.splitlines()[0] == "Traceback (most recent call last):"
    assert outcome.stderr.splitlines()[-1] == "MemoryError"


def test_a_script_that_survives_its_memory_error_ends_as_it_likes() -> None:
    outcome = run("try:\n    bytearray(1 << 30)\nexcept MemoryError:\n    print('frugal then')", {})

    assert (outcome.status, outcome.stdout) == ("succeeded", "frugal then\n")


@pytest.mark.parametrize(
    ("script", "stdout", "stderr"),
    [
        ("while True: print('x' * 1000)", True, False),
        ("import sys\nwhile True: print('x' * 1000, file=sys.stderr)", False, True),
        ("import os\nos.write(1, b'x' * 2001)", True, False),
        ("import subprocess\nsubprocess.run(['yes', 'x' * 1000])", True, False),
        ("import os, time\nif os.fork(): time.sleep(20)\nos.write(1, b'x' * 2001)", True, False),
    ],
    ids=["stdout", "stderr", "one-byte-too-many", "program", "fork"],
)
def test_output_beyond_the_limit_ends_the_run(script: str, stdout: bool, stderr: bool) -> None:
    outcome = run(script, {}, Limits(output_bytes=2000))

    assert (outcome.status, outcome.truncated) == ("output_limit", Truncated(stdout=stdout, stderr=stderr))
    assert (len(outcome.stdout), len(outcome.stderr)) == (2000 * stdout, 2000 * stderr)


def test_output_is_cut_between_characters() -> None:
    outcome = run("print('é' * 2000)", {}, Limits(output_bytes=1001))

    assert (outcome.status, outcome.stdout) == ("output_limit", "é" * 500)


FORGE = """
import json, os
frame = {frame}
for descriptor in range(3, 1024):
    try:
        os.write(descriptor, frame)
    except OSError:
        pass
{end}
"""


@pytest.mark.parametrize(
    ("frame", "end", "status", "dropped"),
    [
        ('b\'{"status": "succeeded"}\'', "os._exit(1)", "failed", True),
        ("(17).to_bytes(4, 'big') + b'{}'", "", "succeeded", False),
        ("(2 ** 32 - 1).to_bytes(4, 'big')", "raise SystemExit(9)", "failed", True),
        ("(6).to_bytes(4, 'big') + b'[1e999'", "", "succeeded", False),
        ("(3).to_bytes(4, 'big') + b'NaN'", "", "succeeded", False),
        ("(2).to_bytes(4, 'big') + b'\\xff\\xff'", "", "succeeded", False),
        ("(2).to_bytes(4, 'big') + b'[]'", "result = 1", "succeeded", False),
        ("(30000).to_bytes(4, 'big') + b'[' * 30000", "", "succeeded", True),
        ("b'\\0' * 60000", "", "succeeded", False),
        ("b'\\1'", "", "succeeded", False),
    ],
)
@pytest.mark.usefixtures("either_way")
def test_a_forged_report_changes_no_verdict_and_is_no_result(frame: str, end: str, status: str, dropped: bool) -> None:
    outcome = run(FORGE.format(frame=frame, end=end), {})

    assert (outcome.status, outcome.result, outcome.truncated.result) == (status, None, dropped)


def test_endless_writing_to_the_report_does_no_more_than_waste_the_scripts_time() -> None:
    once = FORGE.format(frame="b'x' * 999", end="")
    outcome = run(f"while True:\n{textwrap.indent(once, '    ')}", {}, SHORT)

    assert (outcome.status, outcome.result) == ("timed_out", None)


DAEMON = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        os.write(1, b"%d" % os.getpid())
        os.closerange(0, 1024)
        time.sleep(60)
    os._exit(0)
os.wait()
time.sleep(0.2)
"""


@pytest.mark.usefixtures("either_way")
def test_a_daemon_does_not_outlive_its_run() -> None:
    outcome = run(DAEMON, {})

    assert outcome.status == "succeeded"
    assert not Path(f"/proc/{int(outcome.stdout)}").exists()


@pytest.mark.parametrize("escape", ["", "os.setsid()"], ids=["in-the-session", "in-sessions-of-their-own"])
@pytest.mark.usefixtures("either_way")
def test_a_fork_bomb_stays_small_and_leaves_nothing(escape: str) -> None:
    script = f"""
import os
print(os.getpid())
while True:
    try:
        if os.fork() == 0:
            {escape or "pass"}
    except OSError:
        pass
"""
    outcome = run(script, {}, Limits(wall_seconds=1.0, processes=12))

    assert outcome.status == "timed_out"
    leader = int(outcome.stdout.split()[0])
    assert [p.pid for p in kernel.processes() if not p.zombie and _folder_is_gone(p.pid)] == []
    assert not Path(f"/proc/{leader}").exists()


def _folder_is_gone(pid: int) -> bool:
    """Whether a process stands in the removed folder of a run, as any survivor of one would."""
    try:
        folder = str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return False
    return folder.startswith("/tmp/plinth-run-") and folder.endswith(" (deleted)")


THREADS = """
import threading, time
result = 1
try:
    while True:
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
        result += 1
except RuntimeError as error:
    print(error)
"""


@needs_own_user
def test_threads_count_as_processes_and_are_limited() -> None:
    outcome = run(THREADS, {}, Limits(processes=8, memory_mb=1024))

    assert (outcome.status, outcome.stdout, outcome.result) == ("succeeded", "can't start new thread\n", 8)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("open('big', 'wb').write(b'x' * (2 << 20))", "OSError: [Errno 27] File too large"),
        ("files = [open('/dev/null') for _ in range(99)]", "OSError: [Errno 24] Too many open files: '/dev/null'"),
        (
            "import resource\nresource.setrlimit(resource.RLIMIT_CPU, (99, 99))",
            "ValueError: not allowed to raise maximum limit",
        ),
        ("def f(): f()\nf()", "RecursionError: maximum recursion depth exceeded"),
    ],
    ids=["file-size", "descriptors", "limits-raised", "recursion"],
)
def test_a_limit_met_is_an_error_of_the_scripts_own(script: str, error: str) -> None:
    outcome = run(script, {})

    assert (outcome.status, outcome.exit_code) == ("failed", 1)
    assert outcome.stderr.splitlines()[-1].startswith(error)


@pytest.mark.usefixtures("either_way")
def test_nothing_of_the_runners_environment_is_in_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for the script")
    outcome = run(
        "import os\nresult = [sorted(os.environ)] + [open('/proc/self/' + n).read() for n in ('environ', 'cmdline')]",
        {},
    )

    assert outcome.result[0] == ["HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR"]
    assert "not for the script" not in str(outcome.result)


@pytest.mark.parametrize("name", ["environ", "mem", "maps", "fd", "auxv", "cwd"])
@pytest.mark.usefixtures("either_way")
def test_the_runner_cannot_be_inspected(name: str) -> None:
    action = {"fd": "os.listdir", "cwd": "os.readlink"}.get(name, "open")
    outcome = run(f"import os\n{action}(f'/proc/{{os.getppid()}}/{name}')", {})

    assert outcome.status == "failed"
    assert outcome.stderr.splitlines()[-1].startswith("PermissionError: [Errno 13] Permission denied")


@pytest.mark.usefixtures("either_way")
def test_only_the_standard_streams_and_the_report_are_open() -> None:
    outcome = run("import os\nresult = len([n for n in range(256) if os.path.exists(f'/proc/self/fd/{n}')])", {})

    assert outcome.result == 4


@needs_own_user
@pytest.mark.parametrize(
    "script",
    [
        "import os\nos.kill(os.getppid(), 9)",
        "import os\nos.killpg(os.getpgid(os.getppid()), 9)",
        "import os\nos.kill(1, 9)",
        "import os\nos.setuid(0)",
        "import os, resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
        "open('/etc/shadow')",
        "open('/tmp/plinth-sandbox/users/60600', 'w')",
        "import os\nos.unlink('/usr/bin/env')",
    ],
)
@pytest.mark.usefixtures("either_way")
def test_a_run_with_its_own_user_has_no_power_over_others(script: str) -> None:
    outcome = run(script, {})

    assert outcome.status == "failed"
    assert outcome.stderr.splitlines()[-1].split(":")[0] == "PermissionError"


@needs_own_user
@pytest.mark.usefixtures("either_way")
def test_killing_everything_in_reach_harms_only_the_run_itself() -> None:
    outcome = run("import os\nos.kill(-1, 9)\nprint('alone')", {})

    assert (outcome.status, outcome.stdout) == ("succeeded", "alone\n")


@needs_own_user
def test_a_set_uid_program_gives_no_privilege() -> None:
    outcome = run("print(open('/proc/self/status').read().split('NoNewPrivs:')[1].split()[0])", {})

    assert outcome.stdout == "1\n"


@pytest.mark.usefixtures("either_way")
def test_the_folder_and_what_is_in_it_are_gone_afterwards() -> None:
    outcome = run(
        "import os\nos.makedirs('a/b/c')\nopen('a/b/c/file', 'w').write('x')\nos.symlink('/', 'a/root')\n"
        "for path in ('a/b/c', 'a/b', 'a', '.'):\n    os.chmod(path, 0)\nprint(os.environ['HOME'], end='')",
        {},
    )

    assert outcome.status == "succeeded"
    assert not Path(outcome.stdout).exists()


@needs_own_user
@pytest.mark.usefixtures("either_way")
def test_what_a_run_leaves_in_shared_folders_goes_too() -> None:
    outcome = run(
        "import os, tempfile\nresult = []\nfor base in ('/tmp', '/var/tmp', '/dev/shm'):\n"
        "    folder = tempfile.mkdtemp(dir=base)\n    open(folder + '/x', 'w').close()\n"
        "    file = tempfile.mkstemp(dir=base)[1]\n    result += [folder, file]",
        {},
    )

    assert outcome.status == "succeeded"
    assert len(outcome.result) == 6
    assert [path for path in outcome.result if Path(path).exists()] == []


@needs_own_user
@pytest.mark.usefixtures("unconfined")
def test_shared_memory_does_not_outlive_its_run() -> None:
    outcome = run(
        "import ctypes\nlibc = ctypes.CDLL(None)\n"
        "result = [libc.shmget(0, 4096, 0o1777), libc.semget(0, 1, 0o1777), libc.msgget(0, 0o1777)]",
        {},
    )

    assert outcome.status == "succeeded"
    left = [
        [int(row.split()[1]) for row in Path(f"/proc/sysvipc/{kind}").read_text().splitlines()[1:]]
        for kind in ("shm", "sem", "msg")
    ]
    assert [made in known for made, known in zip(outcome.result, left, strict=True)] == [False] * 3
    assert min(outcome.result) >= 0


def test_a_kill_by_the_kernel_for_lack_of_memory_is_told_from_the_kernels_own_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kills = iter([3, 4])
    monkeypatch.setattr(kernel, "out_of_memory_kills", lambda: next(kills))

    outcome = run("import os\nos.kill(os.getpid(), 9)", {})

    assert (outcome.status, outcome.exit_code, outcome.signal) == ("out_of_memory", None, signal.SIGKILL)


@pytest.mark.usefixtures("either_way")
def test_children_of_the_runner_that_are_not_the_runs_live_on() -> None:
    others = [subprocess.Popen(["sleep", "30"], start_new_session=session) for session in (False, True)]
    try:
        run(DAEMON, {})

        assert [other.poll() for other in others] == [None, None]
    finally:
        for other in others:
            other.kill()
            other.wait(10)


@needs_own_user
@pytest.mark.usefixtures("either_way")
def test_an_innocent_run_beside_a_bomb_is_unaffected() -> None:
    bomb = threading.Thread(
        target=run, args=("import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", {}, SHORT)
    )
    bomb.start()
    outcomes = [run("import subprocess\nsubprocess.run(['echo', 'fine'])", {}) for _ in range(3)]
    bomb.join(30)

    assert [(outcome.status, outcome.stdout) for outcome in outcomes] == [("succeeded", "fine\n")] * 3


@needs_own_user
def test_what_a_killed_runner_left_is_cleared_by_the_next_holder_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    user = 61183
    monkeypatch.setattr(identity, "_FIRST_USER", user)
    monkeypatch.setattr(identity, "_USERS", 1)
    _lease_of(user).unlink(missing_ok=True)  # A killed runner does not say that it left all clean.
    folder = Path(tempfile.mkdtemp(prefix="plinth-run-", dir="/tmp"))
    os.chown(folder, user, user)
    orphan = ["sh", "-c", "sleep 60 >/dev/null 2>&1 & echo $!"]
    survivor = int(subprocess.run(orphan, user=user, capture_output=True, check=True).stdout)

    outcome = run("import os\nprint(os.getuid())", {})

    assert (outcome.status, outcome.stdout) == ("succeeded", f"{user}\n")
    assert not folder.exists()
    assert [p.pid for p in kernel.processes() if p.pid == survivor and not p.zombie] == []


def test_the_script_dies_with_its_runner() -> None:
    source = "from sandbox_lambda.runner import run\nrun('import time\\ntime.sleep(50)', {})"
    runner = subprocess.Popen([sys.executable, "-c", source], env={**os.environ, "PYTHONPATH": str(ROOT)})
    child = _wait_for(lambda: next((p.pid for p in kernel.processes() if p.parent == runner.pid and _gave_up(p)), None))
    folder = Path(f"/proc/{child}/cwd").readlink()

    runner.kill()
    runner.wait(10)

    _wait_for(lambda: all(p.pid != child or p.zombie for p in kernel.processes()))
    shutil.rmtree(folder)


def _gave_up(process: kernel.Process) -> bool:
    """Whether a child has given up its privileges, which it does after tying its life to the runner's."""
    try:
        return "NoNewPrivs:\t1" in Path(f"/proc/{process.pid}/status").read_text()
    except OSError:
        return False


def _wait_for(look: Callable[[], T]) -> T:
    """Look again and again, for half a minute at most."""
    for _ in range(1500):
        if found := look():
            return found
        threading.Event().wait(0.02)
    raise AssertionError("It never came to be.")


BOMB = """
import os
print(os.getcwd())
while True:
    try:
        if os.fork() == 0:
            os.setsid()
    except OSError:
        pass
"""

ORDINARY_USER = """
import json, subprocess, sys
from sandbox_lambda import confinement
from sandbox_lambda.runner import Limits, probe, run

scripts, confinement.ENABLED = json.load(sys.stdin)
other = subprocess.Popen(["sleep", "30"], start_new_session=True)
limits = Limits(wall_seconds=2.0)
answers = [run(script, {}, limits).document() for script in scripts]
print(json.dumps([probe()._asdict(), answers, other.poll()]))
other.kill()
"""


def run_as_an_ordinary_user(
    scripts: list[str], confined: bool, environment: dict[str, str], user: int = 60577
) -> tuple[dict[str, object], list[dict[str, object]], object]:
    """One runner with a uid that its scripts share: what protected them, their outcomes, the end of another child."""
    package = Path(tempfile.mkdtemp(prefix="plinth-test-", dir="/tmp"))
    try:
        package.chmod(0o755)
        shutil.copytree(ROOT / "sandbox_lambda", package / "sandbox_lambda")
        done = subprocess.run(
            [interpreter().path, "-c", ORDINARY_USER],
            input=json.dumps([scripts, confined]),
            env={"LD_LIBRARY_PATH": interpreter().library_path, "PYTHONPATH": str(package), **environment},
            user=user,
            group=user,
            extra_groups=[],
            cwd="/",
            start_new_session=True,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
    finally:
        shutil.rmtree(package)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


@needs_own_user
def test_where_the_user_is_shared_as_on_lambda_the_rest_still_holds(either_way: bool) -> None:
    user = 61118 if either_way else 61119
    protections, answers, other = run_as_an_ordinary_user(
        [
            "print('hello')\nresult = event",
            DAEMON,
            "import os\nopen(f'/proc/{os.getppid()}/environ')",
            "import os\nos.mkdir('a')\nos.chmod('a', 0)\nos.chmod('.', 0)\nprint(os.environ['HOME'], end='')",
            BOMB,
            "hoard = b'x' * (1 << 30)",
            DAEMON.replace("os.closerange", "__import__('resource').setrlimit(12, (0, 0)), os.closerange"),
        ],
        confined=either_way,
        environment={"SECRET": "x"},
        user=user,
    )
    hello, daemon, inspection, folder, bomb, hoard, unmarked = answers

    here = probe()
    assert protections == Protections(False, False, True, True, True, here.seccomp, here.landlock)._asdict()
    assert (hello["status"], hello["stdout"], hello["result"]) == ("succeeded", "hello\n", {})
    assert str(inspection["stderr"]).splitlines()[-1].startswith("PermissionError: [Errno 13] Permission denied")
    assert (folder["status"], bomb["status"], hoard["status"]) == ("succeeded", "timed_out", "out_of_memory")
    assert [Path(str(path)).exists() for path in (folder["stdout"], str(bomb["stdout"]).strip())] == [False, False]
    assert [Path(f"/proc/{run['stdout']}").exists() for run in (daemon, unmarked)] == [False, False]
    assert [p.pid for p in kernel.processes() if p.user == user and not p.zombie] == []
    assert other is None


REACH = """
import os, resource, signal
runner, result = os.getppid(), []
attempts = {
    "kill": lambda: os.kill(runner, 0),
    "group": lambda: os.killpg(os.getpgid(runner), 0),
    "everyone": lambda: os.kill(-1, 0),
    "descriptor": lambda: signal.pidfd_send_signal(os.pidfd_open(runner), 0),
    "limits": lambda: resource.prlimit(runner, resource.RLIMIT_NOFILE),
    "priority": lambda: os.setpriority(os.PRIO_PROCESS, runner, 19),
    "memory": lambda: open(f"/proc/{runner}/mem"),
    "badness": lambda: open(f"/proc/{runner}/oom_score_adj", "w"),
}
for name, attempt in attempts.items():
    try:
        attempt()
        result.append(name)
    except PermissionError:
        pass
"""


@needs_own_user
@pytest.mark.skipif(not probe().seccomp, reason="Without a filter of system calls a shared uid is in reach.")
def test_where_the_user_is_shared_the_runner_is_still_out_of_reach() -> None:
    _, (reach,), _ = run_as_an_ordinary_user([REACH], confined=True, environment={})
    _, (unconfined,), _ = run_as_an_ordinary_user([REACH], confined=False, environment={})

    assert (reach["status"], reach["result"]) == ("succeeded", [])
    assert unconfined["result"] == ["kill", "group", "everyone", "descriptor", "limits", "priority"]


@needs_own_user
@pytest.mark.skipif(not probe().landlock, reason="Without Landlock a shared uid may write where its owner may.")
@pytest.mark.parametrize(
    ("environment", "status"), [({}, "failed"), ({"AWS_LAMBDA_FUNCTION_NAME": "sandbox-run-1"}, "succeeded")]
)
def test_where_the_user_is_shared_temporary_folders_are_the_scripts_only_in_a_function_of_its_own(
    environment: dict[str, str], status: str
) -> None:
    folder = Path(tempfile.mkdtemp(prefix="plinth-test-", dir="/tmp"))
    try:
        folder.chmod(0o777)
        script = f"open({str(folder / 'left')!r}, 'w')"
        _, (outcome,), _ = run_as_an_ordinary_user([script], confined=True, environment=environment)

        assert outcome["status"] == status
        assert (folder / "left").exists() == (status == "succeeded")
    finally:
        shutil.rmtree(folder)


@needs_own_user
@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    "swap",
    [
        "os.symlink({victim!r}, here)",
        "open(here, 'w').close()",
        "os.mkdir(here)\nopen(here + '/x', 'w').close()\nos.chmod(here, 0)",
        "pass",
    ],
    ids=["link", "file", "folder", "nothing"],
)
@pytest.mark.parametrize("leave", ["os.rename(here, {beside!r})", "os.rmdir(here)"], ids=["moved", "removed"])
def test_a_script_that_swaps_its_folder_turns_the_clean_up_on_nobody_else(leave: str, swap: str) -> None:
    victim = Path(tempfile.mkdtemp(prefix="plinth-test-", dir="/tmp"))
    try:
        victim.chmod(0o755)
        (victim / "kept").touch()
        beside = f"{victim}-moved"
        script = f"import os\nhere = os.getcwd()\nprint(here)\nos.chdir('/tmp')\n{leave}\n{swap}"
        outcome = run(script.format(victim=str(victim), beside=beside), {})

        assert outcome.status == "succeeded"
        assert not os.path.lexists(outcome.stdout.strip())
        assert not Path(beside).exists()
        assert (victim.stat().st_mode & 0o777, [path.name for path in victim.iterdir()]) == (0o755, ["kept"])
    finally:
        shutil.rmtree(victim)


@needs_own_user
@pytest.mark.usefixtures("either_way")
def test_what_a_run_leaves_in_others_open_folders_goes_too() -> None:
    theirs = Path(tempfile.mkdtemp(prefix="plinth-test-", dir="/tmp"))
    try:
        theirs.chmod(0o777)
        (theirs / "kept").touch()
        outcome = run(
            "import os\nos.chdir(event['folder'])\nos.makedirs('a/b')\nopen('a/b/c', 'w').close()\n"
            "os.symlink('/etc', 'link')\nprint(sorted(os.listdir('.')))",
            {"folder": str(theirs)},
        )

        assert outcome.stdout == "['a', 'kept', 'link']\n"
        assert [path.name for path in theirs.iterdir()] == ["kept"]
    finally:
        shutil.rmtree(theirs)


@pytest.mark.usefixtures("either_way")
@pytest.mark.parametrize(
    "hold",
    [
        "os.setsid()\n    time.sleep(60)",
        "os.setpgid(0, 0)\n    os.kill(os.getpid(), signal.SIGSTOP)",
        "libc.prctl(36, 1, 0, 0, 0)\n    if os.fork() == 0:\n        os.setsid()\n    time.sleep(60)",
        "libc.prctl(1, 0, 0, 0, 0)\n    signal.pthread_sigmask(0, range(1, 65))\n    time.sleep(60)",
    ],
    ids=["own-session", "stopped", "subreaper", "signals-blocked"],
)
def test_a_child_that_holds_the_streams_open_does_not_hold_up_the_run(hold: str) -> None:
    outcome = run(
        f"import ctypes, os, signal, time\nlibc = ctypes.CDLL(None)\nif os.fork() == 0:\n    {hold}\n"
        "time.sleep(0.1)\nprint(os.getcwd())",
        {},
        Limits(wall_seconds=30),
    )

    assert outcome.status == "succeeded"
    assert not Path(outcome.stdout.strip()).exists()
    assert [p.pid for p in kernel.processes() if not p.zombie and _folder_is_gone(p.pid)] == []


KILLED_RUNNER = """
import os, signal, sys
from pathlib import Path
from sandbox_lambda import identity, runner, workspace

user = int(sys.argv[2])
identity._FIRST_USER, identity._USERS = user, 1
moments = {
    "folder-made": (workspace.os, "fchown"),
    "folder-handed-over": (runner, "_payload"),
    "script-running": (runner._Child, "watch"),
    "script-ended": (runner.Containment, "sweep"),  # The first is the last: the uid was left clean.
    "folder-emptied": (workspace.os, "rmdir"),
}
place, name = moments[sys.argv[1]]

def kill_at(*arguments, **names):
    if sys.argv[1] == "script-running":
        child = arguments[0]
        child._unsent = memoryview(arguments[1])
        while not child._report.content:
            child._feed(child._input)
            child._report.read()
        while not os.path.exists(f"/tmp/plinth-test-left-by-{user}/left"):
            pass
    os.kill(os.getpid(), signal.SIGKILL)

setattr(place, name, kill_at)
runner.run(sys.stdin.read(), {})
"""

LEAVES = """
import ctypes, os, time
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
left = f"/tmp/plinth-test-left-by-{os.getuid()}"
os.makedirs(left)
os.mkdir("deep")
open(f"{left}/left", "w").close()
if event.get("wait", True):
    time.sleep(1)
"""


@needs_own_user
@pytest.mark.parametrize(
    ("moment", "user"),
    [
        ("folder-made", 61113),
        ("folder-handed-over", 61114),
        ("script-running", 61115),
        ("script-ended", 61116),
        ("folder-emptied", 61117),
    ],
)
def test_a_runner_killed_at_any_moment_leaves_nothing_that_the_next_run_does_not_clear(
    moment: str, user: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_FIRST_USER", user)
    monkeypatch.setattr(identity, "_USERS", 1)
    assert run("pass", {}).status == "succeeded"
    assert _lease_of(user).read_bytes() == kernel.field_of_view()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_RUNNER, moment, str(user)],
        input=LEAVES,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (killed.returncode, killed.stderr) == (-signal.SIGKILL, "")
    assert _left_by(user) != []
    assert _lease_of(user).read_bytes() == b""

    outcome = run("import os\nprint(os.getuid())", {})

    assert (outcome.status, outcome.stdout) == ("succeeded", f"{user}\n")
    assert _left_by(user) == []


def _lease_of(user: int) -> Path:
    return Path(f"/tmp/plinth-sandbox/users/{user}")


def _left_by(user: int) -> list[str]:
    """Processes and files of a uid, and folders made for it."""
    return [
        *(str(p.pid) for p in kernel.processes() if p.user == user and not p.zombie),
        *(path.name for path in Path("/tmp").iterdir() if f"-{user}" in path.name),
    ]


@needs_own_user
def test_what_a_script_puts_in_its_folders_place_goes_where_the_user_is_shared_too() -> None:
    script = "import os\nhere = os.getcwd()\nprint(here)\nos.rename(here, here + '-moved')\n"
    _, answers, _ = run_as_an_ordinary_user(
        [f"{script}os.symlink('/etc', here)", f"{script}os.mkdir(here)\nopen(here + '/x', 'w').close()"],
        confined=False,
        environment={},
    )

    assert [answer["status"] for answer in answers] == ["succeeded", "succeeded"]
    places = [str(answer["stdout"]).strip() for answer in answers]
    assert [place for place in (*places, *(f"{place}-moved" for place in places)) if os.path.lexists(place)] == []
