"""Makes Markdown that somebody else wrote safe to be shown in a comment of the workflow's."""

import re
from typing import Final

_BROKEN: Final = "\u200b"
"""Takes no room, and keeps two characters from meaning something together."""

_TAGS = ("details", "summary", "br", "sub", "sup", "b", "code", "strong", "em")
_OTHER_TAG = re.compile(rf"<(?=[!?]|/?[a-zA-Z])(?!/?(?:{'|'.join(_TAGS)})(?:\s+open)?\s*/?>)")
_MARKERS = re.compile(r"\s*(?:<!--[^\n<>]*-->\s*)+")
"""Comments that a text begins with, which nobody was meant to see."""

_AT = r"&(?:#0*64|#[xX]0*40|commat);"
_NUMBER = r"&(?:#0*35|#[xX]0*23|num);"
_ACTING = re.compile(
    # Somebody's name, also where either is written as HTML's word for a letter.
    rf"@(?=[a-zA-Z0-9&])|{_AT}(?!{_BROKEN})"
    # A number of an issue, which would be told there that it was mentioned; its address; an image from anywhere.
    rf"|(?<!&)#(?=[0-9&])|{_NUMBER}(?!{_BROKEN})|\b[gG][hH]-(?=[0-9&])|/(?:issues|pull|discussions)/(?=[0-9%&])|!(?=\[)"
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_FENCE = re.compile(r" {0,3}(?P<fence>`{3,}|~{3,})(?P<info>.*)")


def harmless(text: str, most: int, rest: str) -> str:
    """The text in at most so many bytes; where it was cut off, `rest` says so at its end.

    Nobody is mentioned, no issue is told of it, and no image is fetched. No tag but those of a folded section is left,
    nor a comment that could be taken for a marker.
    Fences and folded sections that are left open are closed, so that what follows in the comment is seen.
    """
    text = _CONTROL.sub("", text.replace("\r\n", "\n"))
    if found := _MARKERS.match(text):
        text = text[found.end() :]
    text = _ACTING.sub(rf"\g<0>{_BROKEN}", _OTHER_TAG.sub(f"<{_BROKEN}", text)).strip()
    whole = _closed(text)
    if len(whole.encode()) <= most:
        return whole
    room = most - len(rest.encode()) - 2
    kept = room
    while kept > 0:
        # At a line's end, so that no link and no row of a table is cut in two.
        shown = _closed(text.encode()[:kept].decode(errors="ignore").rpartition("\n")[0])
        if len(shown.encode()) <= room:
            return f"{shown}\n\n{rest}"
        kept -= len(shown.encode()) - room
    return rest


def _closed(text: str) -> str:
    fence = ""
    for line in text.split("\n"):
        found = _FENCE.fullmatch(line)
        if found is None:
            continue
        if not fence:
            if "`" not in found["info"] or found["fence"].startswith("~"):
                fence = found["fence"]
        elif found["fence"].startswith(fence) and not found["info"].strip():
            fence = ""
    if fence:
        text += f"\n{fence}"
    missing = len(re.findall(r"<details[ >]", text)) - text.count("</details>")
    return text + "\n\n</details>" * max(0, missing)
