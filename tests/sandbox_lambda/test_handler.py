"""The handler refuses what the worker would never send, and answers what the worker reads."""

import json
import re
from dataclasses import dataclass

import pytest

from sandbox_lambda.handler import handle
from sandbox_lambda.runner import probe


@dataclass
class Context:
    milliseconds: int = 20_000

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


def test_the_answer_has_exactly_the_agreed_shape() -> None:
    answer = handle({"code": "print(event['n'])\nresult = [event]", "event": {"n": 1}}, Context())

    assert json.loads(json.dumps(answer)) == {
        "status": "succeeded",
        "exit_code": 0,
        "signal": None,
        "reason": None,
        "stdout": "1\n",
        "stderr": "",
        "truncated": {"stdout": False, "stderr": False, "result": False},
        "result": [{"n": 1}],
        "duration_ms": answer["duration_ms"],
        "protections": probe()._asdict(),
    }
    assert isinstance(answer["duration_ms"], int)


def test_the_limits_of_the_request_hold() -> None:
    limits = {"wall_seconds": 20, "cpu_seconds": 1, "memory_mb": 128, "output_bytes": 4, "result_bytes": 2}

    chatty = handle({"code": "print('12345')", "event": {}, "limits": limits}, Context())
    busy = handle({"code": "print(1)\nwhile True: pass", "event": {}, "limits": limits}, Context())
    hoarder = handle({"code": "bytearray(150 << 20)", "event": {}, "limits": {"memory_mb": 128}}, Context())
    large = handle({"code": "result = 100", "event": {}, "limits": limits}, Context())

    assert (chatty["status"], chatty["stdout"]) == ("output_limit", "1234")
    assert (busy["status"], busy["signal"], busy["stdout"]) == ("timed_out", 24, "1\n")
    assert hoarder["status"] == "out_of_memory"
    assert (large["status"], large["result"], large["truncated"]["result"]) == ("succeeded", None, True)


def test_a_script_gets_no_more_time_than_the_function_has_left() -> None:
    answer = handle({"code": "import time\ntime.sleep(60)", "event": {}}, Context(2_500))

    assert (answer["status"], answer["signal"]) == ("timed_out", 9)


def test_with_no_time_left_nothing_is_run() -> None:
    with pytest.raises(RuntimeError, match=r"^Too little of the function's time is left .*: 0\.4 s after clean-up\.$"):
        handle({"code": "pass", "event": {}}, Context(1_900))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (None, "The request must be an object, not NoneType."),
        ([], "The request must be an object, not list."),
        ({"event": {}}, "`code` must be a string, not NoneType."),
        ({"code": b"pass", "event": {}}, "`code` must be a string, not bytes."),
        ({"code": "pass"}, "`event` must be an object, not NoneType."),
        ({"code": "pass", "event": []}, "`event` must be an object, not list."),
        ({"code": "pass", "event": {}, "argv": [], "env": {}}, "The request has unknown keys: argv, env."),
        ({"code": "pass", "event": {}, "limits": []}, "`limits` must be an object, not list."),
        (
            {"code": "pass", "event": {}, "limits": {"threads": 1}},
            "`limits` has no 'threads'; it has wall_seconds, cpu_seconds, memory_mb, output_bytes, result_bytes.",
        ),
        (
            {"code": "pass", "event": {}, "limits": {"cpu_seconds": 0.5}},
            "`limits.cpu_seconds` must be a whole number of at least 1, not 0.5.",
        ),
        (
            {"code": "pass", "event": {}, "limits": {"wall_seconds": float("nan")}},
            "`limits.wall_seconds` must be a number of at least 0.1, not nan.",
        ),
        (
            {"code": "pass", "event": {}, "limits": {"memory_mb": True}},
            "`limits.memory_mb` must be a whole number of at least 64, not True.",
        ),
        (
            {"code": "pass", "event": {}, "limits": {"output_bytes": -1}},
            "`limits.output_bytes` must be a whole number of at least 0, not -1.",
        ),
    ],
)
def test_a_malformed_request_is_refused_in_words(request_: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        handle(request_, Context())
