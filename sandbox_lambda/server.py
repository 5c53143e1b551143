"""The HTTP front of a sandbox that is a machine or a container: takes one script, answers how it ended, takes no other.

`GET /` says whether a script may be sent; `POST /` sends it and is answered when it has ended. Lambda ends a MicroVM;
a container ends by itself, with this server: after its script, or when `DELETE /` says so.
"""

import json
import os
import signal
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any, Final, cast

from sandbox_lambda.handler import handle

PORT: Final = 8080
"""Where Lambda sends requests to a MicroVM that name no port."""

LIFE_HEADER: Final = "Sandbox-Life"
"""Names the life of a container that a request is for. Another life at the same address refuses it."""

RUN_HEADER: Final = "Sandbox-Run"
"""Names the run that a request is for. Only the one that brought the script ends a life before its script has ended."""

SHORTEST_LIFE_SECONDS: Final = 11.0
"""Docker starts a container again at once if it ran for ten seconds, and ever later if it did not."""

_UNCOLLECTED_SECONDS: Final = 30.0
"""After which a container ends whose script has ended, though nobody asked for it."""

_MOST_BYTES: Final = 6 * 1024 * 1024
"""Of a request: what Lambda lets a function have."""

_TIME_MS: Final = 60_000
"""What a run may take at most, its clean-up included. The runner's own limit comes long before."""


def server(address: tuple[str, int]) -> "Server":
    """A server on that address that runs one script in its life."""
    return Server(address, life=None, ended=threading.Event())


def serve_once(address: tuple[str, int]) -> None:
    """Serve one script, and return once all that it could have left behind should go."""
    began = time.monotonic()
    ended, at_once = threading.Event(), threading.Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        at_once.set()
        ended.set()

    # Before anybody can know of it. The first process of a container is ended by no signal that it does not ask for.
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    with Server(address, life=os.urandom(8).hex(), ended=ended) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        while not ended.wait(1):
            if serving.idle_since is not None and time.monotonic() > serving.idle_since + _UNCOLLECTED_SECONDS:
                break
        # A script that still runs has no part in this: it ends now.
        if serving.idle_since is not None:
            at_once.wait(max(0.0, began + SHORTEST_LIFE_SECONDS - time.monotonic()))


class Server(ThreadingHTTPServer):
    """Answers while a script runs, so that nobody takes a busy sandbox for a broken one.

    Its life has a name where the address outlives it.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], *, life: str | None, ended: threading.Event) -> None:
        super().__init__(address, _Exchange)
        self.life = life
        self.is_used = False
        self.idle_since: float | None = None
        """When the script had ended, or the end was asked for without one."""
        self._run: str | None = None
        self._lock = threading.Lock()
        self._ended = ended

    def take(self, run: str | None) -> bool:
        """Whether the run's script may begin: the first one that asks has it, and it is never given back."""
        with self._lock:
            if self.is_used:
                return False
            self.is_used, self._run = True, run
            return True

    def close(self, run: str | None) -> bool:
        """Take no script any more; False where another run has it."""
        if self.take(run):
            self.idle_since = time.monotonic()
        return self._run == run

    def end(self) -> None:
        """Have `serve_once` return, once nothing is to be answered any more."""
        self._ended.set()


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
        elif self._server.is_used:
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

    def do_DELETE(self) -> None:
        """End, if this is the life that shall, and no other run has it."""
        if self.path != "/" or self._server.life is None:
            self._answer(HTTPStatus.NOT_FOUND, {"error": "there is nothing here"})
        elif not self._is_for_this_life():
            self._answer(HTTPStatus.GONE, {"error": "this is another sandbox"})
        elif self._server.close(self.headers.get(RUN_HEADER)):
            self._answer(HTTPStatus.ACCEPTED, {"ending": True})
            self._server.end()
        else:
            self._answer(HTTPStatus.CONFLICT, {"error": "another run has this sandbox"})

    @property
    def _server(self) -> Server:
        return cast("Server", self.server)

    def _is_for_this_life(self) -> bool:
        return self._server.life is None or self.headers.get(LIFE_HEADER) == self._server.life

    def _run(self, body: bytes) -> None:
        if not self._is_for_this_life():
            self._answer(HTTPStatus.GONE, {"error": "this is another sandbox"})
        elif not self._server.take(self.headers.get(RUN_HEADER)):
            self._answer(HTTPStatus.CONFLICT, {"error": "this sandbox has been used"})
        else:
            status, document = _outcome(body)
            self._server.idle_since = time.monotonic()
            self._answer(status, document)

    def _answer(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        # One exchange a connection: what is left of a refused body is then nobody's next request.
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        if self._server.life is not None:
            self.send_header(LIFE_HEADER, self._server.life)
        self.end_headers()
        self.wfile.write(body)


def _outcome(body: bytes) -> tuple[HTTPStatus, dict[str, Any]]:
    try:
        return HTTPStatus.OK, handle(json.loads(body), _Clock())
    except (ValueError, RecursionError) as error:
        return HTTPStatus.BAD_REQUEST, {"error": str(error)}
    except (RuntimeError, OSError) as error:
        return HTTPStatus.INTERNAL_SERVER_ERROR, {"error": str(error)}


class _Clock:
    """Stands in for Lambda's context: a MicroVM's own end is minutes away."""

    def get_remaining_time_in_millis(self) -> int:
        return _TIME_MS


def main(arguments: list[str]) -> None:
    """`[--once] [[HOST:]PORT]`: with `--once`, end after one script."""
    places = [argument for argument in arguments if argument != "--once"]
    host, _, port = (places[0] if places else str(PORT)).rpartition(":")
    # On all interfaces: requests reach the sandbox from outside, and nothing but the worker is on its network.
    address = (host or "0.0.0.0", int(port))  # noqa: S104
    if "--once" in arguments:
        serve_once(address)
    else:
        server(address).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
