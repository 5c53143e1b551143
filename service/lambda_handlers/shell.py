"""The shell function: `python -m service` inside a stack, whose database nothing outside can reach.

Nothing but IAM lets anybody in, so whoever may invoke it may do all that the command can.
"""

import io
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, Final, cast

from service.cli import main
from service.lambda_handlers.invocation import configure, observed

_FUNCTION = "shell"

configure()

MAX_OUTPUT_BYTES: Final = 1_000_000
"""Of each stream: Lambda answers with 6 MB at most, and JSON may need six bytes for one."""

FAILED = 1
WRONG_USE = 2


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Run the command of `arguments`, a list of strings, with `input` on its standard input.

    Answers `exit_code`, `stdout` and `stderr`. Output that is too long is cut off, said so, and never a success.
    """
    arguments, given = event.get("arguments"), event.get("input", "")
    if not (_are_texts(arguments) and isinstance(given, str)):
        complaint = 'Give {"arguments": ["items", "list"], "input": "…"}: a list of texts, and a text or nothing.\n'
        return {"exit_code": WRONG_USE, "stdout": "", "stderr": complaint}
    stdout, stderr = _Bounded("output"), _Bounded("complaints")
    with observed(_FUNCTION, context), redirect_stdout(stdout), redirect_stderr(stderr), _standard_input(given):
        code = main(cast("list[str]", arguments))
    for stream in (stdout, stderr):
        if stream.is_cut_off:
            code = code or FAILED
            stderr.note(f"The {stream.name} did not fit: only its first {MAX_OUTPUT_BYTES} bytes are here.\n")
    return {"exit_code": code, "stdout": stdout.getvalue(), "stderr": stderr.getvalue()}


class _Bounded(io.StringIO):
    """A stream that keeps only so much of what is written to it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.is_cut_off = False
        self._left = MAX_OUTPUT_BYTES

    def write(self, text: str, /) -> int:
        encoded = text.encode("utf-8", "backslashreplace")
        self.note(encoded[: self._left].decode("utf-8", "ignore"))
        self.is_cut_off = self.is_cut_off or len(encoded) > self._left
        self._left = max(0, self._left - len(encoded))
        return len(text)

    def note(self, text: str) -> None:
        """Write it, whether or not it fits."""
        super().write(text)


@contextmanager
def _standard_input(text: str) -> Generator[None]:
    before, sys.stdin = sys.stdin, io.StringIO(text)
    try:
        yield
    finally:
        sys.stdin = before


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in cast("list[Any]", value))
