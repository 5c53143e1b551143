"""The texts of a stack, changed into those of another: what is not the first one's alone stays as it is written."""

import ast
import io
import re
import tokenize
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import yaml


@dataclass
class Copying:
    """From which stack to which, and what is another's there."""

    source: str
    name: str
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values in the configuration to those that take their place."""

    dropped: tuple[str, ...] = ()
    """Settings that the new stack does not have."""

    placeholders_filled: bool = False
    """Whether comments that call the account a placeholder would be wrong."""

    left_out: list[str] = field(default_factory=list[str])
    """The settings and secrets that were there and are not copied: filled by the copying."""

    named: bool = False
    """Whether the settings said which stack they are of: set by the copying."""

    def module(self, text: str) -> str:
        """A module of the stack's package: with the new name in its settings, its imports and its docstring."""
        tree, offset = ast.parse(text), _offsets(text)
        edits = list(self._mentions_in_code(text))
        match tree.body:
            case [ast.Expr(value=ast.Constant(value=str())) as docstring, *_]:
                said = (
                    f'"""The {self.name} stack, with the settings that {self.source} had when it was made from it."""'
                )
                edits.append(_Edit(*_span(docstring, offset), said))
            case _:
                pass
        for keyword in (node for node in ast.walk(tree) if isinstance(node, ast.keyword)):
            value = keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
            if keyword.arg == "stack" and value == self.source:
                edits.append(_Edit(*_span(keyword.value, offset), f'"{self.name}"'))
                self.named = True
            elif keyword.arg in self.dropped and value is not None:
                edits.append(_argument(text, *_span(keyword, offset)))
                self.left_out.append(keyword.arg)
        return _edited(text, edits)

    def configuration(self, text: str) -> str:
        """The stack's configuration file. Its secrets go: they can only be read with the first stack's key."""
        edits = list(self._mentions_in_comments(text))
        root = cast("Any", yaml).compose(text, Loader=yaml.SafeLoader)
        for path, key, value in _entries(root):
            if _is_secret(value) or (path == () and key.value in ("encryptionsalt", "encryptedkey")):
                edits.append(_Edit(*_lines(text, key, value), ""))
                self.left_out.append(key.value)
        for path, scalar in _scalars(root):
            place = scalar.start_mark.index, scalar.end_mark.index
            if "aws:defaultTags" in path and scalar.value == self.source:
                edits.append(_Edit(*place, self.name))
            elif scalar.value in self.values:
                value = self.values[scalar.value]
                edits.append(_Edit(*place, f'"{value}"' if value.isdigit() else value))
        return _edited(text, edits)

    def _mentions_in_code(self, text: str) -> Iterator["_Edit"]:
        """Imports of the stack's own modules, and comments that speak of the stack."""
        lines = text.splitlines(keepends=True)
        before = ("", "")
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            begin = sum(map(len, lines[: token.start[0] - 1])) + token.start[1]
            end = begin + len(token.string)
            if token.type == tokenize.COMMENT:
                yield _Edit(begin, end, self._renamed(token.string))
            elif (*before, token.string) == ("stacks", ".", self.source):
                yield _Edit(begin, end, self.name)
            before = (before[1], token.string)

    def _mentions_in_comments(self, text: str) -> Iterator["_Edit"]:
        """Comments that speak of the stack, and those that would be wrong."""
        end = 0
        for token in cast("Any", yaml).scan(text, Loader=yaml.SafeLoader):
            # What lies between two tokens is space and comments.
            for comment in re.compile(r"#.*").finditer(text, end, token.start_mark.index):
                line = text.rfind("\n", 0, comment.start()) + 1
                if self.placeholders_filled and "placeholder" in comment[0] and text[line : comment.start()].isspace():
                    yield _Edit(line, comment.end() + 1, "")
                else:
                    yield _Edit(comment.start(), comment.end(), self._renamed(comment[0]))
            end = max(end, token.end_mark.index)

    def _renamed(self, comment: str) -> str:
        """A comment with its mentions of the stack, such as `stacks/dev` and `the dev stack`, made the new one's."""
        name = re.escape(self.source)
        mentions = rf"(?<=\bstacks[/.]){name}\b|(?<=\bPulumi\.){name}(?=\.yaml\b)|\b{name}(?= stack\b)"
        return re.sub(mentions, self.name, comment)


@dataclass(frozen=True)
class _Edit:
    """A piece of a text, from one offset to another, and what stands there instead."""

    begin: int
    end: int
    text: str


def _edited(text: str, edits: Iterable[_Edit]) -> str:
    """The text after all edits; of one within another, the outer alone."""
    done: list[str] = []
    at = 0
    for edit in sorted(edits, key=lambda edit: (edit.begin, -edit.end)):
        if edit.begin >= at:
            done += [text[at : edit.begin], edit.text]
            at = edit.end
    return "".join([*done, text[at:]])


def _offsets(text: str) -> Callable[[int, int], int]:
    """From a line and a column of `ast`, which counts bytes of UTF-8, to an offset in the text."""
    lines = text.splitlines(keepends=True)
    return lambda line, column: sum(map(len, lines[: line - 1])) + len(lines[line - 1].encode()[:column].decode())


def _span(node: ast.expr | ast.stmt | ast.keyword, offset: Callable[[int, int], int]) -> tuple[int, int]:
    return offset(node.lineno, node.col_offset), offset(node.end_lineno or 0, node.end_col_offset or 0)


def _argument(text: str, begin: int, end: int) -> _Edit:
    """An argument with the comma behind it; where it has lines to itself, these, and the comments above them."""
    comma = re.compile(r"\s*,[ \t]*").match(text, end)
    end = comma.end() if comma else end
    rest = re.compile(r"[ \t]*(#.*)?\n").match(text, end)
    first = text.rfind("\n", 0, begin) + 1
    if rest is None or text[first:begin].strip():
        return _Edit(begin, end, "")
    above = re.search(r"(^[ \t]*#.*\n)*\Z", text[:first], re.MULTILINE)
    return _Edit(above.start() if above else first, rest.end(), "")


def _is_secret(value: Any) -> bool:
    return isinstance(value, yaml.MappingNode) and [key.value for key, _ in cast("Any", value).value] == ["secure"]


def _entries(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """The entries of all mappings: the keys that lead to the mapping, and the nodes of the entry's key and value."""
    if isinstance(node, yaml.MappingNode):
        for key, value in cast("Any", node).value:
            yield path, key, value
            yield from _entries(value, (*path, key.value))


def _scalars(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The values that are neither mappings nor lists, each with the keys that lead to it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in cast("Any", node).value:
            yield from _scalars(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for value in cast("Any", node).value:
            yield from _scalars(value, path)
    elif node is not None:
        yield path, node


def _lines(text: str, key: Any, value: Any) -> tuple[int, int]:
    """From the beginning of a key's line to the end of the last line of its value."""
    last = max((scalar.end_mark.index for _, scalar in _scalars(value)), default=key.end_mark.index)
    return text.rfind("\n", 0, key.start_mark.index) + 1, text.find("\n", last) + 1 or len(text)
