"""The first thing the fresh interpreter runs: it ties its own hands, then becomes the user's script.

The runner sends this file, compiled, ahead of the task, so it imports nothing of the package. Nothing secret is in it,
and nothing it sends is trusted: user code runs in the same process and can do all that it can.
"""

from __future__ import annotations

import _sitebuiltins
import builtins
import marshal
import os
import resource
import sys
import types

# As `typing.TYPE_CHECKING`, without its import: that would double the time until the script begins.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

_SCRIPT = "<automation>"

# linux/prctl.h and linux/seccomp.h
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_PR_SET_NO_NEW_PRIVS = 38
_SIGKILL = 9

# The same on every architecture; linux/landlock.h
_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_RULE_PATH_BENEATH = 1

# linux/keyctl.h
_KEYCTL_JOIN_SESSION_KEYRING, _KEYCTL_CLEAR, _KEYCTL_GET_PERSISTENT = 1, 7, 22
_PROCESS_KEYRING, _USER_KEYRING, _USER_SESSION_KEYRING = -2, -4, -5


def main(report: int, parent: int) -> None:
    """Read the task from standard input, run it, and report on the descriptor `report`."""
    os.set_inheritable(report, False)
    if sys.platform == "linux":
        _renounce(parent)
    task = marshal.load(sys.stdin.buffer)  # noqa: S302  Written by the runner, which is the same interpreter.
    for kind, soft, hard in task["rlimits"]:
        _limit(kind, soft, hard)

    sys.path += task["packages"]
    script = types.ModuleType("__main__")
    script.__dict__.update(__builtins__=builtins, __file__=_SCRIPT, event=task["event"])
    sys.modules["__main__"] = script
    sys.argv = [_SCRIPT]
    builtins.exit = _sitebuiltins.Quitter("exit", "Ctrl-D")
    builtins.quit = _sitebuiltins.Quitter("quit", "Ctrl-D")
    lines = _Lines(task["code"])
    sys.meta_path.insert(0, lines)
    if "linecache" in sys.modules:  # From Python 3.13 on, where it imports next to nothing.
        lines.put(sys.modules["linecache"])

    confined = _confine(task) if sys.platform == "linux" else bytes(2)
    os.write(report, task["started"] + confined)
    _run(task, script.__dict__, report)


class _Lines:
    """Puts the script's lines into `linecache`, from which tracebacks and warnings take them, once it is imported.

    To import it for every script would double the time until the script begins.
    """

    def __init__(self, code: str) -> None:
        self._code = code

    def put(self, linecache: ModuleType) -> None:
        lines = self._code.splitlines(keepends=True)
        linecache.__dict__["cache"][_SCRIPT] = (len(self._code), None, lines, _SCRIPT)

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Asked first for every module; leaves all but one to the finders that follow."""
        if name != "linecache":
            return None
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                self.put(module)

            setattr(spec.loader, "exec_module", exec_module)  # noqa: B010  To a type checker it is a method.
        return spec


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


def _confine(task: dict[str, Any]) -> bytes:
    """Give up what the kernel lets a process give up for good: keys, files, system calls. Says what took effect.

    Two bytes: whether the filter of system calls holds, and the version of Landlock that does. A refusal is no error.
    """
    import ctypes

    libc = ctypes.CDLL(None)
    if task["keyctl"] is not None:
        _drop_keys(libc, task["keyctl"], task["own_user"])
    landlock = 0
    if task["landlock"] is not None:
        abi, attributes, rules = task["landlock"]
        landlock = abi if _restrict_files(libc, attributes, rules) else 0
    return bytes((_filter_calls(libc, task["seccomp"]), landlock))


def _drop_keys(libc: ctypes.CDLL, keyctl: int, own_user: bool) -> None:
    """Leave the session keyring of whoever started the runner, and empty what an earlier run of this uid filled."""
    libc.syscall(keyctl, _KEYCTL_JOIN_SESSION_KEYRING, None)
    if own_user:
        libc.syscall(keyctl, _KEYCTL_CLEAR, _USER_KEYRING)
        libc.syscall(keyctl, _KEYCTL_CLEAR, _USER_SESSION_KEYRING)
        persistent = libc.syscall(keyctl, _KEYCTL_GET_PERSISTENT, -1, _PROCESS_KEYRING)
        if persistent >= 0:
            libc.syscall(keyctl, _KEYCTL_CLEAR, persistent)


def _restrict_files(libc: ctypes.CDLL, attributes: bytes, rules: tuple[tuple[str, int], ...]) -> bool:
    import ctypes

    ruleset = libc.syscall(_LANDLOCK_CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0)
    if ruleset < 0:
        return False
    try:
        for path, rights in rules:
            try:
                beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            rule = rights.to_bytes(8, sys.byteorder) + beneath.to_bytes(4, sys.byteorder)
            libc.syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0)
            os.close(beneath)
        return libc.syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _filter_calls(libc: ctypes.CDLL, program: bytes) -> bool:
    import ctypes

    instructions = ctypes.create_string_buffer(program, len(program))
    # `struct sock_fprog`: the number of instructions of eight bytes each, padded, and where they are.
    header = (len(program) // 8).to_bytes(8, "little") + ctypes.addressof(instructions).to_bytes(8, "little")
    return bool(program) and libc.prctl(_PR_SET_SECCOMP, ctypes.c_ulong(_SECCOMP_MODE_FILTER), header, 0, 0) == 0


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
