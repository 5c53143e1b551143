"""Names and values as people may safely see them: on one line, not too long, and with nothing in them that acts."""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, cast

from workbench.diff.model import ABSENT
from workbench.diff.snapshot import Code, Hidden

SECRET = "[secret]"  # noqa: S105

_CONTEXT = 24
"""The characters kept before the first difference of two long values."""

_MARK_ROOM = 32
"""The characters that the count of what is left out may take."""


def visible(text: str) -> str:
    r"""`text` with everything that is not seen as itself written out: control characters as `\x1b`, bidi as `\u202e`.

    What Unicode calls not printable is escaped: control and format characters, lone surrogates, and all spaces
    but the ordinary one.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else _SHORT.get(letter) or _escaped(letter) for letter in text)


_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def _escaped(letter: str) -> str:
    code = ord(letter)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def named(text: str, limit: int = 120) -> str:
    """A name from the program; in quotation marks where nothing would be seen of it."""
    return cut(text, limit) if text.strip() else f'"{cut(text, limit)}"'


def cut(text: str, limit: int) -> str:
    """`text`, made visible, with what is more than `limit` characters taken out of its middle and counted."""
    if len(text) <= limit and len(shown_whole := visible(text)) <= limit:
        return shown_whole
    room = max(limit - _MARK_ROOM, 0)
    head = _fitting(text[:limit], room * 2 // 3)
    tail = _fitting(reversed(text[len(head) :][-limit:]), room // 3)
    left_out = len(text) - len(head) - len(tail)
    return f"{''.join(head)}[... {left_out:,} characters ...]{''.join(reversed(tail))}"


def _fitting(letters: Iterable[str], room: int) -> list[str]:
    kept = list[str]()
    for letter in letters:
        kept.append(visible(letter))
        room -= len(kept[-1])
        if room < 0:
            return kept[:-1]
    return kept


def value(item: Any, limit: int = 120) -> str:
    """A property's value on one line: as JSON, but for what does not fit."""
    return cut(_as_json(item), limit)


def value_pair(before: Any, after: Any, limit: int = 120) -> tuple[str, str]:
    """Two values as `value` shows them, but long ones from where they begin to differ."""
    one, other = _as_json(before), _as_json(after)
    start = _alike(one, other) - _CONTEXT
    if start <= _MARK_ROOM or max(len(one), len(other)) <= limit:
        return cut(one, limit), cut(other, limit)
    mark = f"[... {start:,} characters ...]"
    return mark + cut(one[start:], limit), mark + cut(other[start:], limit)


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((position for position, (left, right) in pairs if left != right), min(len(one), len(other)))


def unseen_difference(before: Any, after: Any) -> str:
    """What tells two values apart that are shown alike: nothing where they are not."""
    text = _as_json(before)
    if text != _as_json(after):
        return ""
    return "another secret" if SECRET in text else "another one, known once it is deployed"


def _as_json(item: Any) -> str:
    return SECRET if isinstance(item, Hidden) else json.dumps(shown(item), ensure_ascii=False)


def shown(item: Any) -> Any:
    """`item` as JSON that may leave the process: a secret as `[secret]`, an archive as `{"archive": digest}`.

    Nothing, which is `ABSENT`, is null.
    """
    match item:
        case Hidden():
            return SECRET
        case Code():
            return {"archive": encodable(item.digest)}
        case str():
            return encodable(item)
        case Mapping():
            return {encodable(str(key)): shown(each) for key, each in cast("Mapping[Any, Any]", item).items()}
        case list() | tuple():
            return [shown(each) for each in cast("Iterable[Any]", item)]
        case float():
            return int(item) if item.is_integer() else item if math.isfinite(item) else str(item)
        case _:
            return None if item is ABSENT else item


def encodable(text: str) -> str:
    """`text` as UTF-8 can hold it: the names of files may have bytes in them that are none."""
    return text.encode(errors="backslashreplace").decode()
