"""`python -m service` within the test's own process."""

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

import pytest

from service import cli


class Told(NamedTuple):
    """What a command told whoever typed it."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The JSON that it printed."""
        assert self.out, self.err
        return json.loads(self.out)


def shell(*arguments: str, stdin: str | bytes = "") -> Told:
    """Run one command with that standard input, which is no terminal."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    with (
        pytest.MonkeyPatch.context() as patch,
        redirect_stdout(io.StringIO()) as out,
        redirect_stderr(io.StringIO()) as err,
    ):
        patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        code = cli.main(arguments)
    return Told(code, out.getvalue(), err.getvalue())
