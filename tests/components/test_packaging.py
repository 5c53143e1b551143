"""Packages depend on their content alone, are made once, and hold nothing that does not belong."""

import ast
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
    Contents,
    PackagingError,
    contents_of,
    dependencies_layer,
    files_package,
    runner_image,
    runner_layer,
    source_package,
    without_sections,
)
from service.core.keys import KeyRing
from service.core.unimported import UNIMPORTED
from tests.support.pythons import OtherPython, other_python
from workbench.package import content_digest, packed

ROOT = Path(__file__).parents[2]
LOCK = "locks/service.txt"

pytestmark = pytest.mark.xdist_group("packaging")  # whose layers are then built once


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


@pytest.mark.parametrize("mode", ["build", "describe"])
def test_what_a_package_is_made_of_is_known_without_building_it(
    checkout: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    monkeypatch.setenv("PLINTH_PACKAGES", mode)
    root = checkout("described")
    (root / "packages.txt").write_text("six==1.17.0 ; python_version < '4' \\\n    --hash=sha256:00\nidna==3.10\n")
    files = files_package("files", root, {"told": b"abc"})
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert contents_of(Path(files.path)) == Contents(files={"told": digest}, packages={})
    source = contents_of(Path(source_package("app", root, "app", prefix="python").path))
    assert source is not None
    paths = ("__init__.py", "items/notes.txt", "items/router.py")
    assert sorted(source.files) == [f"python/app/{path}" for path in paths]
    if mode == "describe":
        layer = contents_of(Path(dependencies_layer("layer", root, "packages.txt").path))
        assert layer == Contents(files={}, packages={"six": "1.17.0", "idna": "3.10"})
    assert contents_of(root) is None


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


def test_leaving_out_something_else_is_another_layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_PACKAGES", "describe")
    (tmp_path / "lock.txt").write_text("idna==3.20\n")

    def name(*unimported: str) -> str:
        return Path(dependencies_layer("layer", tmp_path, "lock.txt", unimported).path).name

    assert len({name(), name("a"), name("b"), name("a", "b"), name("ab")}) == 5
    assert name("a", "b") == name("b", "a")


def test_what_is_left_out_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def install(_name: str, destination: Path, _lock: Path, _target: object) -> None:
        for module in ("kept.py", "gone.py", "folder/gone.py", "folder/kept.py", "all/gone.py"):
            (destination / module).parent.mkdir(parents=True, exist_ok=True)
            (destination / module).write_text("")

    monkeypatch.setattr("components.packaging._install", install)
    (tmp_path / "lock.txt").write_text("idna==3.20\n")
    layer = dependencies_layer("layer", tmp_path, "lock.txt", ["all", "folder/gone.py", "gone.py"])
    assert files(layer.path) == ["python/folder/kept.py", "python/kept.py"]
    with pytest.raises(PackagingError, match=r"Package layer: it has no misspelt to leave out: take it off the list\."):
        dependencies_layer("layer", tmp_path, "lock.txt", ["gone.py", "misspelt"])
    assert packages(tmp_path) == [Path(layer.path).name]


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


def built(root: Path, target: str) -> Path:
    """The layer of the service, as the stacks have it, built in a folder that holds nothing but its lock."""
    (root / "locks").mkdir(parents=True)
    shutil.copy(ROOT / LOCK, root / LOCK)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLINTH_PACKAGE_TARGET", target)
        patch.setenv("PLINTH_PACKAGES", "build")
        return Path(dependencies_layer("layer", root, LOCK, UNIMPORTED).path)


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer of the service, installed for this machine and Python."""
    return built(tmp_path_factory.mktemp("layer"), "host")


@pytest.fixture(scope="module")
def lambdas_layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer of the service, installed for what it runs on."""
    return built(tmp_path_factory.mktemp("layer"), "")


@pytest.fixture(name="other_python")
def python_of_another_version(tmp_path: Path) -> OtherPython:
    return other_python(tmp_path / "python")


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


def test_function_and_layer_are_small_and_can_be_uploaded_at_once(lambdas_layer: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "service", tmp_path / "service")
    function = Path(source_package("service", tmp_path, "service").path)
    found = [path for folder in (function, lambdas_layer) for path in folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in found) < 45_000_000
    # What CreateFunction and PublishLayerVersion take at once (AWS Lambda, "Lambda quotas").
    assert max(len(packed(function)), len(packed(lambdas_layer))) < 50_000_000


def test_the_layer_is_made_of_wheels_for_the_machine_and_the_python_of_the_functions(lambdas_layer: Path) -> None:
    tags = {
        metadata.parent.name: re.findall(r"^Tag: (.*)$", metadata.read_text(), re.MULTILINE)
        for metadata in lambdas_layer.glob("python/*.dist-info/WHEEL")
    }
    assert {"fastapi", "pydantic_core", "psycopg_binary"} <= {name.partition("-")[0] for name in tags}
    fits = re.compile(
        r"(py3|py2\.py3|py2|cp313)-none-any|(cp313-cp313|cp3\d+-abi3)-(manylinux2014|manylinux_2_(17|2[0-8]))_aarch64"
    )
    assert {name: found for name, found in tags.items() if not any(map(fits.fullmatch, found))} == {}


def test_every_library_of_the_layer_is_for_the_functions_machine(lambdas_layer: Path) -> None:
    libraries = [path for path in lambdas_layer.rglob("*") if ".so" in path.suffixes]
    heads = {path.name: path.read_bytes()[:20] for path in libraries}
    assert {"_psycopg.cpython-313-aarch64-linux-gnu.so", "_cffi_backend.cpython-313-aarch64-linux-gnu.so"} <= set(heads)
    # ELF of 64 bits, little-endian, for AArch64 (183).
    wrong = {name for name, head in heads.items() if head[:6] != b"\x7fELF\x02\x01" or head[18:20] != b"\xb7\x00"}
    assert wrong == set()
    pythons = {name.split(".")[1] for name in heads if ".cpython-" in name}
    assert pythons == {"cpython-313-aarch64-linux-gnu"}


def test_the_layer_is_the_same_in_another_folder(lambdas_layer: Path, tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        other = built(tmp_path / "elsewhere", "arm64-3.13")
    finally:
        os.umask(before)
    assert (other.name, content_digest(other)) == (lambdas_layer.name, content_digest(lambdas_layer))
    assert packed(other) == packed(lambdas_layer)


def test_all_packages_are_the_same_when_another_python_builds_them(
    other_python: OtherPython, lambdas_layer: Path, tmp_path: Path
) -> None:
    for folder in ("locks", "service", "sandbox_lambda"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    here = [
        source_package("service", tmp_path, "service"),
        runner_layer("sandbox-runner", tmp_path, "sandbox_lambda", "locks/sandbox.txt"),
        runner_image("sandbox-image", tmp_path, "sandbox_lambda", "locks/sandbox.txt"),
    ]
    program = f"""
import sys
sys.path[:0] = [{str(ROOT)!r}]
from pathlib import Path
from components.packaging import dependencies_layer, runner_image, runner_layer, source_package
from service.core.unimported import UNIMPORTED
root = Path({str(tmp_path / "theirs")!r})
root.mkdir()
for folder in ("locks", "service", "sandbox_lambda"):
    (root / folder).symlink_to(Path({str(tmp_path)!r}) / folder)
made = [
    source_package("service", root, "service"),
    runner_layer("sandbox-runner", root, "sandbox_lambda", "locks/sandbox.txt"),
    runner_image("sandbox-image", root, "sandbox_lambda", "locks/sandbox.txt"),
    dependencies_layer("layer", root, {LOCK!r}, UNIMPORTED),
]
print(*(archive.path for archive in made), sep="\\n")
"""
    theirs = [Path(path) for path in other_python.run(program).splitlines()]
    ours = [*(Path(archive.path) for archive in here), lambdas_layer]
    assert [path.name for path in theirs] == [path.name for path in ours]
    assert [content_digest(path) for path in theirs] == [content_digest(path) for path in ours]


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


def test_every_module_of_the_service_imports_from_the_layer(
    layer: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIGNING_KEYS", KeyRing.generate().to_json())
    # Alembic's own script runs the moment it is imported, in what Alembic prepared for it.
    paths = [path.relative_to(ROOT) for path in (ROOT / "service").rglob("*.py")]
    modules = [".".join(path.with_suffix("").parts) for path in paths if path.name not in ("__main__.py", "env.py")]
    program = f"""
import sys
sys.path[:0] = {[str(ROOT), str(layer / "python"), str(runtime)]}
import importlib
for module in {sorted(modules)}:
    importlib.import_module(module)
import alembic.command, alembic.autogenerate, sqlalchemy.dialects.postgresql.psycopg
"""
    command = [sys.executable, "-I", "-S", "-B", "-c", program]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_nothing_in_the_service_names_what_the_layer_leaves_out() -> None:
    left_out = {path.replace("/", ".") for path in UNIMPORTED}
    named: set[str] = set()
    for path in (ROOT / "service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    assert "sqlalchemy.orm" in named
    assert {name for name in named if any(f"{name}.".startswith(f"{out}.") for out in left_out)} == set()


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
