"""Asks a stack that was just deployed whether it lives and is ready, and gives it a while to become so."""

import json
import os
import sys
import time
import urllib.error
import urllib.request

from github_api import say

_CHECKS = (("/health/live", {"status": "live"}), ("/health/ready", {"status": "ready"}))


def main(address: str, attempts: int, pause: float) -> int:
    """0 where every check passes; each is tried again until its attempts are used up."""
    if not address.startswith(("https://", "http://127.0.0.1:")):
        say(f"::error::{address!r} is no address of an API: the stack's output api_url should be one.")
        return 1
    for path, wanted in _CHECKS:
        for attempt in range(1, attempts + 1):
            answer = _asked(address.rstrip("/") + path)
            if isinstance(answer, dict) and wanted.items() <= answer.items():
                say(f"{path}: {wanted['status']}, at attempt {attempt}")
                break
            say(f"{path}: {answer}, at attempt {attempt} of {attempts}")
            if attempt < attempts:
                time.sleep(pause)
        else:
            say(f"::error::{path} did not answer as it should.")
            return 1
    return 0


def _asked(address: str) -> object:
    try:
        with urllib.request.urlopen(address, timeout=40) as response:  # noqa: S310  # checked above
            return json.loads(response.read(100_000))
    except urllib.error.HTTPError as error:
        return f"{error.code} {error.read(2000).decode(errors='replace')}"
    except (OSError, ValueError) as error:
        return str(error)


if __name__ == "__main__":
    given = os.environ
    sys.exit(main(sys.argv[1], int(given.get("SMOKE_ATTEMPTS", "20")), float(given.get("SMOKE_PAUSE_SECONDS", "15"))))
