"""Secrets that files hold, and settings that do not go together."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.core import database
from service.core.settings import get_settings

VARIABLES = ("DATABASE_URL", "DATABASE_PASSWORD", "DATABASE_APPLICATION_PASSWORD", "SIGNING_KEYS")
CONTENT = "kept /in a@file"


@pytest.fixture(autouse=True)
def afresh(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    get_settings.cache_clear()


@pytest.mark.parametrize("name", VARIABLES)
def test_a_secret_may_be_in_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text(f"{CONTENT}\n")
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    read = getattr(get_settings(), name.lower())
    assert read.get_secret_value() == CONTENT
    assert CONTENT not in repr(get_settings())


def test_the_variable_itself_comes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGNING_KEYS_FILE", str(tmp_path / "missing"))
    monkeypatch.setenv("SIGNING_KEYS", "said")
    read = get_settings().signing_keys
    assert read is not None
    assert read.get_secret_value() == "said"


def test_what_is_no_secret_is_read_from_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QUEUE_URL_FILE", str(tmp_path / "missing"))
    assert get_settings().queue_url is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff", "cannot be read: it is no text"),
        (b" \n", "is empty"),
    ],
    ids=["missing", "binary", "empty"],
)
def test_a_file_that_tells_nothing_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    file = tmp_path / "secret"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SIGNING_KEYS_FILE", str(file))
    with pytest.raises(RuntimeError) as raised:
        get_settings()
    assert str(raised.value) == f"SIGNING_KEYS_FILE: {file} {complaint}"


@pytest.mark.parametrize(
    ("url", "password"),
    [("postgresql://ada@database/plinth", CONTENT), ("postgresql://ada:own@database/plinth", "own")],
)
def test_the_password_goes_with_an_address_that_has_none(
    monkeypatch: pytest.MonkeyPatch, url: str, password: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    monkeypatch.setenv("DATABASE_PASSWORD", CONTENT)
    assert database.engine().url.password == password


def test_a_function_has_no_containers_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_ISOLATION", "container")
    assert get_settings().sandbox_isolation == "container"
    get_settings.cache_clear()
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "worker")
    with pytest.raises(ValidationError, match="there are none on Lambda"):
        get_settings()
