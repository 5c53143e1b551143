"""Texts from a program inside Markdown: in code spans wherever they could be taken for anything but words.

GitHub links mentions, issues, commits and addresses, and draws emoji, in all text that is not code: escaping with
backslashes does not stop it (GitHub's documentation, "Autolinked references and URLs").
"""

import html
import re
from collections.abc import Iterable

from workbench.report.values import cut, visible

_OPENING = r"[(\"']*"
_CLOSING = r"[)\"'.,;:?!]*"
_WORD = r"[^\W\d_]+(?:['-][^\W\d_]+)*"
_NUMBER = r"[+-]?\d{1,3}(?:,\d{3})*(?:\.\d{1,6})?%?|\d{1,6}|\d{4}-\d{2}-\d{2}"
_PLAIN = re.compile(rf"{_OPENING}(?:{_WORD}|{_NUMBER}|->|%)?{_CLOSING}")
_COMMIT = re.compile(r"[0-9a-f]{7,}", re.IGNORECASE)
"""Words of these letters alone may be taken for the id of a commit."""


def code(text: str, limit: int = 200) -> str:
    """A text as it is, in a code span."""
    shown = cut(text, limit)
    if not shown:
        return '`""`'
    fence = "`" * (_longest_run(shown) + 1)
    # Spaces at both ends are taken off by whoever reads it, unless there is nothing else.
    padded = shown.startswith("`") or shown.endswith("`") or (shown[0] == shown[-1] == " " and shown.strip())
    return f"{fence} {shown} {fence}" if padded else f"{fence}{shown}{fence}"


def prose(text: str, limit: int = 400) -> str:
    """A sentence: plain words stay words, the rest of it goes into code spans."""
    said = list[str]()
    held = list[str]()
    for word in cut(text, limit).split(" "):
        if _is_plain(word):
            said += [*_spans(held), word]
            held.clear()
        else:
            held.append(word)
    return " ".join([*said, *_spans(held)]).strip() or '`""`'


def cell(*texts: str) -> str:
    """What `code` and `prose` made, as one cell of a table."""
    return ", ".join(texts).replace("|", r"\|")


def codes(texts: Iterable[str], limit: int = 400) -> str:
    """A list of texts, each in a code span; of a long one the beginning, and how many more there are."""
    spans, room, every = list[str](), limit, list(texts)
    for text in every:
        room -= min(len(text), _OF_A_LIST)
        if spans and room < 0:
            return ", ".join([*spans, f"{len(every) - len(spans):,} more"])
        spans.append(code(text, _OF_A_LIST))
    return ", ".join(spans)


_OF_A_LIST = 160
"""The characters of one text in a list."""


def html_code(text: str, limit: int = 120) -> str:
    """A text in the HTML of a summary, where Markdown is not read."""
    return f"<code>{html.escape(cut(text, limit))}</code>"


def fenced(body: str, language: str) -> str:
    """Lines as a code block that nothing in them can end."""
    fence = "`" * max(3, _longest_run(body) + 1)
    return f"{fence}{language}\n{body}\n{fence}"


def _is_plain(word: str) -> bool:
    return bool(_PLAIN.fullmatch(word)) and not _COMMIT.search(word)


def _spans(words: list[str]) -> list[str]:
    """Words that are no plain text, in one code span, with the punctuation after them outside."""
    if not words:
        return []
    whole = " ".join(words)
    inside = whole.rstrip(".,;:?!")
    return [code(inside, len(visible(inside)) + 1) + whole[len(inside) :]] if inside else [code(whole)]


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
