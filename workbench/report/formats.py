"""The formats of a difference: each by its name, on standard output or in a file."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from workbench.diff.model import Diff
from workbench.errors import UserError

FILES: Mapping[str, str] = {"text": "diff.txt", "markdown": "diff.md", "json": "diff.json", "html": "diff.html"}
"""What each format is called in the folder of `--save`."""

_PLAIN_WIDTH = 120
"""Columns where nobody says how many there are: a file, or a pipe."""


def rendered(diff: Diff, format_: str, *, verbose: bool = False) -> str:
    """The difference as it goes to standard output: in colours on a terminal that takes them."""
    if format_ != "text":
        return _RENDERERS[format_](diff)
    from workbench.report.text import text

    terminal = sys.stdout.isatty()
    width = shutil.get_terminal_size((_PLAIN_WIDTH, 0)).columns if terminal else _PLAIN_WIDTH
    return text(diff, width=width, colour=terminal and "NO_COLOR" not in os.environ, verbose=verbose)


def tell(content: str, *, document: bool) -> None:
    """Writes to standard output: a document in UTF-8, wherever it goes; other text as its encoding can say it."""
    encoding = "utf-8" if document else sys.stdout.encoding or "utf-8"
    if not _encodable(_REPLACED, encoding):
        content = content.replace(_REPLACED, "-+")
    data = content.encode(encoding, "backslashreplace")
    sys.stdout.flush()
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


_REPLACED = "\u00b1"


def _encodable(text: str, encoding: str) -> bool:
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def folder(path: Path) -> None:
    """Makes a folder to save in where there is none. Raises UserError where that is not possible."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise UserError(f"{path} is not a folder, and cannot be made one: name another for --save.") from None
    except OSError as error:
        raise UserError(f"{error.filename or path} cannot be made: {error.strerror}.") from None


def save_all(diff: Diff, folder: Path) -> None:
    """Writes every format into a folder."""
    for format_, name in FILES.items():
        write(folder / name, _RENDERERS[format_](diff))


def write(file: Path, content: str) -> None:
    """Writes a file that somebody asked for. Raises UserError where that is not possible."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{error.filename or file} cannot be written: {error.strerror}.") from None


def _text(diff: Diff) -> str:
    from workbench.report.text import text

    return text(diff, width=_PLAIN_WIDTH, colour=False, verbose=True)


def _markdown(diff: Diff) -> str:
    from workbench.report.markdown import markdown

    return markdown(diff)


def _json(diff: Diff) -> str:
    from workbench.report.document import document

    return json.dumps(document(diff), indent=2) + "\n"


def _html(diff: Diff) -> str:
    from workbench.report.page import page

    return page(diff)


_RENDERERS: Mapping[str, Callable[[Diff], str]] = {"text": _text, "markdown": _markdown, "json": _json, "html": _html}
