"""What the adapters believe of what a sandbox answers: nothing that could reach beyond the one run."""

import json
from typing import Any

import pytest

from service.runs.runners.answers import MOST_BYTES, failure_of, outcome_of
from service.runs.sandbox import RunOutcome, SandboxLostError
from tests.support.sandbox_answers import ANSWER, OUTCOME


def answer(**changed: Any) -> bytes:
    return json.dumps({**ANSWER, **changed}).encode()


def test_an_answer_becomes_the_outcome() -> None:
    assert outcome_of(answer()) == OUTCOME


def test_the_reason_of_an_unhappy_end_is_the_runners() -> None:
    told = outcome_of(answer(status="timed_out", exit_code=None, signal=9, reason="the script was still running"))
    assert (told.status, told.signal, told.reason) == ("timed_out", 9, "the script was still running")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"status": "failed", "exit_code": 3}, "the script ended with exit code 3"),
        ({"status": "failed", "exit_code": None, "signal": 9}, "signal 9 (SIGKILL) ended the script"),
        ({"status": "failed", "exit_code": None, "signal": 77}, "signal 77 ended the script"),
        ({"status": "failed", "exit_code": None, "signal": None}, "the script failed"),
        ({"status": "timed_out"}, "the script was still running when its time was over"),
        ({"status": "output_limit"}, "the script wrote more than it may"),
        ({"status": "out_of_memory"}, "the script needed more memory than it may use"),
    ],
)
def test_an_unhappy_end_without_a_reason_gets_one(changed: dict[str, Any], reason: str) -> None:
    assert outcome_of(answer(**changed)).reason == reason


def test_a_success_has_no_reason_whatever_the_sandbox_says() -> None:
    assert outcome_of(answer(reason="something")).reason is None


@pytest.mark.parametrize(
    "protections",
    [
        None,
        [True],
        "all",
        {"own_user": "yes"},
        {"landlock": 1000},
        {"landlock": 1.5},
        {"a name\n": True},
        {"a" * 41: True},
        {f"flag_{number}": True for number in range(21)},
    ],
)
def test_protections_that_are_not_a_few_flags_are_ignored(protections: object) -> None:
    assert outcome_of(answer(protections=protections)).protections is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"status": NaN}',
        b"[" * 100000,
        answer(status="cancelled"),
        answer(status="queued"),
        answer(status=None),
        answer(status=["succeeded"]),
        answer(stdout=None),
        answer(stdout="a" * 65_537),
        answer(stderr="a" * 65_537),
        answer(exit_code=256),
        answer(exit_code=-1),
        answer(exit_code=True),
        answer(exit_code="0"),
        answer(signal=128),
        answer(duration_ms=900_001),
        answer(duration_ms=-1),
        answer(duration_ms=1.5),
        answer(truncated=None),
        answer(status="failed", reason="a" * 501),
        answer(status="failed", reason=7),
        answer().replace(b"[1]", b"[1e999]"),
        answer().replace(b"[1]", b"[" + b"9" * 5000 + b"]"),
        answer(result="a" * MOST_BYTES),
    ],
    ids=range(27),
)
def test_an_answer_outside_the_contract_is_a_lost_sandbox(body: bytes) -> None:
    with pytest.raises(SandboxLostError):
        outcome_of(body)


def test_the_longest_texts_that_the_runner_gives_are_read() -> None:
    text = "\x01" * 65_536
    told = outcome_of(answer(stdout=text, stderr=text, result="\U0001f40d" * 8000))
    assert (told.stdout, told.stderr, told.result) == (text, text, "\U0001f40d" * 8000)


@pytest.mark.parametrize(
    ("kind", "message", "status", "reason"),
    [
        (
            "Sandbox.Timedout",
            "Task timed out after 20.00 seconds",
            "timed_out",
            "the script was still running when its time was over",
        ),
        (
            "Runtime.ExitError",
            "RequestId: 1 Error: Runtime exited with error: signal: killed",
            "out_of_memory",
            "the script needed more memory than it may use",
        ),
        ("Runtime.OutOfMemory", "oom", "out_of_memory", "the script needed more memory than it may use"),
        (
            "Runtime.ExitError",
            "RequestId: 1 Error: Runtime exited with error: exit status 3",
            "failed",
            "the script ended the sandbox's own process",
        ),
    ],
)
def test_what_only_a_script_can_do_to_the_runtime_is_the_scripts_failure(
    kind: str, message: str, status: str, reason: str
) -> None:
    body = json.dumps({"errorType": kind, "errorMessage": message}).encode()
    assert failure_of(body) == RunOutcome(status=status, reason=reason)


@pytest.mark.parametrize("kind", ["Runtime.ImportModuleError", "Runtime.HandlerNotFound", "ValueError", None])
def test_no_failure_that_a_script_could_have_forged_starts_it_again(kind: str | None) -> None:
    with pytest.raises(SandboxLostError, match=rf"^{kind}: a{{1,500}}$"):
        failure_of(json.dumps({"errorType": kind, "errorMessage": "a" * 600}).encode())
