"""What `plinth service` forwards: what was piped or redirected, and nothing that it would have to wait for."""

import io
import os
import pty
from pathlib import Path

import pytest

from workbench.errors import UserError
from workbench.local.shell import piped


def test_a_pipe_is_read_to_its_end() -> None:
    reading, writing = os.pipe()
    os.write(writing, "é\n".encode())
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as stream:
        assert piped(stream) == "é\n"


def test_a_redirected_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "code.py"
    file.write_text("print(1)\n")
    with file.open() as stream:
        assert piped(stream) == "print(1)\n"


def test_a_terminal_is_not_waited_for() -> None:
    leader, follower = pty.openpty()
    with os.fdopen(follower) as stream:
        assert piped(stream) == ""
    os.close(leader)


def test_no_input_is_an_empty_one() -> None:
    with Path(os.devnull).open() as stream:
        assert piped(stream) == ""
    assert piped(io.StringIO("of no file")) == ""


def test_more_than_a_function_can_take_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "long"
    file.write_text("x" * 1_000_001)
    with file.open() as stream, pytest.raises(UserError, match="The input is longer than 1000000 characters"):
        piped(stream)


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "image"
    file.write_bytes(b"\xff\xd8")
    with file.open(encoding="utf-8") as stream, pytest.raises(UserError, match="The input is not text in UTF-8"):
        piped(stream)
