"""Configuration files that nobody could mean are refused by name, in one line that says what to type."""

from pathlib import Path

import pytest

from workbench.errors import UserError, quoted
from workbench.project import configuration


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing but its project file and a folder for stacks."""
    (tmp_path / "Pulumi.yaml").write_text("name: plinth\nmain: stacks\nstackConfigDir: stacks\n")
    (tmp_path / "stacks").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"- a\n- b\n", " is no list of keys and values: it begins with `config:`, as another stack's does."),
        (b"hello\n", " is no list of keys and values: it begins with `config:`, as another stack's does."),
        (b"config:\n- a\n", ": config is no list of keys and values: write each as `key: value` below `config:`."),
        (b"config: a\n", ": config is no list of keys and values: write each as `key: value` below `config:`."),
        (b'config:\n  a: [1\n  b: "', " is not valid YAML in line 3: expected ',' or ']', but got ':'."),
        (b"\xff\xfe\xa3", " is not valid YAML: it holds what is no text."),
        (b'config:\n  a: "\0"\n', " is not valid YAML: it holds what is no text."),
        (b"config: &a\n  x: *a\n", " holds what no configuration can: give texts, numbers, and lists of them."),
    ],
)
def test_a_file_that_holds_no_configuration_is_refused(content: bytes, refusal: str, checkout: Path) -> None:
    (checkout / "stacks" / "Pulumi.dev.yaml").write_bytes(content)
    with pytest.raises(UserError) as refused:
        configuration("dev", checkout)
    assert str(refused.value) == f"stacks/Pulumi.dev.yaml{refusal}"


def test_a_file_that_is_not_there_or_none_is_refused(checkout: Path) -> None:
    with pytest.raises(UserError, match=r"^stacks/Pulumi\.dev\.yaml is missing: bring it back, or copy another"):
        configuration("dev", checkout)
    (checkout / "stacks" / "Pulumi.dev.yaml").mkdir()
    with pytest.raises(UserError, match=r"^stacks/Pulumi\.dev\.yaml cannot be read: Is a directory\.$"):
        configuration("dev", checkout)


def test_values_and_keys_of_every_kind_are_texts(checkout: Path) -> None:
    (checkout / "stacks" / "Pulumi.dev.yaml").write_text(
        "config:\n  plinth:day: 2026-11-23\n  plinth:on: true\n  plinth:size: 3\n  12: [a, b]\n"
    )
    assert configuration("dev", checkout).values == {
        "plinth:day": '"2026-11-23"',
        "plinth:on": "true",
        "plinth:size": "3",
        "12": '["a", "b"]',
    }


def test_what_was_typed_is_repeated_shortened() -> None:
    assert quoted("../dev") == "'../dev'"
    assert quoted("a" * 10_000) == "'" + "a" * 37 + "..." + "a" * 38 + "'"
