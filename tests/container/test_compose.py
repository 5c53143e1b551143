"""What compose.yaml says that only Docker could show: who reaches whom, who holds which secret, and what nobody may."""

import re
import subprocess
from typing import Any

import pytest

from tests.support.composition import document
from workbench.project import ROOT

COMPOSE = document()
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
NETWORKS: dict[str, dict[str, Any]] = COMPOSE["networks"]
SANDBOXES = ["sandbox-1", "sandbox-2", "sandbox-3"]


def on(network: str) -> list[str]:
    return [name for name, service in SERVICES.items() if network in service["networks"]]


def of(key: str) -> dict[str, Any]:
    """What each service that has it says for that key."""
    return {name: service[key] for name, service in SERVICES.items() if key in service}


def test_it_is_what_the_service_needs_without_lambda() -> None:
    assert list(SERVICES) == ["database", "counts", "migrate", "api", "worker", *SANDBOXES]
    assert {name: build["target"] for name, build in of("build").items()} == {
        **dict.fromkeys(("migrate", "api", "worker"), "service"),
        **dict.fromkeys(SANDBOXES, "sandbox"),
    }


def test_the_images_of_others_are_pinned_by_digest() -> None:
    others = {name: image for name, image in of("image").items() if name not in of("build")}
    assert list(others) == ["database", "counts"]
    for image in others.values():
        assert re.fullmatch(r"[a-z/]+:\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}", image)


def test_nothing_but_the_database_can_write_anything_that_lasts() -> None:
    assert [name for name, service in SERVICES.items() if not service.get("read_only")] == ["database"]
    assert of("volumes") == {"database": ["database:/var/lib/postgresql/data"]}


def test_nobody_gains_a_right() -> None:
    assert set(SERVICES) == {
        name for name, options in of("security_opt").items() if "no-new-privileges:true" in options
    }
    # The image of PostgreSQL changes to a user of its own as it starts.
    assert {name for name, dropped in of("cap_drop").items() if dropped == ["ALL"]} == set(SERVICES) - {"database"}
    for key in ("privileged", "cap_add", "devices", "pid", "ipc", "network_mode", "extra_hosts", "userns_mode"):
        assert of(key) == {}


@pytest.mark.parametrize("name", [*SANDBOXES, "api", "worker", "migrate"])
def test_what_is_ours_has_bounds(name: str) -> None:
    assert SERVICES[name]["mem_limit"] == "512m"
    assert SERVICES[name]["pids_limit"] <= 128
    assert SERVICES[name]["tmpfs"] == ["/tmp:size=64m,mode=1777,noexec,nosuid,nodev"]


def test_only_the_api_is_reachable_and_only_from_this_machine() -> None:
    assert of("ports") == {"api": ["127.0.0.1:8000:8000"]}
    assert document({"API_PORT": "9000"})["services"]["api"]["ports"] == ["127.0.0.1:9000:8000"]
    assert [name for name, network in NETWORKS.items() if not network.get("internal")] == ["edge"]
    assert on("edge") == ["api"]


def test_who_needs_nobody_else_reaches_nobody_else() -> None:
    assert on("data") == ["database", "migrate", "api", "worker"]
    assert on("counts") == ["counts", "api"]


@pytest.mark.parametrize("name", SANDBOXES)
def test_a_sandbox_is_alone_with_the_worker_and_knows_nothing(name: str) -> None:
    assert SERVICES[name]["networks"] == [name]
    assert on(name) == ["worker", name]
    isolated = {"com.docker.network.bridge.gateway_mode_ipv4": "isolated"}
    assert NETWORKS[name] == {"internal": True, "driver_opts": isolated}
    for key in ("environment", "env_file", "secrets", "configs", "volumes", "ports", "command", "user", "depends_on"):
        assert key not in SERVICES[name]


def test_a_sandbox_starts_again_after_each_script() -> None:
    assert {of("restart")[name] for name in SANDBOXES} == {"always"}


def test_the_worker_knows_every_sandbox() -> None:
    told = SERVICES["worker"]["environment"]["SANDBOX_ADDRESSES"]
    assert told == " ".join(f"{name}:8080" for name in SANDBOXES)


def test_each_secret_is_known_to_those_who_need_it() -> None:
    assert of("secrets") == {
        "database": ["database_password"],
        "migrate": ["database_password", "application_password"],
        "api": ["application_password", "signing_keys"],
        "worker": ["application_password"],
    }
    for environment in of("environment").values():
        assert [name for name in environment if re.search("PASSWORD|KEYS", name) and not name.endswith("_FILE")] == []


def test_secrets_are_files_that_git_ignores() -> None:
    files = [secret["file"] for secret in COMPOSE["secrets"].values()]
    assert files == [f".secrets/{name}" for name in COMPOSE["secrets"]]
    ignored = subprocess.run(
        ["git", "check-ignore", *files], cwd=ROOT, capture_output=True, text=True, timeout=20, check=False
    )
    assert ignored.stdout.split() == files


def test_no_proxy_is_trusted_until_one_is_named() -> None:
    assert SERVICES["api"]["environment"]["FORWARDED_ALLOW_IPS"] == ""
    named = document({"TRUSTED_PROXIES": "10.0.0.0/8"})
    assert named["services"]["api"]["environment"]["FORWARDED_ALLOW_IPS"] == "10.0.0.0/8"


def test_docker_waits_longer_than_what_it_ends_needs() -> None:
    grace = {name: int(seconds.removesuffix("s")) for name, seconds in of("stop_grace_period").items()}
    assert grace == {"database": 60, "api": 30, "worker": 90}
