"""The first thing the fresh interpreter runs: it ties its own hands, then becomes the user's script.

The runner passes this file's source on the command line, so it imports nothing of the package. Nothing secret is in
it, and nothing it sends is trusted: user code runs in the same process and can do all that it can.
"""

from __future__ import annotations

import _sitebuiltins
import builtins
import linecache
import marshal
import os
import resource
import sys
import types

# As `typing.TYPE_CHECKING`, without its import: that would double the time until the script begins.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SCRIPT = "<automation>"

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9


def main(report: int, parent: int) -> None:
    """Read the task from standard input, run it, and report on the descriptor `report`."""
    os.set_inheritable(report, False)
    if sys.platform == "linux":
        _renounce(parent)
    task = marshal.load(sys.stdin.buffer)  # noqa: S302  Written by the runner, which is the same interpreter.
    for kind, soft, hard in task["rlimits"]:
        _limit(kind, soft, hard)

    script = types.ModuleType("__main__")
    script.__dict__.update(__builtins__=builtins, __file__=_SCRIPT, event=task["event"])
    sys.modules["__main__"] = script
    sys.argv = [_SCRIPT]
    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D")
    linecache.cache[_SCRIPT] = (len(task["code"]), None, task["code"].splitlines(keepends=True), _SCRIPT)

    os.write(report, task["started"])
    _run(task, script.__dict__, report)


def _renounce(parent: int) -> None:
    """Die with the runner, and gain no privilege from a set-uid program."""
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    for option, argument in ((_PR_SET_PDEATHSIG, _SIGKILL), (_PR_SET_NO_NEW_PRIVS, 1)):
        if libc.prctl(option, ctypes.c_ulong(argument), 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option}) is refused")
    if os.getppid() != parent:
        os._exit(1)


def _limit(kind: int, soft: int, hard: int) -> None:
    _, ceiling = resource.getrlimit(kind)
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    resource.setrlimit(kind, (soft, hard))


def _run(task: dict[str, Any], script: dict[str, Any], report: int) -> None:
    try:
        exec(compile(task["code"], _SCRIPT, "exec", dont_inherit=True), script)  # noqa: S102  Its very purpose.
    except SystemExit:
        _send_result(task, script, report)
        raise
    except BaseException as error:
        _show(error, task)
        raise SystemExit(130 if isinstance(error, KeyboardInterrupt) else 1) from None
    _send_result(task, script, report)


def _show(error: BaseException, task: dict[str, Any]) -> None:
    """Print the traceback from the script's own first frame on. Running out of memory ends in a signal of its own."""
    out_of_memory = isinstance(error, MemoryError)
    if out_of_memory:
        # The hard limit leaves room to print the traceback.
        resource.setrlimit(resource.RLIMIT_AS, (task["spare_memory"], task["spare_memory"]))
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == main.__code__.co_filename:
        trace = trace.tb_next
    try:
        if sys.excepthook is sys.__excepthook__:
            import traceback

            # The interpreter's own printer looks for source lines in files only, before Python 3.13.
            traceback.print_exception(type(error), error, trace)
        else:
            sys.excepthook(type(error), error, trace)
    finally:
        if out_of_memory:
            import signal

            signal.signal(task["out_of_memory_signal"], signal.SIG_DFL)
            os.kill(os.getpid(), task["out_of_memory_signal"])


def _send_result(task: dict[str, Any], script: dict[str, Any], report: int) -> None:
    if "result" not in script:
        return
    try:
        import json

        body = json.dumps(script["result"], allow_nan=False, ensure_ascii=False).encode("utf-8", "surrogatepass")
        message = len(body).to_bytes(4, "big") + (body if len(body) <= task["result_bytes"] else b"")
        while message:
            message = message[os.write(report, message) :]
    except BaseException as error:  # A class of the script's own may raise anything here.
        kind = type(script["result"]).__name__
        os.write(2, f"The global `result` ({kind}) cannot be returned: {error}\n".encode(errors="replace"))
        raise SystemExit(1) from None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
