"""Scripts that want something of theirs to be there when the next run begins."""

import re

from tests.security.attack import Attack, End, Weakness

_SHARED_TMP = Weakness(
    unless=("own_user",),
    reason="What a script leaves outside of its folder cannot be told from the runner's own, where they share a uid.",
    remains="The environment serves one run, and its disk goes with it.",
    left=True,
    changed=("leftovers",),
)

# Runs in the next run: any process that is not its own or the runner's shows a survivor.
_SURVIVORS = """
@attempt
def survivors():
    own = str(os.getuid())
    found = []
    for pid in os.listdir("/proc"):
        if pid.isdigit() and int(pid) not in (os.getpid(), os.getppid()):
            try:
                status = open(f"/proc/{pid}/status").read()
            except OSError:
                continue
            if status.partition("\\nUid:\\t")[2].split()[0] == own:
                found.append(status.split()[1])
    return found
"""


def _daemon(name: str, code: str, *, weaker: tuple[Weakness, ...] = (), ends: End | None = None) -> Attack:
    return Attack(
        name=name,
        threats=("T4", "T15"),
        bites=True,
        code=code,
        then=_SURVIVORS,
        ends=ends or End(result=None),
        weaker=weaker,
        limits={"wall_seconds": 4.0},
    )


ATTACKS = (
    _daemon(
        "daemon",
        """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_IGN)
        os.closerange(0, 64)
        os.chdir("/")
        time.sleep(60)
    os._exit(0)
os.wait()
""",
    ),
    _daemon(
        "daemon-that-holds-the-streams",
        "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)\nos._exit(0)",
    ),
    _daemon(
        "daemon-by-a-shell",
        "import os\nos.system('nohup setsid sleep 60 >/dev/null 2>&1 & (sleep 60 & disown) 2>/dev/null')",
        ends=End(result=None, stderr=re.compile(r"[\s\S]*")),
    ),
    _daemon(
        "daemon-under-a-subreaper",
        """
import ctypes, os, time
if os.fork() == 0:
    os.setsid()
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
    for _ in range(3):
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(60)
            os._exit(0)
    time.sleep(60)
time.sleep(0.1)
""",
    ),
    _daemon(
        "daemon-in-disguise",
        """
import ctypes, os, resource, time
if os.fork() == 0:
    os.setsid()
    ctypes.CDLL(None).prctl(15, b"kworker) Z 1 (", 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_MSGQUEUE, (0, 0)) if hasattr(resource, "RLIMIT_MSGQUEUE") else None
    ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
    os.closerange(0, 64)
    time.sleep(60)
time.sleep(0.05)
""",
    ),
    _daemon(
        "daemon-that-is-stopped",
        """
import os, signal
if os.fork() == 0:
    os.setsid()
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
""",
    ),
    _daemon(
        "daemon-of-many-short-lives",
        """
import os, time
if os.fork() == 0:
    os.setsid()
    os.closerange(0, 64)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if os.fork():
                os._exit(0)
            os.setsid()
        except OSError:
            pass
    os._exit(0)
time.sleep(0.05)
""",
    ),
    _daemon(
        "many-daemons-of-short-lives",
        """
import os, time
for _ in range(4):
    if os.fork() == 0:
        os.setsid()
        end = time.monotonic() + 30
        while time.monotonic() < end:
            try:
                if os.fork():
                    os._exit(0)
                os.setsid()
            except OSError:
                pass
        os._exit(0)
time.sleep(0.05)
""",
    ),
    _daemon(
        "daemon-in-namespaces-of-its-own",
        """
import ctypes, os, time
libc = ctypes.CDLL(None)
if os.fork() == 0:
    os.setsid()
    libc.unshare(0x10000000)
    libc.unshare(0x20000000 | 0x00020000 | 0x40000000)
    if os.fork() == 0:
        os.closerange(0, 64)
        time.sleep(60)
    os._exit(0)
os.wait()
""",
    ),
    _daemon(
        "threads-that-never-end",
        "import threading, time\nfor _ in range(3): threading.Thread(target=time.sleep, args=(60,)).start()\n"
        "import os\nos._exit(0)",
    ),
    Attack(
        name="files-with-odd-names-and-modes",
        threats=("T4", "T15"),
        bites=True,
        code="""
import os
left = event["left"].encode()
for folder in (b"/tmp", b"/var/tmp", b"/dev/shm", b"/run/lock", b"."):
    for name in (left + b"\\n", left + b"\\xff\\xfe", left + b"x" * 200, left + b" -rf *"):
        try:
            os.mkdir(folder + b"/" + name)
            os.mkdir(folder + b"/" + name + b"/closed")
            open(folder + b"/" + name + b"/closed/file", "wb").write(b"left")
            os.chmod(folder + b"/" + name + b"/closed/file", 0o4777)
            os.chmod(folder + b"/" + name + b"/closed", 0)
            os.chmod(folder + b"/" + name, 0o1777)
            open(folder + b"/file-" + name, "wb").close()
            os.chmod(folder + b"/file-" + name, 0o6777)
        except OSError:
            pass
""",
        then="""
@attempt
def left():
    return names_left("/run/lock")
""",
        ends=End(result=None),
        weaker=(_SHARED_TMP,),
    ),
    Attack(
        name="anywhere-that-can-be-written",
        threats=("T4", "T15"),
        code="""
import os
for root in ("/", "/tmp", "/run", "/var", "/var/lib", "/var/cache", "/var/spool", "/usr/local", "/opt", "/srv", "/mnt", "/media",
             "/home", "/etc", "/var/crash", "/var/mail", "/var/lock", "/run/user", "/sys/fs/cgroup", "/dev", "/proc/self"):
    try:
        folders = [root, *(f"{root}/{name}" for name in os.listdir(root))]
    except OSError:
        folders = [root]
    for folder in folders:
        try:
            with open(f"{folder}/{event['left']}", "w") as file:
                file.write("left")
        except OSError:
            pass
""",
        then="""
@attempt
def left():
    found = []
    for root in ("/", "/tmp", "/run", "/var", "/var/lib", "/var/cache", "/var/spool", "/usr/local", "/opt", "/srv", "/home", "/etc"):
        try:
            folders = [root, *(f"{root}/{name}" for name in os.listdir(root))]
        except OSError:
            folders = [root]
        found += [folder for folder in folders if os.path.lexists(f"{folder}/{event['left']}")]
    return found
""",
        ends=End(result=None),
        weaker=(
            Weakness(
                unless=("own_user", "landlock"),
                reason=_SHARED_TMP.reason,
                remains=_SHARED_TMP.remains,
                left=True,
                changed=("leftovers", "files"),
            ),
            _SHARED_TMP,
        ),
    ),
    Attack(
        name="links-out-of-the-folder",
        threats=("T4", "T15"),
        code="""
import os
for number, target in enumerate(("/", "/tmp", "/etc", event["folder"], event["neighbour"], event["package"], "..", ".")):
    os.symlink(target, f"link{number}")
    os.mkdir(f"inner{number}")
    os.symlink(target, f"inner{number}/link")
    os.chmod(f"inner{number}", 0)
for target in (event["folder"] + "/secret", event["package"] + "/guarded.py", "/etc/passwd"):
    try:
        os.link(target, "hard" + str(len(target)))
    except OSError:
        pass
os.symlink("loop", "loop")
""",
        ends=End(result=None),
    ),
    Attack(
        name="own-folder-moved",
        threats=("T4", "T8", "T15"),
        code="import os\nos.rename(os.getcwd(), '/tmp/' + event['left'])\nprint('moved')",
        then="""
@attempt
def left():
    return names_left()
""",
        # Moved or not, it is the script's end that counts.
        ends=End(
            status="failed|succeeded", result=None, stdout=re.compile("(moved\n)?"), stderr=re.compile(r"[\s\S]*")
        ),
    ),
    Attack(
        name="own-folder-removed",
        threats=("T4", "T8"),
        code="import os\nhere = os.getcwd()\ntry:\n    os.rmdir(here)\n    open(here, 'w').close()\nexcept OSError: pass",
        ends=End(result=None),
    ),
    Attack(
        name="own-folder-replaced-by-a-link",
        threats=("T4", "T14", "T15"),
        code="""
import os
here = os.getcwd()
for target in (event["folder"], event["neighbour"], event["package"]):
    try:
        os.rename(here, "/tmp/" + event["left"])
        os.symlink(target, here)
        break
    except OSError:
        pass
""",
        ends=End(result=None),
    ),
    Attack(
        name="folder-made-deeper-than-a-path",
        threats=("T4", "T8"),
        code="""
import os
for _ in range(1500):
    os.mkdir("d" * 100)
    os.chdir("d" * 100)
open("bottom", "w").close()
""",
        ends=End(result=None),
    ),
    Attack(
        name="standard-library-patched",
        threats=("T4", "T12"),
        code="""
import sys, sysconfig, json

@attempt
def modules():
    got = []
    folders = {os.path.dirname(json.__file__), sysconfig.get_path("stdlib"), *sys.path, os.path.dirname(sys.executable),
               event["package"], event["package"] + "/sandbox_lambda", "/var/task", "/opt/python"}
    for folder in folders:
        for name in ("json.py", "sitecustomize.py", "x.pth", "__pycache__/json.cpython-311.pyc"):
            try:
                with open(f"{folder}/{name}", "a"):
                    got.append(folder)
            except OSError:
                pass
    return got

@attempt
def loaded():
    for module in list(sys.modules.values()):
        if path := getattr(module, "__file__", None):
            try:
                os.chmod(path, 0o666)
                return path
            except OSError:
                pass

@attempt
def replaced():
    os.rename(sys.executable, sys.executable + ".old")
    return "interpreter replaced"
""",
    ),
    Attack(
        name="start-up-files-of-the-user",
        threats=("T4", "T12"),
        code="""
import os, sys
version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
evil = "raise SystemExit(66)"
for folder in (os.environ["HOME"], os.path.expanduser("~"), "/tmp/" + event["left"], "."):
    for name in (f".local/lib/{version}/site-packages/usercustomize.py", f".local/lib/{version}/site-packages/x.pth",
                 "sitecustomize.py", "usercustomize.py", "json.py", "threading.py", ".profile", ".bashrc", ".pythonrc"):
        try:
            os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
            open(f"{folder}/{name}", "w").write(evil)
        except OSError:
            pass
""",
        then="import json, threading\nresult = {}",
        ends=End(result=None),
        weaker=(
            Weakness(
                unless=("own_user",),
                reason=_SHARED_TMP.reason,
                remains=f"{_SHARED_TMP.remains} And no run looks for modules in /tmp.",
                changed=("leftovers",),
            ),
        ),
    ),
    Attack(
        name="schedulers",
        threats=("T4",),
        code="""
import subprocess, pwd

@attempt
def files():
    got = []
    for path in ("/var/spool/cron/crontabs/root", "/var/spool/cron/sbx", "/etc/cron.d/plinth", "/etc/crontab",
                 "/var/spool/at/a0000", "/etc/rc.local", "/etc/profile.d/plinth.sh", "/etc/ld.so.preload",
                 "/etc/systemd/system/plinth.service", "/usr/lib/tmpfiles.d/plinth.conf", "/etc/environment"):
        try:
            open(path, "a").close()
            got.append(path)
        except OSError:
            pass
    return got

@attempt
def programs():
    got = []
    for command in (["crontab", "-"], ["at", "now"], ["batch"], ["systemd-run", "--user", "true"],
                    ["loginctl", "enable-linger"], ["start-stop-daemon", "--start", "--exec", "/bin/false"]):
        try:
            if subprocess.run(command, input=b"* * * * * true\\n", capture_output=True, timeout=1).returncode == 0:
                got.append(command[0])
        except (OSError, subprocess.TimeoutExpired):
            pass
    return got
""",
    ),
    Attack(
        name="objects-of-system-v",
        threats=("T4", "T8", "T16"),
        bites=True,
        code="""
import ctypes
libc = ctypes.CDLL(None)
for number in range(20):
    libc.shmget(event["key"] + number, 4096, 0o1777)
    libc.semget(event["key"] + number, 1, 0o1777)
    libc.msgget(event["key"] + number, 0o1777)
""",
        then="""
import ctypes

@attempt
def left():
    libc = ctypes.CDLL(None)
    return [n for n in range(20) for call in (libc.shmget, libc.semget, libc.msgget)
            if call(event["key"] + n, *((0,) if call is libc.msgget else (0, 0))) >= 0]
""",
        ends=End(result=None),
        weaker=(
            Weakness(
                unless=("own_user", "seccomp"),
                reason="An object has no owner but its uid, which is the runner's own here.",
                remains="The environment serves one run.",
                left=True,
                changed=("ipc",),
            ),
        ),
    ),
    Attack(
        name="shared-memory-of-posix",
        threats=("T4", "T15"),
        bites=True,
        code="""
import ctypes, os
libc = ctypes.CDLL("librt.so.1")
left = event["left"].encode()
for name in (b"/" + left, b"/sem." + left):
    libc.shm_open(name, os.O_CREAT | os.O_RDWR, 0o777)
libc.mq_open(b"/" + left, os.O_CREAT | os.O_RDWR, 0o777, None)
""",
        then="""
@attempt
def left():
    return names_left("/dev/mqueue")
""",
        ends=End(result=None),
        weaker=(_SHARED_TMP,),
    ),
    Attack(
        name="keys-of-the-user",
        threats=("T4", "T15", "T16"),
        code="""
import ctypes, os
libc = ctypes.CDLL(None)
number = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
for ring in (-4, -5, -3):
    libc.syscall(number, b"user", event["left"].encode(), b"message", 7, ring)
""",
        then="""
import ctypes

@attempt
def left():
    return [line for line in open("/proc/keys").read().splitlines() if event["left"] in line]
""",
        ends=End(result=None),
        weaker=(
            Weakness(
                unless=("seccomp",),
                reason="The kernel keeps the keyring of a uid although no process of it is left.",
                remains="A uid's keyring dies with the machine, and the environment serves one run.",
                left=True,
            ),
        ),
    ),
    Attack(
        name="sockets-and-pipes-with-names",
        threats=("T4", "T5"),
        code="""
import os, socket
for folder in ("/tmp", "/var/tmp", "/dev/shm", "."):
    os.mkfifo(f"{folder}/{event['left']}-pipe")
    try:
        socket.socket(socket.AF_UNIX).bind(f"{folder}/{event['left']}-socket")
    except OSError:
        pass
""",
        then="""
@attempt
def left():
    return names_left()
""",
        ends=End(result=None),
        weaker=(_SHARED_TMP,),
    ),
    Attack(
        name="leases-and-copies-of-the-runner",
        threats=("T4", "T14", "T15"),
        code="""
import fcntl
state = "/tmp/plinth-sandbox"

@attempt
def leases():
    got = []
    for user in range(60600, 60604):
        fcntl.flock(open(f"{state}/users/{user}", "w"), fcntl.LOCK_EX | fcntl.LOCK_NB)
        got.append(user)
    return got

@attempt
def replaced():
    os.rename(state, state + "-old")
    return "moved"

@attempt
def changed():
    got = []
    for root, folders, names in os.walk(state):
        for name in (*folders, *names[:3]):
            if os.access(f"{root}/{name}", os.W_OK) and not os.path.islink(f"{root}/{name}"):
                got.append(f"{root}/{name}")
    return got
""",
    ),
    Attack(
        name="settings-of-the-kernel",
        threats=("T4", "T16"),
        code="""
import resource, socket

@attempt
def written():
    got = []
    for path in ("/proc/sys/kernel/core_pattern", "/proc/sys/kernel/hostname", "/proc/sys/vm/overcommit_memory",
                 "/proc/sys/kernel/modprobe", "/proc/sysrq-trigger", "/sys/kernel/uevent_helper", "/proc/sys/fs/file-max",
                 "/proc/self/oom_adj_", "/sys/fs/cgroup/cgroup.procs", "/proc/sys/kernel/ns_last_pid"):
        try:
            with open(path, "r+") as file:
                value = file.read()
                file.write(value)
            got.append(path)
        except (OSError, ValueError):
            pass
    return got

@attempt
def host_name():
    socket.sethostname(event["left"])
    return socket.gethostname()

@attempt
def clock():
    import time
    time.clock_settime(time.CLOCK_REALTIME, time.time())
    return "set"
""",
    ),
    Attack(
        name="set-uid-shell-left-behind",
        threats=("T4", "T15"),
        bites=True,
        code="""
import os, shutil
for folder in ("/tmp", "/var/tmp", "/dev/shm"):
    shutil.copyfile("/bin/true", f"{folder}/{event['left']}")
    os.chmod(f"{folder}/{event['left']}", 0o6755)
""",
        then="""
@attempt
def left():
    return names_left()
""",
        ends=End(result=None),
        weaker=(_SHARED_TMP,),
    ),
)
