"""How much room letters take. No font is measured, so the widest usual one is assumed."""

import unicodedata
from typing import Final

_NARROW: Final = frozenset("ijl.,:;'|!()[] -")
_WIDE: Final = frozenset("mwMW@%\u2026\u2013")
_ROUNDING: Final = 0.01


def width(text: str, size: float) -> float:
    """About the most pixels that a line of text takes in a proportional font of `size` pixels."""
    return sum(map(_share, text)) * size


def cut_to(text: str, size: float, room: float) -> str:
    """The text, or as much from its beginning as fits, with an ellipsis."""
    if width(text, size) <= room + _ROUNDING:
        return text
    kept, left = "", room - width("\u2026", size)
    for letter in text:
        left -= _share(letter) * size
        if left < 0:
            break
        kept += letter
    return f"{kept}\u2026"


def _share(letter: str) -> float:
    """The part of an em that a letter takes."""
    if unicodedata.combining(letter):
        return 0
    if letter in _NARROW:
        return 0.38
    if letter in _WIDE:
        return 0.98
    if unicodedata.east_asian_width(letter) in "WF" or ord(letter) > 0xFFFF:
        return 1.3
    return 0.74 if letter.isupper() or not letter.isascii() else 0.61
