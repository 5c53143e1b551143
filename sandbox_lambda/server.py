"""The HTTP front inside a MicroVM: takes one script, answers how it ended, and takes no other.

`GET /` says whether a script may be sent; `POST /` sends it and is answered when it has ended.
"""

import json
import sys
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, cast

from sandbox_lambda.handler import handle

PORT: Final = 8080
"""Where Lambda sends requests to a MicroVM that name no port."""

_MOST_BYTES: Final = 6 * 1024 * 1024
"""Of a request: what Lambda lets a function have."""

_TIME_MS: Final = 60_000
"""What a run may take at most, its clean-up included. The runner's own limit comes long before."""


def server(address: tuple[str, int]) -> ThreadingHTTPServer:
    """A server on that address that runs one script in its life."""
    return _Server(address, _Exchange)


class _Server(ThreadingHTTPServer):
    """Answers while a script runs, so that nobody takes a busy sandbox for a broken one."""

    daemon_threads = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.used = threading.Lock()
        """Taken by the request that brings the script, and never given back."""


class _Exchange(BaseHTTPRequestHandler):
    """One request and its answer."""

    protocol_version = "HTTP/1.1"
    timeout = 30

    def version_string(self) -> str:
        """The name of the server, which tells nothing of what it runs on."""
        return "sandbox"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: what untrusted code does appears in no log."""

    def do_GET(self) -> None:
        """Whether a script may be sent."""
        if self.path != "/":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "there is nothing here"})
        elif self._used.locked():
            self._answer(HTTPStatus.CONFLICT, {"error": "this sandbox has been used"})
        else:
            self._answer(HTTPStatus.OK, {"ready": True})

    def do_POST(self) -> None:
        """Run the script of the request, if it is the first."""
        if self.path != "/":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "there is nothing here"})
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._answer(HTTPStatus.LENGTH_REQUIRED, {"error": "the request does not say how long it is"})
        elif len(length) > 10 or int(length) > _MOST_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"error": f"more than {_MOST_BYTES:,} bytes"})
        else:
            self._run(self.rfile.read(int(length)))

    @property
    def _used(self) -> threading.Lock:
        return cast("_Server", self.server).used

    def _run(self, body: bytes) -> None:
        if not self._used.acquire(blocking=False):
            self._answer(HTTPStatus.CONFLICT, {"error": "this sandbox has been used"})
            return
        try:
            outcome = handle(json.loads(body), _Clock())
        except (ValueError, RecursionError) as error:
            self._answer(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        except (RuntimeError, OSError) as error:
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": str(error)})
        else:
            self._answer(HTTPStatus.OK, outcome)

    def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        # One exchange a connection: what is left of a refused body is then nobody's next request.
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)


class _Clock:
    """Stands in for Lambda's context: a MicroVM's own end is minutes away."""

    def get_remaining_time_in_millis(self) -> int:
        return _TIME_MS


if __name__ == "__main__":
    # On all interfaces: requests reach the MicroVM from outside, and nothing else is on its network.
    server(("0.0.0.0", int(sys.argv[1]) if len(sys.argv) > 1 else PORT)).serve_forever()  # noqa: S104
