"""The Dockerfile: what it is made from, what it lets in, and how what comes out of it runs."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.support.folders import server_folder
from tests.support.image import DOCKERFILE, Stage, build, sent_to_docker, stages
from workbench.project import ROOT

STAGES = stages(DOCKERFILE.read_text())
IMAGES = ("sandbox", "service")

pytestmark = pytest.mark.xdist_group("container")


def locked(name: str) -> dict[str, str]:
    """What a lock pins for this machine and Python, by name."""
    lines = (ROOT / "locks" / name).read_text().splitlines()
    pinned = [Requirement(line.rstrip(" \\")) for line in lines if re.match(r"[a-z]", line)]
    return {each.name: str(each.specifier) for each in pinned if each.marker is None or each.marker.evaluate()}


@pytest.fixture(scope="module")
def built() -> Iterator[dict[str, Stage]]:
    with server_folder() as folder:
        yield build(folder)


def test_the_linter_finds_nothing() -> None:
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run([linter, DOCKERFILE], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_everything_is_made_from_one_image_pinned_by_digest() -> None:
    assert {name: stage.parent for name, stage in STAGES.items() if name != "base"} == {
        "installer": "base",
        "packages": "installer",
        "sandbox": "base",
        "service": "base",
    }
    assert re.fullmatch(r"python:3\.13\.\d+-slim-trixie@sha256:[0-9a-f]{64}", STAGES["base"].parent)


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_runs_as_nobody_that_the_machine_knows(name: str) -> None:
    assert STAGES[name].only("USER").text in ("10001:10001", "10002:10002")
    assert STAGES[name].only("STOPSIGNAL").text == "SIGTERM"
    assert STAGES[name].only("CMD").words[0] == "python"
    # What builds it stays behind.
    assert [each.name for each in STAGES[name].instructions if each.name in ("RUN", "ADD", "SHELL", "VOLUME")] == []
    assert {each.words[0] for each in STAGES[name].instructions if each.name == "COPY"} == {"--from=packages"}


def test_service_and_sandbox_are_different_users() -> None:
    assert STAGES["service"].only("USER").text != STAGES["sandbox"].only("USER").text


def test_nothing_is_installed_but_by_hash_and_nothing_is_compiled_from_source() -> None:
    installing = [
        command
        for stage in STAGES.values()
        for each in stage.instructions
        if each.name == "RUN"
        for command in each.text.split(" && ")
        if " pip " in command
    ]
    assert len(installing) == 3
    assert [one for one in installing if "--require-hashes --only-binary :all:" not in one] == []


def test_the_service_has_what_the_lambda_functions_have_and_a_server(built: dict[str, Stage]) -> None:
    [packages] = built["service"].folder.glob("opt/plinth/lib/python*/site-packages")
    found = {each.name.lower().replace("_", "-"): f"=={each.version}" for each in distributions(path=[str(packages)])}
    assert found == {**locked("service.txt"), **locked("container.txt")}


def test_what_serves_is_what_the_tests_serve_with() -> None:
    developed = {**locked("dev.txt"), **locked("service.txt")}
    assert {name: developed.get(name) for name in locked("container.txt")} == locked("container.txt")
    assert set(locked("container.txt")) & set(locked("service.txt")) == set()


def test_the_service_is_compiled_and_has_no_installer(built: dict[str, Stage]) -> None:
    service = built["service"]
    sources = {path.relative_to(ROOT) for path in (ROOT / "service").rglob("*.py")}
    app = service.inside(".")
    assert {path.relative_to(app) for path in app.rglob("*.py")} == sources
    assert [path for path in sources if not list((app / path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))] == []
    assert list(service.folder.rglob("uv")) == list(service.folder.glob("opt/plinth/bin/pip*")) == []


def test_the_sandbox_has_the_runner_and_nothing_of_the_service(built: dict[str, Stage]) -> None:
    sandbox = built["sandbox"]
    held = {path.relative_to(sandbox.folder).as_posix() for path in sandbox.folder.rglob("*.py")}
    assert held == {f"opt/sandbox/sandbox_lambda/{path.name}" for path in (ROOT / "sandbox_lambda").glob("*.py")}
    assert [each for each in sandbox.instructions if each.name in ("ENV", "ARG")] == []


def test_the_health_check_asks_for_what_touches_nothing_else() -> None:
    [command] = re.findall(r"CMD (\[.*\])", STAGES["service"].only("HEALTHCHECK").text)
    assert json.loads(command)[:3] == ["python", "-I", "-c"]
    assert "http://127.0.0.1:8000/health/live" in json.loads(command)[3]


def test_docker_is_sent_what_is_copied_and_nothing_else(tmp_path: Path) -> None:
    given = (
        ".secrets/signing_keys",
        ".env",
        ".git/config",
        "README.md",
        "locks/service.txt",
        "sandbox_lambda/Dockerfile",
        "sandbox_lambda/runner.py",
        "service/__pycache__/main.cpython-313.pyc",
        "service/core/old.pyc",
        "service/items/router.py",
        "service/main.py",
        "stacks/Pulumi.prod.yaml",
        "tests/service/test_items.py",
    )
    for path in given:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    (tmp_path / ".dockerignore").write_text((ROOT / ".dockerignore").read_text())
    assert sorted(sent_to_docker(tmp_path)) == [
        "locks/service.txt",
        "sandbox_lambda/runner.py",
        "service/items/router.py",
        "service/main.py",
    ]
