"""Reads what untrusted code wrote: bounded, cleaned, and believed only as data."""

import json
import math
import os
import re
from typing import Any, cast

_CHUNK = 65_536

# PostgreSQL stores neither, and no UTF-8 encoder accepts the second.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


class Capture:
    """What comes out of a non-blocking descriptor, up to a number of bytes."""

    def __init__(self, descriptor: int, limit: int) -> None:
        self.descriptor = descriptor
        self.content = bytearray()
        self.overflowed = False
        self._limit = limit

    def read(self) -> bool:
        """Take what is there; whether more may follow."""
        room = self._limit - len(self.content)
        try:
            chunk = os.read(self.descriptor, min(_CHUNK, room + 1))
        except BlockingIOError:
            return True
        self.content += chunk[:room]
        self.overflowed = len(chunk) > room
        return bool(chunk) and not self.overflowed

    def drain(self) -> None:
        """Take what is left once every writer has ended."""
        before = -1
        while len(self.content) != before and not self.overflowed:
            before = len(self.content)
            self.read()

    def text(self) -> str:
        return clean_text(bytes(self.content), cut=self.overflowed)


def clean_text(content: bytes, cut: bool) -> str:
    """UTF-8 text; what is not becomes U+FFFD, and so does NUL. Where it was cut, half a character at the end goes."""
    if cut:
        content = _without_half_character(content)
    return _UNSTORABLE.sub(_REPLACEMENT, content.decode("utf-8", "replace"))


def read_result(frame: bytes, limit: int, depth: int) -> tuple[Any, bool]:
    """The result in a frame (four bytes of length, then JSON), and whether one was dropped for its size or depth.

    Anything but exactly one well-formed frame is no result: the script wrote there itself.
    """
    length, body = int.from_bytes(frame[:4], "big"), frame[4:]
    if len(frame) < 4:
        return None, False
    if length > limit:
        return None, True
    if len(body) != length:
        return None, False
    try:
        text = body.decode("utf-8", "surrogatepass")
        if _depth(text) > depth:
            return None, True
        return _clean(json.loads(text, parse_float=_finite, parse_constant=_refuse)), False
    except (ValueError, RecursionError):
        return None, False


def _without_half_character(content: bytes) -> bytes:
    for back in range(1, min(4, len(content) + 1)):
        byte = content[-back]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue
        needed = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return content[:-back] if needed > back else content
    return content


def _depth(text: str) -> int:
    """The deepest nesting of brackets outside of strings, without parsing."""
    deepest = level = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character in "[{":
            level += 1
            deepest = max(deepest, level)
        elif character in "]}":
            level -= 1
    return deepest


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is beyond a float")
    return number


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub(_REPLACEMENT, value)
    if isinstance(value, list):
        return [_clean(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in cast("dict[str, Any]", value).items()}
    return value
