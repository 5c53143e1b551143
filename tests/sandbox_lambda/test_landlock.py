"""The rules over files say to each version of Landlock what it understands, and no more."""

import struct
from pathlib import Path

import pytest

from sandbox_lambda import landlock

READ, WRITE_FILE, REFER, TRUNCATE, IOCTL = 0b1101, 1 << 1, 1 << 13, 1 << 14, 1 << 15
FIRST = (1 << 13) - 1
MAKE_DEVICES = 1 << 6 | 1 << 11


@pytest.mark.parametrize(
    ("kernel", "abi", "attributes"),
    [
        (2, 2, (FIRST | REFER,)),
        (3, 3, (FIRST | REFER | TRUNCATE,)),
        (4, 4, (FIRST | REFER | TRUNCATE, 3)),
        (5, 5, (FIRST | REFER | TRUNCATE | IOCTL, 3)),
        (6, 6, (FIRST | REFER | TRUNCATE | IOCTL, 3, 3)),
        (9, 6, (FIRST | REFER | TRUNCATE | IOCTL, 3, 3)),
    ],
)
def test_each_version_is_asked_for_all_that_it_can_restrict(
    kernel: int, abi: int, attributes: tuple[int, ...], tmp_path: Path
) -> None:
    rules = landlock.ruleset(kernel, [], [str(tmp_path)])

    assert rules is not None
    assert (rules.abi, struct.unpack(f"={len(attributes)}Q", rules.attributes)) == (abi, attributes)
    assert [rights & ~attributes[0] for _, rights in rules.rules] == [0] * len(rules.rules)
    allowed = dict(rules.rules)
    assert allowed[str(tmp_path)] == attributes[0] & ~(MAKE_DEVICES | IOCTL)
    assert allowed["/proc/self"] == READ


@pytest.mark.parametrize("kernel", [0, 1])
def test_a_version_under_which_files_could_not_be_moved_is_not_used(kernel: int) -> None:
    assert landlock.ruleset(kernel, [], []) is None


def test_files_get_the_rights_of_files_and_missing_paths_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    rules = landlock.ruleset(6, [str(tmp_path / "folder"), str(tmp_path / "missing")], [str(tmp_path / "file")])

    assert rules is not None
    allowed = {path: rights for path, rights in rules.rules if path.startswith(str(tmp_path))}
    assert allowed == {
        str(tmp_path / "folder"): READ,
        str(tmp_path / "file"): 0b111 | TRUNCATE,
    }


def test_no_home_no_other_process_and_no_folder_of_services_is_readable() -> None:
    rules = landlock.ruleset(6, [], [])

    assert rules is not None
    readable = {path for path, _ in rules.rules}
    for closed in ("/", "/home", "/root", "/proc", "/run", "/var", "/srv", "/sys", "/dev", "/opt", "/tmp"):
        assert closed not in readable
    assert {"/usr", "/etc", "/proc/self", "/dev/null"} <= readable
    assert dict(rules.rules)["/dev/null"] == 0b110 | TRUNCATE
