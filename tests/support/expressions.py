"""Evaluates the simple expressions of workflows: contexts, comparisons, `&&`, `||`, `!`, and a few functions.

Anything else is an error and not a guess.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any


def text(value: Any, contexts: Mapping[str, Any]) -> str:
    """A value with its expressions filled in, as GitHub writes it."""
    if isinstance(value, bool):
        return str(value).lower()
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: _shown(evaluated(found[1], contexts)), str(value))


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case _:
            return str(value)


_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[a-zA-Z_][\w-]*)|(?P<sign>==|!=|&&|\|\||[!().,*]))")


def evaluated(expression: Any, contexts: Mapping[str, Any]) -> Any:
    """The value of an expression, with or without its braces."""
    inner = re.sub(r"^\s*\$\{\{(.*)\}\}\s*$", r"\1", str(expression), flags=re.DOTALL)
    tokens, position = list[str](), 0
    while inner[position:].strip():
        found = _TOKEN.match(inner, position)
        assert found is not None, f"cannot evaluate {inner!r} from {position}"
        tokens.append(found[0].strip())
        position = found.end()
    reader = _Reader(tokens, contexts)
    value = reader.either()
    assert not reader.tokens, f"cannot evaluate {inner!r}: {reader.tokens} is left"
    return value


class _Reader:
    """Reads an expression from the left, a level of precedence a method."""

    def __init__(self, tokens: Sequence[str], contexts: Mapping[str, Any]) -> None:
        self.tokens = list(tokens)
        self._contexts = contexts

    def either(self) -> Any:
        value = self._both()
        while self._takes("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._equal()
        while self._takes("&&"):
            other = self._equal()
            value = value and other
        return value

    def _equal(self) -> Any:
        value = self._one()
        if self._takes("=="):
            return value == self._one()
        if self._takes("!="):
            return value != self._one()
        return value

    def _one(self) -> Any:
        if self._takes("!"):
            return not self._one()
        if self._takes("("):
            value = self.either()
            self._expect(")")
            return value
        token = self.tokens.pop(0)
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token in ("true", "false"):
            return token == "true"
        if self._takes("("):
            return self._called(token)
        value: Any = self._contexts[token]
        while self._takes("."):
            if self._takes("*"):
                self._expect(".")
                name = self.tokens.pop(0)
                value = [each[name] for each in value or []]
            else:
                name = self.tokens.pop(0)
                value = value.get(name) if value else None
        return value

    def _called(self, function: str) -> Any:
        given = list(self._arguments())
        return _FUNCTIONS[function](self._contexts, *given)

    def _arguments(self) -> Iterator[Any]:
        while not self._takes(")"):
            yield self.either()
            self._takes(",")

    def _takes(self, token: str) -> bool:
        if self.tokens and self.tokens[0] == token:
            self.tokens.pop(0)
            return True
        return False

    def _expect(self, token: str) -> None:
        assert self._takes(token), f"{token} is missing before {self.tokens}"


_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "always": lambda _: True,
    "contains": lambda _, where, what: what in where,
    "failure": lambda contexts: contexts["job"]["status"] == "failure",
    "success": lambda contexts: contexts["job"]["status"] == "success",
    "toJSON": lambda _, value: json.dumps(value, indent=2),
}
