"""Where a difference goes: standard output of any encoding, and the folder of `--save`."""

import io
import sys
from pathlib import Path

import pytest

from tests.support.example_diffs import eventful, hostile
from workbench.errors import UserError
from workbench.report.formats import folder, rendered, tell


class _Output(io.TextIOWrapper):
    """Standard output in an encoding that is not ours to choose."""

    def __init__(self, encoding: str) -> None:
        self.written = io.BytesIO()
        super().__init__(self.written, encoding=encoding)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
@pytest.mark.parametrize("format_", ["markdown", "json", "html"])
def test_a_document_is_utf_8_on_every_machine(format_: str, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    output = _Output(encoding)
    monkeypatch.setattr(sys, "stdout", output)
    document = rendered(hostile(), format_)
    tell(document, document=True)
    assert output.written.getvalue() == document.encode()


def test_text_is_what_a_terminal_can_show(monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[str, bytes] = {}
    for encoding in ("ascii", "utf-8"):
        output = _Output(encoding)
        monkeypatch.setattr(sys, "stdout", output)
        tell(rendered(eventful(), "text"), document=False)
        tell("caf\u00e9\n", document=False)
        written[encoding] = output.written.getvalue()
    assert "\n  ± replace aws:rds/cluster:Cluster database\n".encode() in written["utf-8"]
    assert b"\n  -+ replace aws:rds/cluster:Cluster database\n" in written["ascii"]
    assert written["ascii"].endswith(b"\ncaf\\xe9\n")


def test_a_file_is_no_folder_to_save_in(tmp_path: Path) -> None:
    file = tmp_path / "diff.md"
    file.touch()
    for path in (file, file / "below"):
        with pytest.raises(UserError) as refused:
            folder(path)
        assert str(refused.value) == f"{path} is not a folder, and cannot be made one: name another for --save."
    folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()
