"""The choice among the adapters, by the environment variables of the worker."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from service.core.settings import get_settings
from service.runs.runners import sandbox_runner
from service.runs.runners.child_process import ChildProcess
from service.runs.runners.container import Container
from service.runs.runners.ephemeral import EphemeralFunction
from service.runs.runners.microvm import MicroVm
from service.runs.runners.tenant import TenantFunction
from service.runs.sandbox import SandboxRunner

SETTINGS = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "SANDBOX_FUNCTION": "plinth-dev-sandbox",
    "SANDBOX_IMAGE": "arn:aws:lambda:eu-central-1:123456789012:microvm-image:sandbox",
    "SANDBOX_ADDRESSES": "sandbox-1:8080 sandbox-2:8080",
    "SANDBOX_EGRESS_CONNECTOR": "arn:aws:lambda:eu-central-1:123456789012:network-connector:nc-1",
}


@pytest.fixture(autouse=True)
def chosen_afresh() -> Iterator[None]:
    sandbox_runner.cache_clear()
    yield
    sandbox_runner.cache_clear()


def choose(monkeypatch: pytest.MonkeyPatch, isolation: str | None, without: str = "") -> SandboxRunner:
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("SANDBOX_ISOLATION", raising=False)
    monkeypatch.delenv(without, raising=False)
    if isolation is not None:
        monkeypatch.setenv("SANDBOX_ISOLATION", isolation)
    get_settings.cache_clear()
    return sandbox_runner()


@pytest.mark.parametrize(
    ("isolation", "kind"),
    [
        (None, EphemeralFunction),
        ("ephemeral", EphemeralFunction),
        ("tenant", TenantFunction),
        ("microvm", MicroVm),
        ("container", Container),
        ("subprocess", ChildProcess),
    ],
)
def test_the_isolation_names_the_adapter(
    monkeypatch: pytest.MonkeyPatch, isolation: str | None, kind: type[SandboxRunner]
) -> None:
    assert type(choose(monkeypatch, isolation)) is kind


@pytest.mark.parametrize(
    ("isolation", "missing"),
    [
        ("ephemeral", "SANDBOX_FUNCTION"),
        ("tenant", "SANDBOX_FUNCTION"),
        ("microvm", "SANDBOX_IMAGE"),
        ("microvm", "SANDBOX_EGRESS_CONNECTOR"),
        ("container", "SANDBOX_ADDRESSES"),
    ],
)
def test_an_isolation_without_what_it_needs_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, isolation: str, missing: str
) -> None:
    with pytest.raises(RuntimeError, match=f"^{missing} is not set: the isolation '{isolation}'"):
        choose(monkeypatch, isolation, without=missing)


@pytest.mark.parametrize(
    ("isolation", "adapter"),
    [
        ("ephemeral", "ephemeral"),
        ("tenant", "tenant"),
        ("microvm", "microvm"),
        ("container", "container"),
        ("subprocess", "child_process"),
    ],
)
def test_only_the_chosen_adapter_is_imported(isolation: str, adapter: str) -> None:
    program = (
        "import sys; from service.runs.runners import sandbox_runner; before = set(sys.modules); sandbox_runner();"
        "print(*[name for name in set(sys.modules) - before if name.startswith(('service.runs.runners', 'botocore.'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.defpath, "AWS_EC2_METADATA_DISABLED": "true", "SANDBOX_ISOLATION": isolation, **SETTINGS},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = set(done.stdout.split())
    adapters = {
        f"service.runs.runners.{name}" for name in ("ephemeral", "tenant", "microvm", "container", "child_process")
    }
    assert imported & adapters == {f"service.runs.runners.{adapter}"}
    assert ("botocore.exceptions" in imported) is (isolation not in ("container", "subprocess"))
