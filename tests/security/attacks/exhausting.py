"""Scripts that want more than their share: of processes, memory, disk, time, descriptors and the reader's patience."""

import re
import signal
from typing import Any

from tests.security.attack import ANYTHING, Attack, End, Weakness

_KILLED = End(status="timed_out", signal=signal.SIGKILL, result=None, stdout=ANYTHING, stderr=ANYTHING)
_MEMORY = End(status="out_of_memory", result=None, stderr=re.compile(r"[\s\S]*MemoryError.*\n"))


def _endless(name: str, code: str, *, ends: End = _KILLED, threats: tuple[str, ...] = ("T8",), **limits: Any) -> Attack:
    """One that only its time ends."""
    return Attack(name=name, threats=threats, code=code, ends=ends, limits={"wall_seconds": 0.7, **limits})


def _greedy(name: str, code: str, *, ends: End = _MEMORY, **limits: Any) -> Attack:
    return Attack(name=name, threats=("T8",), code=code, ends=ends, limits={"memory_mb": 96, **limits})


def _loud(name: str, code: str, stdout: bool, stderr: bool) -> Attack:
    truncated = tuple(stream for stream, cut in (("stdout", stdout), ("stderr", stderr)) if cut)
    ends = End(status="output_limit", result=None, stdout=ANYTHING, stderr=ANYTHING, truncated=truncated)
    return Attack(name=name, threats=("T8", "T9"), code=code, ends=ends)


def _failing(name: str, code: str, error: str, *, threats: tuple[str, ...] = ("T8",), **limits: Any) -> Attack:
    """One whose excess is an error of its own."""
    ends = End(status="failed", exit_code=1, result=None, stdout=ANYTHING, stderr=re.compile(rf"[\s\S]*{error}[\s\S]*"))
    return Attack(name=name, threats=threats, code=code, ends=ends, limits=limits)


