"""The shell function runs the service's commands inside a stack and answers as a process would."""

import json
import sys
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest

from service.lambda_handlers import shell
from service.lambda_handlers.shell import MAX_OUTPUT_BYTES, handler
from tests.service.conftest import Sessions


def run(*arguments: str, **event: Any) -> dict[str, Any]:
    return handler({"arguments": [*arguments], **event}, None)


def test_a_command_answers_with_its_exit_code_and_what_it_printed(sessions: Sessions, sent: list[UUID]) -> None:
    answer = run("users", "list", "--json")
    assert (answer["exit_code"], json.loads(answer["stdout"])["items"], answer["stderr"]) == (0, [], "")


def test_a_command_used_wrongly_answers_with_2_and_its_complaint() -> None:
    answer = run("items", "show", "not-an-id")
    assert (answer["exit_code"], answer["stdout"]) == (2, "")
    assert "invalid UUID value: 'not-an-id'" in answer["stderr"]


def test_the_help_is_output_and_no_failure() -> None:
    answer = run("--help")
    assert (answer["exit_code"], answer["stderr"]) == (0, "")
    assert answer["stdout"].startswith("usage: ")


@pytest.mark.parametrize(
    "event", [{}, {"arguments": "items list"}, {"arguments": [1]}, {"arguments": ["items"], "input": None}]
)
def test_an_event_of_another_shape_is_refused(event: dict[str, Any]) -> None:
    answer = handler(event, None)
    assert (answer["exit_code"], answer["stdout"]) == (2, "")
    assert answer["stderr"].startswith('Give {"arguments": ["items", "list"]')


def test_the_input_is_what_the_command_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    def command(arguments: Sequence[str]) -> int:
        sys.stdout.write(" ".join([sys.stdin.read().upper(), *arguments]))
        return 3

    monkeypatch.setattr(shell, "main", command)
    before = sys.stdin
    assert run("a", "b", input="typed") == {"exit_code": 3, "stdout": "TYPED a b", "stderr": ""}
    assert run() == {"exit_code": 3, "stdout": "", "stderr": ""}
    assert sys.stdin is before


@pytest.mark.parametrize(("own", "answered"), [(0, 1), (2, 2)])
def test_too_much_output_is_cut_off_told_and_no_success(
    own: int, answered: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def command(_arguments: Sequence[str]) -> int:
        sys.stdout.write("é" * MAX_OUTPUT_BYTES)
        sys.stdout.write("more")
        return own

    monkeypatch.setattr(shell, "main", command)
    answer = run()
    assert answer["exit_code"] == answered
    assert answer["stdout"] == "é" * (MAX_OUTPUT_BYTES // 2)
    assert answer["stderr"] == f"The output did not fit: only its first {MAX_OUTPUT_BYTES} bytes are here.\n"


def test_output_that_just_fits_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    def command(_arguments: Sequence[str]) -> int:
        sys.stdout.write("x" * MAX_OUTPUT_BYTES)
        sys.stderr.write("lone \ud800")
        return 0

    monkeypatch.setattr(shell, "main", command)
    answer = run()
    assert answer == {"exit_code": 0, "stdout": "x" * MAX_OUTPUT_BYTES, "stderr": "lone \\ud800"}


def test_a_fault_of_the_command_fails_the_invocation_and_gives_the_streams_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def command(_arguments: Sequence[str]) -> int:
        raise KeyError("a bug")

    monkeypatch.setattr(shell, "main", command)
    before = (sys.stdin, sys.stdout, sys.stderr)
    with pytest.raises(KeyError, match="a bug"):
        run()
    assert (sys.stdin, sys.stdout, sys.stderr) == before
