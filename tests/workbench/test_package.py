"""`plinth package`: the archives of the stacks, built for AWS, the same wherever they are built."""

import io
import json
import os
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.checkout import copy_of_checkout
from tests.support.evaluation import stack_manifest
from tests.support.local_stack import Plinth
from workbench.manifest import shown
from workbench.package import Artifact, content_digest, packed
from workbench.package import shown as table
from workbench.project import stack_names

pytestmark = pytest.mark.xdist_group("packages")  # whose checkout is then built once


def clean_copy(folder: Path) -> Plinth:
    """The command of a copy of the checkout in which nothing was built, with no environment beside it."""
    folder.mkdir()
    copy_of_checkout(folder)
    (folder / ".venv").unlink()
    (folder / ".plinth" / "packages").unlink()
    return Plinth(folder / ".plinth" / "state", folder)


@dataclass(frozen=True)
class Built:
    """A copy of the checkout whose packages were built."""

    plinth: Plinth
    manifest: str
    """The manifest as JSON, from before."""

    package: str
    """What building it printed as JSON, the second time."""

    told: str
    """What it told on standard error, the first time."""

    table: str
    """What it printed then."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    plinth = clean_copy(tmp_path_factory.mktemp("package") / "built")
    answers = [plinth(*command) for command in (("manifest", "dev", "--json"), ("package", "dev"))]
    answers.append(plinth("package", "dev", "--json"))
    assert [answer.returncode for answer in answers] == [0, 0, 0], [answer.stderr for answer in answers]
    manifest, first, second = answers
    assert second.stderr == ""
    return Built(plinth, manifest.stdout, second.stdout, first.stderr, first.stdout)


def archives(document: object) -> set[str]:
    """The digests of the archives in a manifest."""
    return set(re.findall(r'"archive": "sha256:([0-9a-f]+)"', json.dumps(document)))


def test_every_archive_of_the_manifest_is_built_once(built: Built) -> None:
    made = json.loads(built.package)
    names = [artifact["name"] for artifact in made]
    assert {"service", "service-dependencies", "sandbox-runner"} <= set(names)
    assert len(names) == len(set(names))
    paths = [Path(artifact["path"]) for artifact in made]
    assert {path.name.rpartition("-")[2] for path in paths} == archives(json.loads(built.manifest))
    assert {path.parent for path in paths} == {built.plinth.checkout / ".plinth" / "packages"}
    assert [artifact["stacks"] for artifact in made] == [["dev"]] * len(made)
    for artifact, path in zip(made, paths, strict=True):
        sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
        assert (artifact["files"], artifact["unpacked_bytes"]) == (len(sizes), sum(sizes))
        assert (artifact["digest"], artifact["packed_bytes"]) == (content_digest(path), len(packed(path)))


def test_what_is_built_is_for_the_machine_and_the_python_on_aws(built: Built) -> None:
    [layer] = [artifact["path"] for artifact in json.loads(built.package) if artifact["name"] == "service-dependencies"]
    libraries = {path.name for path in Path(layer).rglob("_pydantic_core*.so")}
    assert libraries == {"_pydantic_core.cpython-313-aarch64-linux-gnu.so"}


def test_it_tells_what_it_does_and_shows_a_package_a_line(built: Built) -> None:
    names = [artifact["name"] for artifact in json.loads(built.package)]
    told = built.told.splitlines()
    assert told[0] == "Evaluating dev"
    assert sorted(told[1 : -len(names)]) == [f"Building package {name}" for name in names]
    assert told[-len(names) :] == [f"Packing {name}" for name in names]
    assert [line.split()[0] for line in built.table.splitlines()] == ["PACKAGE", *names]


def test_an_unchanged_rebuild_elsewhere_is_the_same_to_the_byte(built: Built, tmp_path: Path) -> None:
    umask = os.umask(0o077)
    try:
        other = clean_copy(tmp_path / "a checkout elsewhere")
        for path in [*(other.checkout / "service").rglob("*.py"), *(other.checkout / "sandbox_lambda").rglob("*.py")]:
            os.utime(path, (0, 0))
            (path.parent / "__pycache__").mkdir(exist_ok=True)
            (path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc").write_bytes(b"compiled")
        made = other("package", "dev", "--json")
    finally:
        os.umask(umask)
    assert made.returncode == 0, made.stderr
    ours, theirs = (
        [{**artifact, "path": ""} for artifact in json.loads(text)] for text in (built.package, made.stdout)
    )
    assert theirs == ours
    assert other("manifest", "dev", "--json").stdout == built.manifest

    (other.checkout / "service" / "core" / "more.py").write_text('"""One module more."""\n')
    before, after = (archives(json.loads(text)) for text in (built.manifest, other("manifest", "dev", "--json").stdout))
    assert (len(before - after), len(after - before)) == (1, 1)


def test_without_a_stack_all_are_built_and_those_alike_told_once(built: Built) -> None:
    made = built.plinth("package", "--json")
    assert made.returncode == 0, made.stderr
    assert {artifact["name"]: artifact["stacks"] for artifact in json.loads(made.stdout)} == {
        artifact["name"]: stack_names(built.plinth.checkout) for artifact in json.loads(built.package)
    }


def test_an_unknown_stack_is_refused(built: Built) -> None:
    refused = built.plinth("package", "nowhere")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("plinth: There is no stack named 'nowhere': choose one of dev, ")


def test_the_table_shows_a_package_a_line() -> None:
    artifact = Artifact("service", "0123456789abcdef", 129, 403_000, 164_000, os.path.abspath("packages/s"), ["dev"])  # noqa: PTH100
    assert [re.split(r"\s{2,}", line) for line in table([artifact])] == [
        ["PACKAGE", "DIGEST", "FILES", "UNPACKED", "PACKED", "WHERE"],
        ["service", "0123456789ab", "129", "403.0 kB", "164.0 kB", "packages/s"],
    ]


def test_a_zip_is_as_pulumi_makes_it(tmp_path: Path) -> None:
    for place in ("b.py", "a/z.py", "a.py", "a/b/c.py"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_text(place)
        os.utime(tmp_path / place, (0, 0))
    with zipfile.ZipFile(io.BytesIO(packed(tmp_path))) as file:
        assert [entry.filename for entry in file.infolist()] == ["a.py", "a/b/c.py", "a/z.py", "b.py"]
        assert {entry.date_time for entry in file.infolist()} == {(1990, 1, 1, 0, 0, 0)}
        assert {entry.compress_type for entry in file.infolist()} == {zipfile.ZIP_DEFLATED}
        assert file.read("a/b/c.py") == b"a/b/c.py"


def test_a_digest_covers_paths_modes_and_contents_and_nothing_else(tmp_path: Path) -> None:
    def digest(name: str, place: str = "a", content: str = "1", mode: int = 0o644) -> str:
        file = tmp_path / name / place
        file.parent.mkdir(parents=True)
        file.write_text(content)
        file.chmod(mode)
        os.utime(file, (len(name), 0))
        return content_digest(tmp_path / name)

    assert digest("one") == digest("another")
    changed = [digest("path", place="b"), digest("deeper", place="a/a"), digest("content", content="2")]
    assert len({digest("first"), *changed, digest("mode", mode=0o755)}) == 5


@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_a_manifest_names_archives_by_content(stack: str) -> None:
    found = shown([resource.inputs for resource in stack_manifest(stack).resources])
    assert all(re.fullmatch("[0-9a-f]{20}", digest) for digest in archives(found))
    assert len(archives(found)) >= 3
