"""`python -m service` as a process: its streams, its log lines and its end."""

import io
import logging
import os
import sys

from service.cli import main

UNSHOWN = 2
"""The command was done, and what it came to cannot be written."""

READER_GONE = 141
"""What a shell reports of a program that SIGPIPE ended."""


class _OneLine(logging.Formatter):
    """The message alone: a traceback would bury it."""

    def formatException(self, ei: object) -> str:  # noqa: ARG002, N802
        return ""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).rstrip("\n")


def program() -> int:
    """Run the command that the process was given."""
    _open_closed_streams()
    log = logging.StreamHandler()
    log.setFormatter(_OneLine())
    logging.root.addHandler(log)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = main()
        sys.stdout.flush()
    except BrokenPipeError:
        _give_output_up()
        return READER_GONE
    except OSError as error:
        # Of all that fails before, the command itself says why.
        _give_output_up()
        sys.stderr.write(f"What was done cannot be shown: {error.strerror}.\n")
        return UNSHOWN
    return code


def _open_closed_streams() -> None:
    """Let what was closed (`<&-`) be empty, and nothing else take its place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115


def _give_output_up() -> None:
    # Python would complain when it flushes the stream at its end.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(program())
