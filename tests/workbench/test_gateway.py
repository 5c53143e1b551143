"""The front enforces what the stage says, and forwards the rest unchanged."""

import http.server
import json
import threading
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from workbench.local.gateway import Bucket, application


@pytest.fixture
def emulator() -> Generator[tuple[int, list[dict[str, Any]]]]:
    """A server in the emulator's place that repeats what it was asked."""
    asked: list[dict[str, Any]] = []

    class Repeater(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            asked.append({"method": self.command, "path": self.path, "host": self.headers["host"], "body": body})
            self.send_response(201)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Request-ID", "abc")
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()
            self.wfile.write(b'{"made": true}')

        do_GET = do_POST  # noqa: N815  # the name that http.server looks for

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Repeater)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_port, asked
    server.shutdown()
    server.server_close()


def settings(path: Path, emulator: int, **limits: Any) -> Path:
    path.write_text(
        json.dumps({"emulator": emulator, "api": "abc", "default": {"rate": 1000, "burst": 1000}, **limits})
    )
    return path


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket = Bucket(rate=2, burst=3)
    start = bucket._at
    assert [bucket.take(start) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(start + 1) for _ in range(3)] == [True, True, False]


def test_a_bucket_without_limits_refuses_everything() -> None:
    assert Bucket(rate=0, burst=0).take() is False


def test_a_request_is_forwarded_with_the_host_name_of_the_api(
    emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    port, asked = emulator
    with TestClient(application(settings(tmp_path / "g.json", port))) as client:
        answer = client.post("/v1/items?a=%2F&b=c", content=b'{"name": "x"}')
    assert (answer.status_code, answer.json(), answer.headers["x-request-id"]) == (201, {"made": True}, "abc")
    assert asked == [
        {
            "method": "POST",
            "path": "/v1/items?a=%2F&b=c",
            "host": f"abc.execute-api.localhost:{port}",
            "body": '{"name": "x"}',
        }
    ]


def test_the_servers_own_headers_are_said_once_and_not_for_the_emulator(
    emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    port, _ = emulator
    with TestClient(application(settings(tmp_path / "g.json", port))) as client:
        answer = client.get("/v1/items")
    # uvicorn adds them.
    assert not {"date", "server"} & answer.headers.keys()


def test_a_route_with_settings_of_its_own_is_throttled_by_them_alone(
    emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    routes = {"POST /v1/items/{item_id}": {"rate": 0.001, "burst": 2}}
    with TestClient(application(settings(tmp_path / "g.json", emulator[0], routes=routes))) as client:
        assert [client.post(f"/v1/items/{n}").status_code for n in range(3)] == [201, 201, 429]
        assert client.get("/v1/items/1").status_code == 201
        refused = client.post("/v1/items/9")
    assert refused.json() == {"message": "Too Many Requests"}


def test_the_default_throttle_is_shared_by_all_other_routes(
    emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    file = settings(tmp_path / "g.json", emulator[0], default={"rate": 0.001, "burst": 2})
    with TestClient(application(file)) as client:
        assert [client.get(path).status_code for path in ("/a", "/b", "/c")] == [201, 201, 429]


def test_new_settings_count_from_the_next_request_on(
    emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    file = settings(tmp_path / "g.json", emulator[0], default={"rate": 0.001, "burst": 0})
    with TestClient(application(file)) as client:
        assert client.get("/a").status_code == 429
        settings(file, emulator[0])
        assert client.get("/a").status_code == 201


def test_an_emulator_that_is_gone_is_a_503_that_says_what_to_do(tmp_path: Path) -> None:
    with TestClient(application(settings(tmp_path / "g.json", 1))) as client:
        answer = client.get("/a")
    assert (answer.status_code, answer.json()) == (
        503,
        {"message": "The emulator does not answer: run `plinth up` again."},
    )


PAGE = "https://app.example.com"
CORS = {
    "allowOrigins": [PAGE],
    "allowMethods": ["GET", "POST"],
    "allowHeaders": ["authorization", "if-match"],
    "exposeHeaders": ["etag", "retry-after"],
    "maxAge": 600,
}
EXPOSED = {
    "access-control-allow-origin": PAGE,
    "access-control-expose-headers": "etag,retry-after",
    "vary": "Origin",
}


def cors_headers(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name == "vary" or "access-control" in name}


def test_a_preflight_is_answered_without_asking_the_function_or_the_throttle(
    emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    port, asked = emulator
    file = settings(tmp_path / "g.json", port, cors=CORS, default={"rate": 0.001, "burst": 1})
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "PATCH"}
    with TestClient(application(file)) as client:
        answers = [client.options("/v1/items", headers=headers) for _ in range(3)]
    assert [(answer.status_code, answer.content) for answer in answers] == [(204, b"")] * 3
    assert cors_headers(answers[0]) == {
        **EXPOSED,
        "access-control-allow-methods": "GET,POST",
        "access-control-allow-headers": "authorization,if-match",
        "access-control-max-age": "600",
    }
    assert asked == []


def test_every_answer_to_a_page_that_is_let_in_can_be_read_by_it(
    emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    file = settings(tmp_path / "g.json", emulator[0], cors=CORS, default={"rate": 0.001, "burst": 1})
    with TestClient(application(file)) as client:
        served, refused = (client.get("/v1/items", headers={"Origin": PAGE}) for _ in range(2))
    assert (served.status_code, cors_headers(served)) == (201, EXPOSED)
    assert (refused.status_code, cors_headers(refused)) == (429, EXPOSED)


def test_a_page_of_another_origin_is_told_nothing(emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path) -> None:
    file = settings(tmp_path / "g.json", emulator[0], cors=CORS)
    with TestClient(application(file)) as client:
        preflight = client.options("/v1/items", headers={"Origin": "https://evil.example.com"})
        served = client.get("/v1/items", headers={"Origin": "https://evil.example.com"})
        plain = client.get("/v1/items")
    assert (preflight.status_code, cors_headers(preflight)) == (204, {})
    assert (served.status_code, cors_headers(served)) == (201, {})
    assert (plain.status_code, cors_headers(plain)) == (201, {})


def test_an_api_without_cors_has_no_route_for_a_preflight(
    emulator: tuple[int, list[dict[str, Any]]], tmp_path: Path
) -> None:
    with TestClient(application(settings(tmp_path / "g.json", emulator[0], cors=None))) as client:
        answer = client.options("/v1/items", headers={"Origin": PAGE})
    assert (answer.status_code, answer.json(), cors_headers(answer)) == (404, {"message": "Not Found"}, {})
