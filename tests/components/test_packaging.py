"""Packages depend on their content alone, are made once, and hold nothing that does not belong."""

import importlib.util
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from components.packaging import (
    PackagingError,
    dependencies_layer,
    files_package,
    runner_image,
    runner_layer,
    source_package,
    without_sections,
)
from service.core.keys import KeyRing

ROOT = Path(__file__).parents[2]
LOCK = "locks/service.txt"


@pytest.fixture(autouse=True)
def built_for_lambda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_PACKAGES", "build")
    monkeypatch.delenv("PLINTH_PACKAGE_TARGET", raising=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Callable[[str], Path]:
    """Makes folders that hold the same small source."""

    def make(name: str) -> Path:
        source = tmp_path / name / "app"
        (source / "items").mkdir(parents=True)
        (source / "__init__.py").write_text('"""The application."""\n')
        (source / "items" / "router.py").write_text("ROUTES = ()\n")
        (source / "items" / "notes.txt").write_text("kept\n")
        return tmp_path / name

    return make


def packages(root: Path) -> list[str]:
    folder = root / ".plinth" / "packages"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def files(folder: str) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file())


def test_the_same_source_in_two_folders_is_the_same_package(checkout: Callable[[str], Path]) -> None:
    one, other = source_package("app", checkout("one"), "app"), source_package("app", checkout("other"), "app")
    assert Path(one.path).name == Path(other.path).name
    assert files(one.path) == files(other.path) == ["app/__init__.py", "app/items/notes.txt", "app/items/router.py"]


def test_caches_tests_and_hidden_files_stay_out(checkout: Callable[[str], Path]) -> None:
    clean, root = source_package("app", checkout("clean"), "app"), checkout("used")
    for path in ("__pycache__/a.cpython-311.pyc", "items/b.pyc", ".env", "items/.cache/c", "tests/test_d.py"):
        (root / "app" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "app" / path).write_text("left over")
    used = source_package("app", root, "app")
    assert Path(used.path).name == Path(clean.path).name
    assert files(used.path) == files(clean.path)


def test_a_changed_file_is_another_package(checkout: Callable[[str], Path]) -> None:
    root = checkout("one")
    before = source_package("app", root, "app")
    (root / "app" / "items" / "router.py").write_text("ROUTES = (1,)\n")
    after = source_package("app", root, "app")
    assert packages(root) == sorted([Path(before.path).name, Path(after.path).name])
    assert (Path(after.path) / "app" / "items" / "router.py").read_text() == "ROUTES = (1,)\n"


def test_a_moved_file_is_another_package(tmp_path: Path) -> None:
    names = {
        Path(files_package("app", tmp_path, content).path).name
        for content in ({"a": b"1", "b": b"2"}, {"a": b"2", "b": b"1"}, {"ab": b"12"}, {"a": b"12"})
    }
    assert len(names) == 4


def test_a_prefix_puts_the_folder_deeper(checkout: Callable[[str], Path]) -> None:
    layer = source_package("app", checkout("one"), "app", prefix="python")
    assert files(layer.path) == ["python/app/__init__.py", "python/app/items/notes.txt", "python/app/items/router.py"]


def test_modes_do_not_depend_on_the_umask(checkout: Callable[[str], Path]) -> None:
    root = checkout("one")
    before = os.umask(0o077)
    try:
        package = Path(source_package("app", root, "app").path)
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode & 0o777) for path in package.rglob("*") if path.is_file()} == {"0o644"}
    assert {oct(path.stat().st_mode & 0o777) for path in (package, *package.rglob("*")) if path.is_dir()} == {"0o755"}


def test_a_package_that_is_there_is_not_made_again(checkout: Callable[[str], Path]) -> None:
    root = checkout("one")
    package = Path(source_package("app", root, "app").path)
    (package / "mark").write_text("untouched")
    source_package("app", root, "app")
    assert (package / "mark").read_text() == "untouched"
    assert packages(root) == [package.name]


