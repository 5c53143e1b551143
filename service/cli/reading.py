"""What commands read besides their arguments: scripts and passwords."""

import argparse
import secrets
import sys
from getpass import getpass
from pathlib import Path
from typing import BinaryIO

from service.automations.schemas import MAX_CODE_BYTES
from service.cli.acting import WrongUseError


def script(options: argparse.Namespace) -> str | None:
    """The code that `--code` or `--code-file` gives, None where neither does. Raises WrongUseError."""
    if options.code_file is None:
        return options.code
    if options.code_file == "-":
        return _decoded(_standard_input(MAX_CODE_BYTES + 1), "Standard input")
    try:
        with Path(options.code_file).open("rb") as file:
            code = file.read(MAX_CODE_BYTES + 1)
    except OSError as error:
        raise WrongUseError(f"{options.code_file} cannot be read: {error.strerror}.") from None
    return _decoded(code, options.code_file)


def sent_password(options: argparse.Namespace) -> str | None:
    """The password on standard input, where it is said to be there."""
    if not options.password_stdin:
        return None
    text = _decoded(_standard_input(MAX_CODE_BYTES + 1), "Standard input")
    return text.removesuffix("\n").removesuffix("\r")


def password(options: argparse.Namespace) -> str | None:
    """The password that was sent or typed; None where there is nobody to ask, so that one has to be made."""
    sent = sent_password(options)
    if sent is not None or not _is_terminal():
        return sent
    try:
        typed = getpass("Password (nothing to have one made): ")
        repeated = getpass("Again: ") if typed else ""
    except EOFError:
        raise WrongUseError("No password was typed.") from None
    if typed != repeated:
        raise WrongUseError("The two passwords differ.")
    return typed or None


def made_password() -> str:
    """A password that nobody can guess."""
    return secrets.token_urlsafe(18)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _standard_input(limit: int) -> bytes:
    # The shell function replaces the stream by one of text.
    stream: BinaryIO | None = getattr(sys.stdin, "buffer", None)
    return sys.stdin.read(limit).encode("utf-8", "surrogatepass") if stream is None else stream.read(limit)


def _decoded(data: bytes, source: str) -> str:
    if len(data) > MAX_CODE_BYTES:
        raise WrongUseError(f"{source} has more than {MAX_CODE_BYTES} bytes.")
    try:
        # Some editors begin a file with a byte order mark, which is no part of a script.
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise WrongUseError(f"{source} is not UTF-8 text.") from None
