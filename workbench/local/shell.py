"""The service's own commands, run by a function of the stack: only it can reach the database on AWS."""

import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TextIO

from workbench.errors import UserError
from workbench.local.handlers.lambda_ import failure
from workbench.local.stack import LocalStack

_LONGEST_INPUT = 1_000_000
"""Lambda takes 6 MB of JSON, which may need six bytes for one."""


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it printed."""

    exit_code: int
    stdout: str
    stderr: str


def run_in(stack: str, arguments: Sequence[str], given: str) -> Answer:
    """Runs a command in a stack that is up. Raises UserError where it is not, or where the function fails."""
    local = LocalStack(stack)
    function = local.outputs().get("function_names", {}).get("shell")
    if function is None:
        raise UserError(f"{stack} has no shell: its output function_names names no such function.")
    payload = json.dumps({"arguments": list(arguments), "input": given})
    called = local.cloud().client("lambda").invoke(FunctionName=function, Payload=payload)
    result = called["Payload"].read().decode()
    if "FunctionError" in called:
        raise UserError(f"The shell of {stack} failed: {failure(result)}")
    return Answer(**json.loads(result))


def piped(stream: TextIO) -> str:
    """What was piped or redirected into this command. A terminal, or nothing at all, is not waited for."""
    try:
        mode = os.fstat(stream.fileno()).st_mode
    except (OSError, ValueError):
        return ""
    if not (stat.S_ISFIFO(mode) or stat.S_ISREG(mode)):
        return ""
    try:
        text = stream.read(_LONGEST_INPUT + 1)
    except UnicodeDecodeError:
        raise UserError("The input is not text in UTF-8, which is all that a shell's function takes.") from None
    if len(text) > _LONGEST_INPUT:
        raise UserError(f"The input is longer than {_LONGEST_INPUT} characters, which a shell's function cannot take.")
    return text