ATTACKS = (
    _endless(
        "fork-bomb",
        "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
        threats=("T8", "T4"),
    ),
    _endless(
        "fork-bomb-in-sessions",
        "import os\nwhile True:\n    try:\n        if os.fork() == 0: os.setsid()\n    except OSError: pass",
        threats=("T8", "T4"),
    ),
    _endless(
        "fork-bomb-of-a-shell",
        "import os\nos.execv('/bin/sh', ['sh', '-c', 'b() { b | b & }; b; while :; do b; done 2>/dev/null'])",
        # The shell may give up before its time is up.
        ends=End(
            status="timed_out|failed|output_limit|succeeded",
            result=None,
            stdout=ANYTHING,
            stderr=ANYTHING,
            truncated=(),
        ),
        threats=("T8", "T4"),
    ),
    _endless(
        "fork-bomb-of-threads",
        "import threading, time\nwhile True:\n    try: threading.Thread(target=time.sleep, args=(9,)).start()\n"
        "    except (RuntimeError, MemoryError): pass",
    ),
    _endless(
        "children-never-reaped",
        "import os, time\nwhile True:\n    try:\n        if os.fork() == 0: os._exit(0)\n    except OSError: time.sleep(0.1)",
    ),
    _greedy("memory-slowly", "hoard = []\nwhile True: hoard.append(bytearray(1 << 20))"),
    _greedy("memory-at-once", "hoard = b'x' * (1 << 30)"),
    _greedy("memory-of-objects", "hoard = list(range(10 ** 9))"),
    _greedy("memory-of-an-endless-generator", "import itertools\nhoard = list(itertools.repeat('x'))"),
    _greedy("memory-by-a-format", "hoard = '%099999999999d' % 1"),
    _greedy("memory-of-a-dictionary", "hoard = {n: [n] for n in range(10 ** 8)}"),
    _greedy(
        "memory-mapped",
        "import mmap\nhoard = []\nwhile True: hoard.append(mmap.mmap(-1, 1 << 24))",
        ends=End(status="failed", exit_code=1, result=None, stderr=re.compile(r"[\s\S]*\[Errno 12\][\s\S]*")),
    ),
    _greedy(
        "memory-hidden-from-the-interpreter",
        "import ctypes\nlibc = ctypes.CDLL(None)\nlibc.malloc.restype = ctypes.c_void_p\n"
        "got = 0\nwhile libc.malloc(1 << 22): got += 4\nprint(got < 128)",
        ends=End(result=None, stdout="True\n"),
    ),
    _greedy(
        "memory-error-held-off",
        "hoard = []\nfor _ in range(200):\n    try:\n        while True: hoard.append(bytearray(1 << 20))\n"
        "    except MemoryError: pass\nhoard.clear()\nprint('alive')",
        ends=End(result=None, stdout="alive\n"),
    ),
    _greedy(
        "memory-of-a-hostile-archive",
        """
import zlib
bomb = zlib.compress(zlib.compress(b"\\0" * (1 << 26), 9), 9)
hoard = zlib.decompress(zlib.decompress(bomb)) * 16
""",
    ),
    _endless(
        "memory-in-many-processes",
        """
import os, time
for _ in range(8):
    try:
        if os.fork() == 0: break
    except OSError: break
hoard = []
while True:
    try: hoard.append(bytearray(1 << 20))
    except MemoryError: time.sleep(9)
""",
        memory_mb=64,
        processes=6,
    ),
    Attack(
        name="memory-in-files",
        threats=("T8", "T4"),
        code="""
import ctypes, os
descriptors = [os.memfd_create(str(n)) for n in range(40)]
got = 0
for descriptor in descriptors:
    try:
        while True: got += os.write(descriptor, b"x" * (1 << 18))
    except OSError: pass
# At most a megabyte each.
print(got <= 40 << 20)
""",
        ends=End(result=None, stdout="True\n"),
    ),
    Attack(
        name="memory-in-pipes",
        threats=("T8",),
        code="""
import fcntl, os
got, pipes = 0, []
try:
    while True:
        left, right = os.pipe()
        pipes.append((left, right))
        os.set_blocking(right, False)
        try: fcntl.fcntl(right, 1031, 1 << 20)
        except OSError: pass
        try:
            while True: got += os.write(right, b"x" * 65536)
        except BlockingIOError: pass
except OSError: pass
print(len(pipes) < 32, got <= 32 << 20)
""",
        ends=End(result=None, stdout="True True\n"),
    ),
    _failing(
        "disk-by-one-file",
        "with open('big', 'wb') as file:\n    while True: file.write(b'x' * 65536)",
        "File too large",
    ),
    _failing("disk-by-a-hole", "open('hole', 'wb').truncate(1 << 40)", "File too large"),
    _failing(
        "disk-by-reservation",
        "import os\nos.posix_fallocate(os.open('f', 66), 0, 1 << 40)",
        "(File too large|Errno 27)",
    ),
    Attack(
        name="disk-by-many-files",
        threats=("T8", "T4"),
        code="""
import os
block = b"x" * (1 << 20)
for folder in (".", "/tmp", "/var/tmp", "/dev/shm"):
    for number in range(40):
        try:
            with open(f"{folder}/{event['left']}-{number}", "wb") as file:
                file.write(block)
        except OSError:
            pass
""",
        then="""
@attempt
def left():
    return names_left()
""",
        ends=End(result=None),
        weaker=(
            Weakness(
                unless=("own_user",),
                reason="What a script leaves outside of its folder cannot be told from the runner's own.",
                remains="The environment serves one run, and its disk (512 MB) goes with it.",
                left=True,
                changed=("leftovers",),
            ),
        ),
    ),
    Attack(
        name="disk-by-many-names",
        threats=("T8", "T4"),
        code="""
import os
for folder in range(2):
    os.mkdir(str(folder))
    for number in range(700):
        os.close(os.open(f"{folder}/{'n' * 200}{number}", os.O_CREAT))
""",
        ends=End(result=None),
    ),
    _failing("descriptors", "import os\nwhile True: os.dup(0)", "Too many open files"),
    _failing("pipes", "import os\npipes = []\nwhile True: pipes.append(os.pipe())", "Too many open files"),
    _failing(
        "terminals",
        "import os\nheld = []\nwhile True: held.append(os.openpty())",
        "(Too many open files|denied|permitted|out of pty)",
    ),
    _failing(
        "watches",
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nwhile libc.inotify_init() >= 0: pass\nos.dup(0)",
        "Too many open files",
    ),
    _loud("stdout-without-end", "while True: print('x' * 1000)", True, False),
    _loud("stderr-without-end", "import sys\nwhile True: print('x' * 1000, file=sys.stderr)", False, True),
    _loud("stdout-without-lines", "import sys\nwhile True: sys.stdout.write('x')", True, False),
    _loud("stdout-at-once", "print('x' * (1 << 26))", True, False),
    _loud(
        "stdout-by-many", "import os\nfor _ in range(5): os.fork()\nwhile True: os.write(1, b'x' * 4096)", True, False
    ),
    _loud("stdout-by-a-program", "import os\nos.execvp('yes', ['yes'])", True, False),
    _loud(
        "warnings-without-end",
        "import sys\nwhile True:\n    try: raise ValueError('x' * 999)\n"
        "    except ValueError: sys.excepthook(*sys.exc_info())",
        False,
        True,
    ),
    _loud("message-of-an-exception", "raise ValueError('x' * (1 << 20))", False, True),
    _endless("sleep", "import time\ntime.sleep(60)"),
    _endless("busy-loop", "while True: pass"),
    _endless("busy-pattern", "import re\nre.match(r'(a+)+$', 'a' * 64 + 'b')"),
    _endless("busy-power", "x = 7 ** 10 ** 9"),
    _endless("busy-sort", "import itertools\nsum(itertools.count())"),
    _endless("busy-number-to-text", "import sys\nsys.set_int_max_str_digits(0)\nprint(len(str(1 << (1 << 28))))"),
    Attack(
        name="processor-time",
        threats=("T8",),
        limits={"cpu_seconds": 1, "wall_seconds": 30.0},
        code="import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        ends=End(status="timed_out", signal=signal.SIGKILL, result=None),
    ),
    _endless(
        "signals-ignored",
        "import signal, time\nfor number in signal.valid_signals() - {9, 19}:\n"
        "    signal.signal(number, signal.SIG_IGN)\nwhile True: time.sleep(1)",
    ),
    _endless("stopped", "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)"),
    _endless("streams-closed", "import os, time\nos.closerange(0, 64)\ntime.sleep(60)"),
    _endless("exit-that-sleeps", "import atexit, time\natexit.register(time.sleep, 60)"),
    _endless(
        "exit-that-never-comes",
        "class Again:\n    def __del__(self):\n        while True: pass\nagain = Again()\nagain.me = again",
    ),
    _endless("thread-that-never-ends", "import threading\nthreading.Thread(target=threading.Event().wait).start()"),
    _endless(
        "message-that-never-ends",
        "class Long(Exception):\n    def __str__(self):\n        while True: pass\nraise Long",
    ),
    _failing(
        "message-that-raises",
        "class Bad(Exception):\n    def __str__(self): raise SystemError('no')\nraise Bad",
        "exception str",
        threats=("T8", "T11"),
    ),
    Attack(
        name="input-that-never-comes",
        threats=("T8",),
        code="import sys\nprint(repr(sys.stdin.read()))\ntry: input()\nexcept EOFError: print('nothing')",
        ends=End(result=None, stdout="''\nnothing\n"),
    ),
    _failing("recursion", "def f(): f()\nf()", "RecursionError"),
    Attack(
        name="recursion-without-limit",
        threats=("T8",),
        code="import sys\nsys.setrecursionlimit(10 ** 9)\nclass A:\n    def __getattr__(self, name): return getattr(self, name)\n"
        "A().x",
        ends=End(status="failed|out_of_memory|timed_out", result=None, stderr=ANYTHING),
    ),
    Attack(
        name="crash",
        threats=("T8",),
        code="import ctypes\nctypes.string_at(0)",
        ends=End(status="failed", signal=signal.SIGSEGV, result=None),
    ),
    *(
        Attack(
            name=f"source-of-many-{name}",
            threats=("T8", "T11"),
            limits={"memory_mb": 512},
            code=f"try: compile({source}, '', 'eval')\nexcept (SyntaxError, MemoryError, RecursionError): print('refused')",
            ends=End(result=None, stdout="refused\n"),
        )
        for name, source in {"brackets": "'(' * 100_000", "signs": "'-' * 100_000 + '1'"}.items()
    ),
    Attack(
        name="source-nested-itself",
        threats=("T8", "T11"),
        code="x = " + "[" * 3000 + "]" * 3000,
        ends=End(
            status="failed|out_of_memory",
            result=None,
            stderr=re.compile(r"[\s\S]*(too many nested|MemoryError|Syntax)[\s\S]*"),
        ),
    ),
    Attack(
        name="source-of-constants",
        threats=("T8", "T11"),
        code="x = ((((((((9,) * 99,) * 99,) * 99,) * 99,) * 99,) * 99,) * 99)\nx = 'ab' * (1 << 40)",
        ends=End(status="out_of_memory|failed", result=None, stderr=ANYTHING),
        limits={"memory_mb": 96},
    ),
    _failing(
        "limits-raised",
        """
import resource
for kind in range(16):
    soft, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        try:
            resource.setrlimit(kind, (hard + 1, hard + 1))
            print("raised", kind)
        except (OSError, ValueError):
            pass
resource.setrlimit(resource.RLIMIT_CPU, (99, 99))
""",
        "not allowed to raise maximum limit",
    ),
)