def test_describing_names_the_package_and_makes_nothing(
    checkout: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = source_package("app", checkout("one"), "app")
    root = checkout("other")
    shutil.copytree(ROOT / "locks", root / "locks")
    monkeypatch.setenv("PLINTH_PACKAGES", "describe")
    described = source_package("app", root, "app")
    layer = dependencies_layer("dependencies", root, LOCK)
    assert Path(described.path).name == Path(built.path).name
    assert Path(layer.path).name.startswith("dependencies-")
    assert not (root / ".plinth").exists()


def test_a_layer_is_named_after_its_lock_and_its_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_PACKAGES", "describe")
    (tmp_path / "lock.txt").write_text("idna==3.20\n")

    def name(target: str) -> str:
        monkeypatch.setenv("PLINTH_PACKAGE_TARGET", target)
        return Path(dependencies_layer("layer", tmp_path, "lock.txt").path).name

    before = {target: name(target) for target in ("", "arm64-3.13", "x86_64-3.11", "arm64-3.12", "host")}
    assert before[""] == before["arm64-3.13"]
    assert len(set(before.values())) == 4
    (tmp_path / "lock.txt").write_text("idna==3.21\n")
    assert {name(target) for target in before}.isdisjoint(before.values())


@pytest.mark.parametrize("target", ["arm64", "mips-3.13", "arm64-2.7", "arm64-3.13-musl"])
def test_an_unknown_target_is_refused(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_PACKAGE_TARGET", target)
    with pytest.raises(PackagingError, match=f"PLINTH_PACKAGE_TARGET is {target!r}: give arm64-3.13"):
        dependencies_layer("layer", ROOT, LOCK)


@pytest.fixture
def runner(tmp_path: Path) -> Path:
    """A checkout with a runner, and a lock that pins nothing."""
    source = tmp_path / "runner"
    source.mkdir()
    (source / "__init__.py").write_text("")
    (source / "Dockerfile").write_text("FROM scratch\n")
    (source / "server.py").write_text("")
    (tmp_path / "scripts.txt").write_text("# nothing yet\n")
    return tmp_path


def test_a_runner_without_packages_is_its_source_alone(runner: Path) -> None:
    layer, image = (make("sandbox", runner, "runner", "scripts.txt") for make in (runner_layer, runner_image))
    assert files(layer.path) == ["python/runner/__init__.py"]
    assert files(image.path) == ["Dockerfile", "python/runner/__init__.py", "python/runner/server.py"]


def test_packages_for_scripts_lie_in_a_folder_of_their_own_beside_the_runner(
    runner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed: list[Path] = []

    def install(_name: str, destination: Path, lock: Path, _target: object) -> None:
        installed.append(lock)
        (destination / "tiny").mkdir(parents=True)
        (destination / "tiny" / "__init__.py").write_text("")

    monkeypatch.setattr("components.packaging._install", install)
    (runner / "scripts.txt").write_text("tiny==1.0 --hash=sha256:00\n")
    for make in (runner_layer, runner_image):
        package = make("sandbox", runner, "runner", "scripts.txt")
        assert {"python/runner/__init__.py", "python/sandbox_packages/tiny/__init__.py"} <= set(files(package.path))
    assert installed == [runner / "scripts.txt"] * 2


def test_another_lock_another_runner_and_another_target_are_other_packages(
    runner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLINTH_PACKAGES", "describe")

    def name() -> str:
        return Path(runner_layer("sandbox", runner, "runner", "scripts.txt").path).name

    names = [name()]
    (runner / "scripts.txt").write_text("tiny==1.0 --hash=sha256:00\n")
    names.append(name())
    (runner / "runner" / "more.py").write_text("")
    names.append(name())
    monkeypatch.setenv("PLINTH_PACKAGE_TARGET", "x86_64-3.13")
    names.append(name())
    (runner / "runner" / "Dockerfile").write_text("FROM other\n")
    assert len(set(names)) == 4
    assert name() == names[-1]


def test_the_sandboxs_image_holds_its_layer_a_server_and_a_dockerfile() -> None:
    sandbox = ("sandbox_lambda", "locks/sandbox.txt")
    layer = runner_layer("sandbox-runner", ROOT, *sandbox)
    image = runner_image("sandbox-image", ROOT, *sandbox)
    assert files(image.path) == sorted(["Dockerfile", "python/sandbox_lambda/server.py", *files(layer.path)])
    assert {"python/sandbox_lambda/handler.py", "python/sandbox_lambda/runner.py"} <= set(files(layer.path))


def test_an_unknown_mode_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_PACKAGES", "maybe")
    with pytest.raises(PackagingError, match="PLINTH_PACKAGES is 'maybe': give build or describe"):
        files_package("app", tmp_path, {"a": b"1"})


def test_a_folder_without_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match=f"Package app: there is no source in {tmp_path / 'nowhere'}"):
        source_package("app", tmp_path, "nowhere")


def test_a_failed_installation_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("idna==3.20\n")
    with pytest.raises(
        PackagingError, match=r"Package layer: uv could not install lock\.txt for linux-arm64-3\.13: .*hash"
    ):
        dependencies_layer("layer", tmp_path, "lock.txt")
    assert packages(tmp_path) == []


RUNTIME_BRINGS = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
"""The top-level modules of boto3 in the Lambda runtime (AWS Lambda, "Lambda runtimes": python3.13)."""


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer of the service, installed for this machine and Python."""
    root = tmp_path_factory.mktemp("layer")
    (root / "locks").mkdir()
    shutil.copy(ROOT / LOCK, root / LOCK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLINTH_PACKAGE_TARGET", "host")
        patch.setenv("PLINTH_PACKAGES", "build")
        return Path(dependencies_layer("layer", root, LOCK).path)


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    """A folder with what the Lambda runtime brings and nothing else."""
    folder = tmp_path / "runtime"
    folder.mkdir()
    for name in RUNTIME_BRINGS:
        found = importlib.util.find_spec(name)
        assert found is not None
        assert found.origin is not None
        file = Path(found.origin)
        source = file.parent if file.name == "__init__.py" else file
        (folder / source.name).symlink_to(source)
    return folder


def test_the_lock_of_the_layer_leaves_out_what_the_lambda_runtime_brings() -> None:
    pinned = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / LOCK).read_text(), re.MULTILINE))
    assert pinned >= {"aws-lambda-powertools", "fastapi", "psycopg-binary", "sqlalchemy"}
    assert pinned & {"boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"} == set()


def test_the_layer_holds_nothing_of_the_machine_and_nothing_that_no_import_needs(layer: Path) -> None:
    assert [path.name for path in layer.iterdir()] == ["python"]
    content = files(str(layer / "python"))
    assert "fastapi/__init__.py" in content
    assert [path for path in content if path.endswith((".pyc", "RECORD", "direct_url.json"))] == []
    assert [path for path in content if path.endswith((".c", ".h", ".pyi")) or "/testing/" in path] == []
    assert {path.partition("/")[0] for path in content}.isdisjoint({"bin", "boto3", "botocore", "pip", ".lock"})
    assert sum((layer / "python" / path).stat().st_size for path in content) < 50_000_000


@pytest.mark.parametrize("module", ["api", "migrate", "shell", "worker"])
def test_each_function_starts_from_the_layer_and_what_the_runtime_brings(
    module: str, layer: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_KEYS", KeyRing.generate().to_json())
    places = [str(ROOT), str(layer / "python"), str(runtime)]
    program = (
        f"import sys; sys.path[:0] = {places}; import service.lambda_handlers.{module}; import sqlalchemy as found"
    )
    command = [sys.executable, "-I", "-S", "-B", "-c", f"{program}; print(found.__file__)"]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (found.stdout, found.stderr) == (f"{layer / 'python' / 'sqlalchemy' / '__init__.py'}\n", "")


def test_the_layer_has_what_is_imported_at_the_first_use_and_its_libraries_work(layer: Path, runtime: Path) -> None:
    program = f"""
import sys
sys.path[:0] = {[str(layer / "python"), str(runtime)]}
import argon2, aws_xray_sdk.core, email_validator, psycopg, valkey, wrapt
import aws_lambda_powertools.tracing
from pwdlib import PasswordHash
from sqlalchemy.engine import _result_cy
hasher = PasswordHash.recommended()
print(hasher.verify("secret", hasher.hash("secret")), psycopg.pq.__impl__, _result_cy._is_compiled())
print(email_validator.validate_email("Ada@EXAMPLE.com", check_deliverability=False).normalized)
"""
    command = [sys.executable, "-I", "-S", "-B", "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (found.stdout, found.stderr) == ("True binary True\nAda@example.com\n", "")


def test_what_lies_behind_the_last_segment_of_a_library_goes() -> None:
    header = bytearray(64)
    header[:6] = b"\x7fELF\x02\x01"
    struct.pack_into("<QQ", header, 0x20, 64, 300)  # where program and section headers begin
    struct.pack_into("<HHHHH", header, 0x36, 56, 2, 64, 5, 4)
    first, last = (bytearray(56), bytearray(56))
    struct.pack_into("<QQQQ", first, 8, 0, 0, 0, 176)
    struct.pack_into("<QQQQ", last, 8, 176, 0, 0, 24)
    segments = bytes(header + first + last) + b"x" * 24
    without = without_sections(segments + b"debug information and section headers")
    assert len(without) == len(segments) == 200
    assert struct.unpack_from("<Q", without, 0x28) == (0,)
    assert struct.unpack_from("<HHH", without, 0x3A) == (64, 0, 0)
    assert without[64:] == segments[64:]


@pytest.mark.parametrize("other", [b"", b"MZ", b"\x7fELF\x01\x01 32 bit", b"\xcf\xfa\xed\xfe of macOS"])
def test_any_other_library_stays_as_it_is(other: bytes) -> None:
    assert without_sections(other) == other


def test_only_the_packages_used_last_are_kept(checkout: Callable[[str], Path]) -> None:
    root = checkout("edited")
    first = Path(source_package("app", root, "app").path)
    second = Path(files_package("app", root, {"text": b"second"}).path)
    files_package("app-notes", root, {"text": b"another name"})
    for number in range(7):
        source_package("app", root, "app")
        files_package("app", root, {"text": f"{number}".encode()})
    kept = packages(root)
    assert (len(kept), first.name in kept, second.name in kept) == (9, True, False)
