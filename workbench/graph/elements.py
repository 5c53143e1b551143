"""Elements of a document. Text only gets in as text, and nothing in it is left that one does not see."""

from collections.abc import Mapping
from typing import Final
from xml.etree import ElementTree as Tree

from workbench.report.values import visible

_BREAKS: Final = ("\n", "\t")

Content = str | Tree.Element | None


def element(tag: str, attributes: Mapping[str, str | float | None] | None = None, *content: Content) -> Tree.Element:
    """An element with its attributes, those that are None left out, and what is in it."""
    made = Tree.Element(
        tag, {name: _attribute(value) for name, value in (attributes or {}).items() if value is not None}
    )
    add(made, *content)
    return made


def add(parent: Tree.Element, *content: Content) -> None:
    """Puts more into an element, after what is there. None is nothing."""
    for each in content:
        if isinstance(each, Tree.Element):
            parent.append(each)
        elif each is not None:
            _add_text(parent, seen(each))


def seen(text: str) -> str:
    """A text with all written out that would not be seen, but for the ends of lines."""
    return text if text.isprintable() else "".join(each if each in _BREAKS else visible(each) for each in text)


def _add_text(parent: Tree.Element, text: str) -> None:
    if len(parent):
        parent[-1].tail = (parent[-1].tail or "") + text
    else:
        parent.text = (parent.text or "") + text


def _attribute(value: str | float) -> str:
    if isinstance(value, str):
        return visible(value)
    return f"{value:.1f}".removesuffix(".0")
