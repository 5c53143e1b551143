"""Reads a Markdown comment as GitHub would, and says what in it is not ours."""

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

_OURS = re.compile(
    r"<!-- plinth-diff -->\n?"
    r"|<details><summary>(?:(?:, | and )?<code>[^<>\n]*</code>)*[^<>\n]*</summary>\n?"
    r"|</details>\n?"
)
_ACTS = re.compile(
    # Mentions, issues, commits, addresses, emoji, mathematics, and what a repository's own autolinks look like.
    r"@\w|#\w|GH-\d|[A-Za-z]+-\d|://|www\.|:\w+:|\b[0-9a-f]{7,40}\b|\$",
    re.IGNORECASE,
)


def foreign(comment: str) -> list[str]:
    """What acts in a comment, or is HTML, and is not part of every comment of ours."""
    return [*_foreign(_parsed(comment)), *_unseen(comment), *_broken_tables(comment)]


def is_balanced(comment: str) -> bool:
    """Whether every block of code and every fold that is opened is closed, in order."""
    fence, folds = "", 0
    for line in comment.splitlines():
        if fence:
            fence = "" if line == fence else fence
        elif opened := re.match("`{3,}", line):
            fence = opened[0]
        elif line.startswith("<details>"):
            folds += 1
        elif line == "</details>":
            folds -= 1
            if folds < 0:
                return False
    return not fence and not folds


def _parsed(comment: str) -> list[Token]:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(comment)


def _foreign(tokens: list[Token]) -> Iterator[str]:
    allowed = {
        "blockquote",
        "bullet_list",
        "code_inline",
        "fence",
        "heading",
        "inline",
        "list_item",
        "paragraph",
        "softbreak",
        "strong",
        "table",
        "tbody",
        "td",
        "text",
        "th",
        "thead",
        "tr",
    }
    for token in tokens:
        kind = re.sub("_(open|close)$", "", token.type)
        if kind == "html_block":
            if not _OURS.fullmatch(token.content):
                yield token.content
        elif (
            kind not in allowed
            or (kind == "heading" and token.tag != "h3")
            or (kind == "fence" and token.info != "diff")
        ):
            yield f"{token.type} {token.info} {token.content}"
        elif kind == "text" and _ACTS.search(token.content):
            yield token.content
        yield from _foreign(token.children or [])


def _unseen(comment: str) -> Iterator[str]:
    yield from (repr(letter) for letter in comment if not letter.isprintable() and letter != "\n")


def _broken_tables(comment: str) -> Iterator[str]:
    """Rows that have more or fewer cells than their table has columns."""
    columns = 0
    for line in comment.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("| ") else 0
        if cells and columns and cells != columns:
            yield line
        columns = cells or (columns if line.startswith("|") else 0)
