"""One run from a shell or from another process: the request as JSON on standard input, the answer on standard output.

Exit code 0 for an answer, whatever became of the script; 2 for a malformed request; 1 where the sandbox itself failed.
"""

import json
import signal
import sys
from types import FrameType

from sandbox_lambda import request, runner


def main() -> int:
    """Never a traceback: what went wrong is one line on standard error."""
    signal.signal(signal.SIGTERM, _end)
    try:
        asked = request.parse(json.loads(sys.stdin.buffer.read()))
    except (ValueError, RecursionError) as error:
        return _fail(2, f"The request is malformed: {error}")
    try:
        answer = json.dumps(runner.run(asked.code, asked.event, asked.limits).document())
    except ValueError as error:
        return _fail(2, f"The event cannot be handed over: {error}")
    except Exception as error:
        return _fail(1, f"The sandbox failed: {error or type(error).__name__}")
    try:
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    except OSError as error:
        return _fail(1, f"The answer could not be written: {error}")
    return 0


def _end(number: int, _: FrameType | None) -> None:
    """Leave through the runner's own clean-up."""
    raise SystemExit(128 + number)


def _fail(exit_code: int, text: str) -> int:
    sys.stderr.write(" ".join(text.split()) + "\n")
    return exit_code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
