"""What a sandbox's handler answers, and the outcome that the service makes of it."""

from collections.abc import Mapping
from typing import Any

from service.runs.sandbox import RunOutcome

ANSWER: Mapping[str, Any] = {
    "status": "succeeded",
    "exit_code": 0,
    "signal": None,
    "reason": None,
    "stdout": "told\n",
    "stderr": "",
    "truncated": {"stdout": False, "stderr": True, "result": False},
    "result": [1],
    "duration_ms": 3,
    "protections": {"own_user": True, "seccomp": False, "landlock": 7},
}

OUTCOME = RunOutcome(
    status="succeeded",
    exit_code=0,
    stdout="told\n",
    stderr_truncated=True,
    result=[1],
    duration_ms=3,
    protections={"own_user": True, "seccomp": False, "landlock": 7},
)
"""The same, read."""
