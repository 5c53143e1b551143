"""Commands for a service that is not on Lambda."""

import pytest

from service.cli import main
from service.core.keys import KeyRing
from service.core.settings import get_settings


def test_signing_keys_are_made_anew_each_time_and_are_good(capsys: pytest.CaptureFixture[str]) -> None:
    made: list[KeyRing] = []
    for options in ([], ["--json"]):
        assert main([*options, "make-signing-keys"]) == 0
        made.append(KeyRing.parse(capsys.readouterr().out))
    assert made[0] != made[1]


def test_keys_are_one_line_for_a_file_or_a_variable(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["make-signing-keys"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_a_function_does_not_work_without_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shell")
    get_settings.cache_clear()
    assert main(["work"]) == 2
    complaint = "This never ends, and a function has minutes: on Lambda, messages start the workers.\n"
    assert capsys.readouterr().err == complaint


@pytest.mark.parametrize("number", ["0", "65", "many"])
def test_as_many_at_once_as_make_sense(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["work", "--at-once", number]) == 2
    assert "--at-once" in capsys.readouterr().err
