"""The adapter that starts a MicroVM for each run: its control plane by botocore's stub, its data path over HTTP."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.stub import ANY, Stubber
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from service.runs.runners import microvm
from service.runs.runners.microvm import MicroVm, https, microvms
from service.runs.sandbox import RunRequest, SandboxLostError, SandboxNotDestroyedError
from service.runs.sandbox import SandboxNotStartedError as NotStarted
from tests.support.sandbox_answers import ANSWER, OUTCOME

RUN = UUID("01890000-0000-7000-8000-000000000001")
VM = "mvm-1"
HOST = "mvm-1.lambda-microvm.eu-central-1.on.aws"
IMAGE = "arn:aws:lambda:eu-central-1:123456789012:microvm-image:sandbox"
CONNECTOR = "arn:aws:lambda:eu-central-1:123456789012:network-connector:nc-1"
REQUEST = RunRequest(code="1", event={"trigger": "manual"})
STARTED = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
OF_ONE = {"microvmIdentifier": VM}
ANSWERED = json.dumps(ANSWER).encode()


def described(state: str = "RUNNING", **more: Any) -> dict[str, Any]:
    return {
        "microvmId": VM,
        "state": state,
        "endpoint": f"https://{HOST}",
        "imageArn": IMAGE,
        "imageVersion": "1.0",
        "maximumDurationInSeconds": 300,
        "startedAt": STARTED,
        **more,
    }


class Vm:
    """A sandbox runner with a scripted control plane, whose connections lead to a server on this machine."""

    def __init__(self) -> None:
        client: Any = boto3.client(  # pyright: ignore[reportUnknownMemberType, reportCallIssue, reportUnknownVariableType]
            "lambda-microvms",  # pyright: ignore[reportArgumentType]
            region_name="eu-central-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )
        self.control = Stubber(client)
        self.port = 0
        self.hosts: list[str] = []
        self.runner = MicroVm(IMAGE, CONNECTOR, client, connect=self._connect)

    def answers(self, operation: str, answer: dict[str, Any] | str, expected: dict[str, Any] | None = None) -> None:
        if isinstance(answer, str):
            self.control.add_client_error(operation, answer, answer, expected_params=expected)
        else:
            self.control.add_response(operation, answer, expected)

    def is_reachable(self) -> None:
        self.answers("get_microvm", described(), OF_ONE)
        expected = {**OF_ONE, "expirationInMinutes": 2, "allowedPorts": [{"port": 8080}]}
        self.answers("create_microvm_auth_token", {"authToken": {"X-aws-proxy-auth": "token"}}, expected)

    def _connect(self, host: str) -> http.client.HTTPConnection:
        self.hosts.append(host)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)


@pytest.fixture
def vm() -> Iterator[Vm]:
    vm = Vm()
    with vm.control:
        yield vm
        vm.control.assert_no_pending_responses()


Answers = Callable[[BaseHTTPRequestHandler], None]


@contextmanager
def serving(*answers: Answers) -> Iterator[tuple[int, list[tuple[str, str | None, bytes]]]]:
    """A server that gives each request the next answer; its port, and what it was sent."""
    seen: list[tuple[str, str | None, bytes]] = []
    left = list(answers)

    class Scripted(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append((f"{self.command} {self.path}", self.headers.get("X-aws-proxy-auth"), body))
            left.pop(0)(self)

        do_POST = do_GET  # noqa: N815

    with HTTPServer(("127.0.0.1", 0), Scripted) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port, seen
        finally:
            server.shutdown()
            thread.join()


def says(status: int, body: bytes = b"{}", **headers: str) -> Answers:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


READY = says(200)


@pytest.mark.parametrize(
    ("left", "seconds"),
    [
        (timedelta(minutes=5, seconds=-0.5), 300),
        (timedelta(seconds=-5), 60),
        (timedelta(hours=1), 900),
    ],
)
def test_a_microvm_has_no_role_no_logs_no_way_out_and_a_bounded_life(vm: Vm, left: timedelta, seconds: int) -> None:
    expires_at = datetime.now(UTC) + left
    expected = {
        "imageIdentifier": IMAGE,
        "maximumDurationInSeconds": seconds,
        "egressNetworkConnectors": [CONNECTOR],
        "logging": {"disabled": {}},
        "clientToken": f"{RUN}-{int(expires_at.timestamp())}",
    }
    vm.answers("run_microvm", described("PENDING"), expected)
    assert vm.runner.create(RUN, expires_at=expires_at) == VM


@pytest.mark.parametrize("code", ["InsufficientCapacityException", "ServiceQuotaExceededException"])
def test_a_microvm_that_lambda_refuses_has_not_started(vm: Vm, code: str) -> None:
    vm.answers("run_microvm", code)
    with pytest.raises(NotStarted, match=code):
        vm.runner.create(RUN, expires_at=datetime.now(UTC))


def test_the_script_is_sent_once_the_server_says_that_it_is_ready(vm: Vm) -> None:
    vm.answers("get_microvm", "ResourceNotFoundException", OF_ONE)
    vm.answers("get_microvm", described("PENDING"), OF_ONE)
    vm.is_reachable()
    with serving(says(403), hangs_up, says(502), READY, says(200, ANSWERED)) as (vm.port, seen):
        outcome = vm.runner.run(VM, REQUEST)
    assert outcome == OUTCOME
    assert set(vm.hosts) == {HOST}
    body = json.dumps({"code": "1", "event": {"trigger": "manual"}}).encode()
    assert seen == [("GET /", "token", b"")] * 4 + [("POST /", "token", body)]


def test_an_endpoint_without_a_scheme_is_an_https_address(vm: Vm) -> None:
    vm.answers("get_microvm", described(endpoint=HOST))
    vm.answers("create_microvm_auth_token", {"authToken": {"X-aws-proxy-auth": "token"}})
    with serving(READY, says(200, ANSWERED)) as (vm.port, _):
        assert vm.runner.run(VM, REQUEST).result == OUTCOME.result
    assert set(vm.hosts) == {HOST}


@pytest.mark.parametrize("endpoint", [f"http://{HOST}", "https://", "file:///etc/passwd"])
def test_a_script_is_sent_over_https_or_not_at_all(vm: Vm, endpoint: str) -> None:
    vm.answers("get_microvm", described(endpoint=endpoint))
    with pytest.raises(NotStarted, match="must be an HTTPS address"):
        vm.runner.run(VM, REQUEST)
    assert vm.hosts == []


@pytest.mark.parametrize("state", ["TERMINATED", "TERMINATING", "SUSPENDED"])
def test_a_microvm_that_ended_before_the_script_was_sent_has_not_started_it(vm: Vm, state: str) -> None:
    vm.answers("get_microvm", described(state, stateReason="hooks-failed"))
    with pytest.raises(NotStarted, match=f"{VM} is {state}: hooks-failed"):
        vm.runner.run(VM, REQUEST)


def test_a_microvm_that_is_slow_to_start_has_not_started(vm: Vm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(microvm, "_START_SECONDS", 0)
    vm.answers("get_microvm", described("PENDING"))
    with pytest.raises(NotStarted, match="its state is PENDING"):
        vm.runner.run(VM, REQUEST)


@pytest.mark.parametrize("answer", ["ThrottlingException", {"authToken": {"other": "token"}}])
def test_without_a_token_nothing_has_started(vm: Vm, answer: dict[str, Any] | str) -> None:
    vm.answers("get_microvm", described())
    vm.answers("create_microvm_auth_token", answer)
    with pytest.raises(NotStarted, match=f"{VM} cannot be reached"):
        vm.runner.run(VM, REQUEST)


def test_a_server_that_never_answers_has_not_started_the_script(vm: Vm, monkeypatch: pytest.MonkeyPatch) -> None:
    vm.is_reachable()
    monkeypatch.setattr(microvm, "_START_SECONDS", 0.2)
    with closing(socket.socket()) as taken:
        # Bound and not listening: connections are refused, and nobody else gets the port.
        taken.bind(("127.0.0.1", 0))
        vm.port = taken.getsockname()[1]
        with pytest.raises(NotStarted, match=r"did not answer within 0.2 s: .*ConnectionRefused"):
            vm.runner.run(VM, REQUEST)


def test_a_used_microvm_is_never_given_another_script(vm: Vm) -> None:
    vm.is_reachable()
    with serving(says(409)) as (vm.port, seen), pytest.raises(SandboxLostError, match="given a script before"):
        vm.runner.run(VM, REQUEST)
    assert [request for request, _, _ in seen] == ["GET /"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (hangs_up, "was lost"),
        (says(500, b"broken"), "status 500: b'broken'"),
        (says(403), "status 403"),
        (says(307, Location="http://127.0.0.1:1/"), "status 307"),
        (says(200, b"no answer"), "not of its contract"),
        (says(200, b'{"status"', **{"Content-Length": "1000"}), "was lost|not of its contract"),
        (says(200, b" " * 1_500_000), "not of its contract"),
    ],
    ids=range(7),
)
def test_once_the_script_is_sent_every_failure_may_be_its_own(vm: Vm, answer: Answers, said: str) -> None:
    vm.is_reachable()
    with serving(READY, answer) as (vm.port, seen), pytest.raises(SandboxLostError, match=said):
        vm.runner.run(VM, REQUEST)
    assert [request for request, _, _ in seen] == ["GET /", "POST /"]


@pytest.mark.parametrize(
    ("seconds", "pause", "chunk", "said"),
    [
        (0.3, 0.01, b" ", r"was not whole after 0\.3 s"),
        (5, 0, b" " * 100_000, "not of its contract"),
    ],
    ids=["a trickle", "a flood"],
)
def test_an_answer_without_end_is_given_up(
    vm: Vm, monkeypatch: pytest.MonkeyPatch, seconds: float, pause: float, chunk: bytes, said: str
) -> None:
    vm.is_reachable()
    monkeypatch.setattr(microvm, "_RUN_SECONDS", seconds)
    ended = threading.Event()

    def goes_on(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        while not ended.wait(pause):
            try:
                handler.wfile.write(chunk)
            except OSError:
                return

    with serving(READY, goes_on) as (vm.port, _):
        try:
            with pytest.raises(SandboxLostError, match=said):
                vm.runner.run(VM, REQUEST)
        finally:
            ended.set()


def test_a_server_whose_certificate_nobody_vouches_for_is_sent_nothing(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    _make_certificate(key, certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        accepting = threading.Thread(target=_accept_once, args=(listening, context))
        accepting.start()
        connection = https(f"127.0.0.1:{listening.getsockname()[1]}")
        with closing(connection), pytest.raises(ssl.SSLCertVerificationError):
            connection.request("GET", "/", headers={"X-aws-proxy-auth": "token"})
        accepting.join()


def test_destroyed_means_that_lambda_says_terminated(vm: Vm) -> None:
    vm.answers("terminate_microvm", {}, OF_ONE)
    vm.answers("get_microvm", described("TERMINATING"), OF_ONE)
    vm.answers("terminate_microvm", "ConflictException", OF_ONE)
    vm.answers("terminate_microvm", {}, OF_ONE)
    vm.answers("get_microvm", described("TERMINATED"), OF_ONE)
    assert vm.runner.destroy(VM) is True


def test_a_microvm_that_lambda_does_not_know_is_destroyed(vm: Vm) -> None:
    vm.answers("terminate_microvm", "ResourceNotFoundException", OF_ONE)
    assert vm.runner.destroy(VM) is True


def test_a_microvm_that_stays_or_may_not_be_terminated_is_not_destroyed(
    vm: Vm, monkeypatch: pytest.MonkeyPatch
) -> None:
    vm.answers("terminate_microvm", "AccessDeniedException", OF_ONE)
    with pytest.raises(SandboxNotDestroyedError, match="AccessDeniedException"):
        vm.runner.destroy(VM)
    monkeypatch.setattr(microvm, "_DESTROY_SECONDS", 0)
    vm.answers("terminate_microvm", {}, OF_ONE)
    vm.answers("get_microvm", described("TERMINATING"), OF_ONE)
    with pytest.raises(SandboxNotDestroyedError, match="still exists"):
        vm.runner.destroy(VM)


def test_the_expired_are_those_that_outlived_every_maximum(vm: Vm) -> None:
    def item(name: str, minutes: float, state: str = "RUNNING") -> dict[str, Any]:
        started = STARTED - timedelta(minutes=minutes)
        return {"microvmId": name, "state": state, "imageArn": IMAGE, "imageVersion": "1.0", "startedAt": started}

    first = [item("old", 15), item("young", 14.9), item("ended", 60, "TERMINATED")]
    vm.answers("list_microvms", {"items": first, "nextToken": "2"}, {"imageIdentifier": IMAGE})
    rest = [item("ending", 60, "TERMINATING"), item("suspended", 60, "SUSPENDED")]
    vm.answers("list_microvms", {"items": rest}, {"imageIdentifier": IMAGE, "nextToken": "2"})
    assert list(vm.runner.expired(STARTED)) == ["old", "ending", "suspended"]


def test_a_list_that_lambda_refuses_is_no_empty_list(vm: Vm) -> None:
    vm.answers("list_microvms", "ThrottlingException", {"imageIdentifier": ANY})
    with pytest.raises(SandboxNotDestroyedError, match="ThrottlingException"):
        list(vm.runner.expired(STARTED))


def test_the_client_backs_off_and_tries_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    assert microvms().meta.config.retries == {"mode": "standard", "total_max_attempts": 6}


def _make_certificate(key: Path, certificate: Path) -> None:
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder(name, name, secret.public_key(), 1, now - timedelta(days=1), now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(secret, hashes.SHA256())
    )
    certificate.write_bytes(signed.public_bytes(Encoding.PEM))
    key.write_bytes(secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _accept_once(listening: socket.socket, context: ssl.SSLContext) -> None:
    connection, _ = listening.accept()
    with closing(connection):
        try:
            context.wrap_socket(connection, server_side=True)
        except ssl.SSLError:
            return
