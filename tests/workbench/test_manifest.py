"""A manifest shows what a program registers, and never a secret."""

from pathlib import Path

from workbench.manifest import Archive, Manifest, Resource, Secret, fingerprint, plain, shown


def resource(name: str, parent: str = "") -> Resource:
    return Resource(urn=f"urn:{name}", type="a:b:C", name=name, parent=parent, inputs={})


def test_the_tree_lists_each_resource_after_its_parent() -> None:
    resources = [resource("a", "urn:z"), resource("b", "urn:stack"), resource("c", "urn:a"), resource("z", "urn:stack")]
    tree = Manifest("plinth", "dev", resources).tree()
    assert [(depth, found.name) for depth, found in tree] == [(0, "b"), (0, "z"), (1, "a"), (2, "c")]


def test_secrets_are_masked_however_deep_they_lie() -> None:
    value = {"a": [{"b": Secret({"c": "hunter2"})}], "d": Secret("hunter2")}
    assert shown(value) == {"a": [{"b": "[secret]"}], "d": "[secret]"}
    assert plain(value) == {"a": [{"b": {"c": "hunter2"}}], "d": "hunter2"}


def test_a_package_is_known_by_the_digest_in_its_name_built_or_not(tmp_path: Path) -> None:
    package = tmp_path / "service-0123456789abcdef0123"
    assert Archive(package).digest() == "sha256:0123456789abcdef0123"
    package.mkdir()
    assert Archive(package).digest() == "sha256:0123456789abcdef0123"


def test_any_other_archive_is_known_by_its_contents(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.py").write_text("one")
    before = Archive(tmp_path / "code").digest()
    assert Archive(tmp_path / "code").digest() == before
    (tmp_path / "code" / "main.py").write_text("two")
    assert Archive(tmp_path / "code").digest() != before


def test_a_fingerprint_changes_with_the_contents_and_not_with_the_place(tmp_path: Path) -> None:
    name = "service-0123456789abcdef0123"
    assert fingerprint({"code": Archive(tmp_path / name)}) == fingerprint({"code": Archive(Path("/elsewhere") / name)})
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": "1"})
