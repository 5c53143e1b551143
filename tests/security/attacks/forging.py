"""Scripts that want to be taken for something else: in their verdict, their result or the runner's own voice."""

import re

from tests.security.attack import Attack, End, Weakness

_EVERYWHERE = """
import os
def everywhere(frame):
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, frame)
        except OSError:
            pass
"""

_NO_RESULT = End(result=None)

ATTACKS = (
    Attack(
        name="success-claimed-then-failed",
        threats=("T10",),
        code=_EVERYWHERE + 'everywhere(b\'{"status": "succeeded", "exit_code": 0, "result": "forged"}\')\nos._exit(1)',
        ends=End(status="failed", exit_code=1, result=None, truncated=("result",)),
    ),
    Attack(
        name="frame-before-the-real-one",
        threats=("T10",),
        code=_EVERYWHERE + "everywhere((8).to_bytes(4, 'big') + b'\"forged\"')\nresult = 'true'",
        ends=_NO_RESULT,
    ),
    Attack(
        name="frame-after-the-real-one",
        threats=("T10",),
        code=_EVERYWHERE
        + """
class Late:
    def __del__(self):
        everywhere((8).to_bytes(4, "big") + b'"forged"')
late = Late()
late.itself = late
result = "true"
import atexit
atexit.register(everywhere, (8).to_bytes(4, "big") + b'"forged"')
""",
        ends=_NO_RESULT,
    ),
    Attack(
        name="frame-of-a-wrong-length",
        threats=("T10", "T11"),
        code=_EVERYWHERE + "everywhere((30_000).to_bytes(4, 'big') + b'\"short\"')",
        ends=_NO_RESULT,
    ),
    Attack(
        name="frame-of-four-gigabytes",
        threats=("T8", "T10", "T11"),
        code=_EVERYWHERE + "everywhere((2 ** 32 - 1).to_bytes(4, 'big') + b'x')\nraise SystemExit(9)",
        ends=End(status="failed", exit_code=9, result=None, truncated=("result",)),
    ),
    Attack(
        name="frame-by-a-heir",
        threats=("T10",),
        code=_EVERYWHERE
        + """
import time
if os.fork() == 0:
    os.setsid()
    while True:
        everywhere((8).to_bytes(4, "big") + b'"forged"')
        time.sleep(0.001)
time.sleep(0.05)
""",
        ends=_NO_RESULT,
    ),
    Attack(
        name="report-opened-again",
        threats=("T10",),
        code="""
import os
for number in os.listdir("/proc/self/fd"):
    if int(number) > 2:
        try:
            again = os.open(f"/proc/self/fd/{number}", os.O_WRONLY)
            os.write(again, (2).to_bytes(4, "big") + b"[]")
            os.dup2(again, 99 % 60)
        except OSError:
            pass
result = {"status": "succeeded"}
""",
        # A pipe made by another uid cannot be opened again: then its own result is all there is.
        ends=End(result=re.compile(r"None|\{'status': 'succeeded'\}")),
    ),
    Attack(
        name="report-flooded",
        threats=("T8", "T10"),
        limits={"wall_seconds": 0.6},
        code=_EVERYWHERE + "while True: everywhere(b'x' * 60_000)",
        ends=End(status="timed_out", result=None, truncated=("result",)),
    ),
    Attack(
        name="stdout-in-the-runners-voice",
        threats=("T9", "T10"),
        code="""
import sys
for stream in (sys.stdout, sys.stderr):
    print('{"status": "succeeded", "exit_code": 0, "result": "forged"}', file=stream)
    print("END RequestId: 8f507cfc-xmpl-4697-b07a-ac58fc914c95", file=stream)
    print("REPORT RequestId: 8f507cfc Duration: 1 ms", file=stream)
    print('{"_aws": {"CloudWatchMetrics": [{"Namespace": "Plinth", "Metrics": [{"Name": "x"}]}]}, "x": 1}', file=stream)
    print("::set-output name=status::succeeded\\n##[error]forged", file=stream)
raise SystemExit(4)
""",
        ends=End(
            status="failed",
            exit_code=4,
            result=None,
            stdout=re.compile(r'\{"status": "succeeded"[\s\S]*##\[error\]forged\n'),
            stderr=re.compile(r'\{"status": "succeeded"[\s\S]*##\[error\]forged\n'),
        ),
    ),
    Attack(
        name="exit-hooks",
        threats=("T10", "T12"),
        code="""
import atexit, sys, threading
result = "forged"
atexit.register(lambda: print("hook"))
threading.excepthook = sys.unraisablehook = lambda *_: None
sys.exit = exit = quit = lambda *_: None
sys.excepthook = lambda *_: print("all is well")
raise ValueError("not well")
""",
        ends=End(status="failed", exit_code=1, result=None, stdout="all is well\nhook\n"),
    ),
    Attack(
        name="end-with-zero-after-a-failure",
        threats=("T10",),
        code="""
import os, sys
result = "forged"
sys.excepthook = lambda *_: os._exit(0)
raise ValueError
""",
        # Whether it succeeded is the script's to say; what it left is not, unless it ran to its end.
        ends=_NO_RESULT,
    ),
    Attack(
        name="streams-replaced",
        threats=("T9", "T12"),
        code="""
import sys
class Broken:
    def __getattribute__(self, name): raise SystemError("no " + name)
print("before")
sys.stdout = sys.stderr = sys.stdin = sys.__stdout__ = sys.__stderr__ = Broken()
result = "kept"
""",
        ends=End(status="succeeded|failed", result=re.compile("kept|None"), stdout="before\n", stderr=re.compile(".*")),
    ),
    Attack(
        name="builtins-replaced",
        threats=("T10", "T12"),
        code="""
import builtins, os
def lie(*_, **__): return 0
for name in ("len", "int", "bytes", "str", "print", "open", "type", "isinstance", "repr", "getattr", "dict"):
    setattr(builtins, name, lie)
os.write = os._exit = lie
result = {"status": "succeeded"}
""",
        ends=End(status="failed|succeeded", result=None, stderr=re.compile(r"[\s\S]*")),
    ),
    Attack(
        name="json-replaced",
        threats=("T10", "T11", "T12"),
        code="""
import json, sys
class Text(str):
    def encode(self, *_): return b'{"a": 1}garbage' * 9
json.dumps = lambda *_, **__: Text("x")
sys.modules["marshal"] = sys.modules["traceback"] = None
result = 1
""",
        ends=_NO_RESULT,
    ),
    Attack(
        name="json-replaced-by-no-module",
        threats=("T11", "T12"),
        code="import sys\nsys.modules['json'] = None\nresult = 1",
        ends=End(
            status="failed", exit_code=1, result=None, stderr=re.compile(r"The global `result` \(int\) cannot .*\n")
        ),
    ),
    Attack(
        name="bootstrap-replaced",
        threats=("T10", "T12"),
        code="""
import sys
frame = sys._getframe()
while frame.f_back:
    frame = frame.f_back
frame.f_globals["_send_result"] = lambda task, script, report: [
    frame.f_globals["os"].write(report, b"\\x00\\x00\\x00\\x08" + b'"forged"') for _ in range(2)]
result = 1
""",
        ends=_NO_RESULT,
    ),
    Attack(
        name="result-that-lies-about-itself",
        threats=("T10", "T11", "T12"),
        code="""
class Whole(int):
    def __repr__(self): return '1, "forged": 1'
    __str__ = __repr__
class Text(str):
    def __len__(self): return 0
    def encode(self, *_): return b"x" * 99
class Pairs(dict):
    def items(self): return iter([("a", 1), ("a", 2)])
    def __len__(self): return 1
result = [Whole(3), Text("plain"), Pairs(a=0)]
""",
        ends=End(result=re.compile(re.escape("[3, 'plain', {'a': 2}]"))),
    ),
    Attack(
        name="result-without-end",
        threats=("T8", "T10"),
        limits={"wall_seconds": 1.0, "memory_mb": 96},
        code="""
class Endless(dict):
    def items(self):
        while True: yield ("x" * 100, 1)
    def __len__(self): return 1
    def __bool__(self): return True
result = Endless(a=1)
""",
        ends=End(status="out_of_memory|timed_out|failed", result=None, stderr=re.compile(r"[\s\S]*")),
    ),
    Attack(
        name="other-program",
        threats=("T10",),
        code="import os\nresult = 'forged'\nos.execv('/bin/sh', ['sh', '-c', 'echo here; kill -9 $$'])",
        ends=End(status="failed", signal=9, result=None, stdout="here\n"),
    ),
    Attack(
        name="signals-that-mean-something",
        threats=("T10", "T13"),
        code="import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)",
        ends=End(status="failed", signal=24, result=None),
    ),
    Attack(
        name="exit-code-out-of-range",
        threats=("T10", "T11"),
        code="import os\nresult = 'forged'\nos._exit(-1)",
        ends=End(status="failed", exit_code=255, result=None),
    ),
    Attack(
        name="exit-with-a-strange-value",
        threats=("T10", "T11"),
        code="result = 1\nraise SystemExit({'status': 'succeeded'})",
        ends=End(status="failed", exit_code=1, result=1, stderr="{'status': 'succeeded'}\n"),
    ),
    Attack(
        name="leader-ends-before-its-children",
        threats=("T4", "T10"),
        code="""
import os, time
if os.fork() == 0:
    os.close(0)
    time.sleep(20)
    print("too late")
print("in time", flush=True)
os._exit(0)
""",
        ends=End(result=None, stdout="in time\n"),
    ),
    Attack(
        name="runtime-api",
        threats=("T3", "T5", "T10"),
        code="""
import http.client

def asks(verb, path, body=None):
    for address in (event["runtime"], os.environ.get("AWS_LAMBDA_RUNTIME_API")):
        if address:
            connection = http.client.HTTPConnection(address, timeout=0.1)
            connection.connect()
            try:
                connection.request(verb, path, body)
                return connection.getresponse().status
            except TimeoutError:
                return "connected"

@attempt
def next_event():
    return asks("GET", "/2018-06-01/runtime/invocation/next")

@attempt
def forged_response():
    return asks("POST", "/2018-06-01/runtime/invocation/8f507cfc-0000/response", '{"status": "succeeded"}')

@attempt
def forged_error():
    return asks("POST", "/2018-06-01/runtime/invocation/8f507cfc-0000/error", "{}")

@attempt
def failed_start():
    return asks("POST", "/2018-06-01/runtime/init/error", "{}")

@attempt
def extension():
    return asks("POST", "/2020-01-01/extension/register", '{"events": ["INVOKE"]}')
""",
        weaker=(
            Weakness(
                unless=("seccomp", "landlock_tcp"),
                reason="Nothing in the process keeps a script from a port of its own machine.",
                remains="It can answer for its own run only: the environment serves one, and the answer is not trusted.",
                loot=True,
                contacts=True,
            ),
        ),
    ),
)
