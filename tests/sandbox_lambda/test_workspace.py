"""A run's folder goes whole, whatever the script built in it, and nothing beside it."""

import os
from pathlib import Path

import pytest

from sandbox_lambda.workspace import wipe


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "link").symlink_to(outside)
    (folder / "inner" / "link").symlink_to(outside)
    (folder / "inner" / "loop").symlink_to("loop")
    os.link(outside / "kept", folder / "hard")

    wipe(folder)

    assert sorted(path.name for path in tmp_path.rglob("*")) == ["kept", "outside"]


def test_modes_pipes_and_odd_names_are_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "closed" / "inner").mkdir(parents=True)
    (folder / "closed" / "inner" / "file").touch(mode=0)
    os.mkfifo(folder / "pipe")
    (folder / "line\nend").touch()
    os.close(os.open(os.fsencode(folder) + b"/\xff\xfe", os.O_CREAT | os.O_WRONLY))
    for closed in ("closed/inner", "closed", "."):
        (folder / closed).chmod(0)

    wipe(folder)

    assert not folder.exists()


@pytest.mark.timeout(60)
def test_depth_is_no_hindrance(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=descriptor)
        os.close(os.open("f", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
        deeper = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = deeper
    os.close(descriptor)

    wipe(folder)

    assert not folder.exists()
