"""Code that a program names by a relative path, or puts together itself, is compared by what is in it."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pulumi
import pulumi_aws as aws
import pytest

from tests.support.diffs import change_lines, difference, registered_by
from tests.support.evaluation import REGION
from workbench.diff.compare import compared
from workbench.diff.model import StackDiff
from workbench.diff.snapshot import Hidden, snapshot_of
from workbench.manifest import Manifest

FUNCTION = "update aws:lambda/function:Function function"


def test_a_relative_path_is_one_of_the_programs_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides = {name: tmp_path / name for name in ("before", "after")}
    manifests: list[Manifest] = []
    for name, folder in sides.items():
        (folder / "code").mkdir(parents=True)
        (folder / "code" / "main.py").write_text(name)
        monkeypatch.chdir(folder)
        manifests.append(registered_by(lambda: _function(pulumi.FileArchive("code"))))
    monkeypatch.chdir(tmp_path)
    found = compared("test", *(snapshot_of(manifest, REGION, b"key") for manifest in manifests))
    assert (change_lines(found), _changed_files(found)) == ([f"{FUNCTION}: code@"], ["main.py"])


def test_an_archive_of_texts_changes_with_one_of_them() -> None:
    found = _between({"main.py": "1", "other.py": "1"}, {"main.py": "2", "other.py": "1"})
    assert (change_lines(found), _changed_files(found)) == ([f"{FUNCTION}: code@"], ["main.py"])
    assert change_lines(_between({"main.py": "1"}, {"main.py": "1"})) == []


def test_a_text_and_an_address_change_as_they_are_written() -> None:
    for old, new in (
        (pulumi.StringAsset("1"), pulumi.StringAsset("2")),
        (pulumi.RemoteAsset("https://example.com/1"), pulumi.RemoteAsset("https://example.com/2")),
    ):
        changes = difference(partial(_object, old), partial(_object, new)).changes
        assert [[each.path for each in change.code] for change in changes] == [[("source",)]]
        assert difference(partial(_object, old), partial(_object, old)).changes == []


def test_an_archive_of_a_secret_is_one() -> None:
    def program() -> None:
        text = pulumi.Output.secret("open sesame")
        _function(text.apply(lambda opened: _texts({"key": opened})))

    (function,) = snapshot_of(registered_by(program), REGION, b"key").entries
    assert isinstance(function.inputs["code"], Hidden)


def _between(before: Mapping[str, str], after: Mapping[str, str]) -> StackDiff:
    return difference(lambda: _function(_texts(before)), lambda: _function(_texts(after)))


def _texts(texts: Mapping[str, str]) -> pulumi.Archive:
    return pulumi.AssetArchive({name: pulumi.StringAsset(text) for name, text in texts.items()})


def _function(code: pulumi.Input[pulumi.Archive]) -> None:
    aws.lambda_.Function("function", name="function", role="role", runtime="python3.13", handler="main.main", code=code)


def _object(source: pulumi.Asset) -> None:
    aws.s3.BucketObject("page", bucket="files", key="page", source=source)


def _changed_files(found: StackDiff) -> list[str]:
    (change,) = found.changes
    (code,) = change.code
    return [*code.added, *code.changed, *code.removed]
