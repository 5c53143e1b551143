"""`python -m service` as a process: its streams, its log lines and its end."""

import io
import logging
import os
import sys

from service.cli import main

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
        # Python would complain when it flushes the stream at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return code


if __name__ == "__main__":
    sys.exit(program())
