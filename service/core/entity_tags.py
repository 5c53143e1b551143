"""Entity tags (RFC 9110, section 8.8.3) of objects that count their versions, and the requests that name them."""

import re
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Header, Response, status
from pydantic.json_schema import SkipJsonSchema
from sqlalchemy.orm import Mapped

from service.core.preconditions import ANY_VERSION, Precondition

_LONGEST_HEADER = 1000
_LISTED_TAG = re.compile(r'[ \t,]*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?=,|$)')
_VERSION = re.compile(r"[1-9][0-9]{0,9}")


class Versioned(Protocol):
    """What has an entity tag."""

    version: Mapped[int]
    """1 when made, one more with each change."""


Tagged = TypeVar("Tagged", bound=Versioned)


class Tags:
    """Puts the tag of the one object of an answer on the response, and leaves out what the client already has."""

    def __init__(self, response: Response, if_none_match: str | None) -> None:
        self._response = response
        self._held = None if if_none_match is None else _precondition(if_none_match, weak_too=True)

    def answer(self, row: Tagged) -> Tagged | Response:
        """The row, or a 304 where the client holds it as it is."""
        tag = entity_tag(row)
        if self._held is not None and (self._held.versions is None or row.version in self._held.versions):
            return Response(status_code=status.HTTP_304_NOT_MODIFIED, headers={"ETag": tag})
        self._response.headers["ETag"] = tag
        return row


# Asynchronous, like all that does not wait: FastAPI would call it in a thread otherwise.
async def _tags(
    response: Response,
    if_none_match: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias="If-None-Match",
            max_length=_LONGEST_HEADER,
            description="Entity tags that the client holds the object for, or `*`: one of them is answered 304.",
        ),
    ] = None,
) -> Tags:
    return Tags(response, if_none_match)


TagsDependency = Annotated[Tags, Depends(_tags)]
"""For operations that read one object."""


def entity_tag(row: Versioned) -> str:
    """The strong entity tag of the row as it is."""
    return f'"{row.version}"'


async def _expected(
    if_match: Annotated[
        str | SkipJsonSchema[None],
        Header(
            alias="If-Match",
            max_length=_LONGEST_HEADER,
            description="Entity tags of which the object must have one, or `*`: it is changed only then, else 412.",
        ),
    ] = None,
) -> Precondition:
    return ANY_VERSION if if_match is None else _precondition(if_match, weak_too=False)


ExpectedVersion = Annotated[Precondition, Depends(_expected)]
"""What If-Match asks for: any version where it was not sent."""


def _precondition(header: str, *, weak_too: bool) -> Precondition:
    """What the header names. A header that is no list of entity tags names nothing."""
    header = header.strip(" \t").rstrip(" \t,")
    if header == "*":
        return ANY_VERSION
    versions: set[int] = set()
    position = 0
    while position < len(header):
        found = _LISTED_TAG.match(header, position)
        if found is None:
            return Precondition(frozenset())
        position = found.end()
        # If-Match compares strongly, If-None-Match weakly (RFC 9110, sections 13.1.1 and 13.1.2).
        if _VERSION.fullmatch(found[2]) and (weak_too or found[1] is None):
            versions.add(int(found[2]))
    return Precondition(frozenset(versions))
